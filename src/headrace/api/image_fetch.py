"""Getting an image from an address or a data URI.

What is here: which addresses are asked, how long and how much is listened to. What is not: what is in an image
(`image_content`). Source: the published operation upload_image_from_url.

Our choice: addresses of the own network are refused unless HEADRACE_IMAGE_SOURCES is "any", because whoever may upload
images must not look around in it. A name is looked up once, and the connection goes to the address that was checked.

Our choice: a fetch may take 10 seconds in all and follow 3 redirects, each checked likewise.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import httpx

from headrace.api.image_content import LARGEST

PATIENCE = 10.0
"""Seconds for a fetch."""
MOST_REDIRECTS = 3
LONGEST = 8 * 1024 * 1024
"""Characters of an address; a data URI of the largest image has about seven million."""
LONGEST_ADDRESS = 2048
PORTS = {"http": 80, "https": 443}
LAST_PORT = 65_535


class Unreachable(ValueError):
    """An address that gives no image; the message is a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was got, and what it may be called (empty: nothing)."""

    content: bytes
    name: str = ""


async def fetch_image(address: str, *, anywhere: bool = False, patience: float = PATIENCE) -> Fetched:
    """Return the content at an address or in a data URI; raises `Unreachable`.

    `anywhere` permits addresses of the own network.
    """
    if address[:5].lower() == "data:":
        return Fetched(await asyncio.to_thread(_in_data_uri, address))
    if len(address) > LONGEST_ADDRESS:
        raise Unreachable(f"The address has {len(address)} characters; at most {LONGEST_ADDRESS} are read")
    try:
        async with asyncio.timeout(patience):
            return await _fetched(address, anywhere)
    except TimeoutError:
        raise Unreachable(f"The address did not answer within {patience:g} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        if isinstance(error, Unreachable):
            raise
        raise Unreachable(f"The address cannot be read: {type(error).__name__}") from error


async def _fetched(address: str, anywhere: bool) -> Fetched:
    url = httpx.URL(address)
    trusted = await asyncio.to_thread(httpx.create_ssl_context)  # which reads many certificates
    async with httpx.AsyncClient(verify=trusted, timeout=PATIENCE, follow_redirects=False, trust_env=False) as client:
        for _ in range(MOST_REDIRECTS + 1):
            answer = await _asked(client, url, anywhere)
            if isinstance(answer, bytes):
                return Fetched(answer, url.path.rsplit("/", 1)[-1])
            url = answer
    raise Unreachable(f"The address redirects more than {MOST_REDIRECTS} times")


async def _asked(client: httpx.AsyncClient, url: httpx.URL, anywhere: bool) -> bytes | httpx.URL:
    """Return the content at an address, or where it redirects to."""
    if url.scheme not in PORTS or not url.host or url.userinfo:
        raise Unreachable("An image comes from an http or https address without credentials, or from a data URI")
    number = await _looked_up(url, anywhere)
    headers = {"Host": url.netloc.decode(), "Accept": "image/*", "Accept-Encoding": "identity"}
    request = client.build_request(
        "GET", url.copy_with(host=number), headers=headers, extensions={"sni_hostname": url.host}
    )
    response = await client.send(request, stream=True)
    try:
        if response.is_redirect and (location := response.headers.get("location")):
            return url.join(location)
        if response.status_code != 200:
            raise Unreachable(f"The address answered {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unreachable("The address answered in an encoding that was not asked for")
        return await _content(response)
    finally:
        await response.aclose()


async def _looked_up(url: httpx.URL, anywhere: bool) -> str:
    """Return the number of a host, none of whose numbers may be of the own network unless `anywhere`."""
    port = url.port or PORTS[url.scheme]
    if port > LAST_PORT:
        raise Unreachable(f"The address has the port {port}; the last one is {LAST_PORT}")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unreachable(f"The host {url.host[:255]} is not known") from None
    numbers = [str(one[4][0]) for one in found]
    if not anywhere and not all(is_public(number) for number in numbers):
        raise Unreachable(f"The host {url.host[:255]} is part of the own network, which images do not come from")
    return numbers[0]


def is_public(number: str) -> bool:
    """Return whether an address belongs to the internet, and not to this machine or its network."""
    try:
        address = ipaddress.ip_address(number.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return is_public(str(inner))
        if address in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        if address not in UNICAST:
            return False
    return address.is_global and not address.is_multicast


NAT64 = ipaddress.ip_network("64:ff9b::/96")
UNICAST = ipaddress.ip_network("2000::/3")
"""All that is given out of the internet's addresses of version 6; the others are site-local ones, and ways of writing
those of version 4, which translators of the own network may know."""


async def _content(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > LARGEST:
            raise Unreachable(f"The image is larger than {LARGEST} bytes (5 MB)")
        parts.append(chunk)
    return b"".join(parts)


def _in_data_uri(address: str) -> bytes:
    """Return the content of a `data:` URI; raises `Unreachable`."""
    head, comma, content = address[5:].partition(",")
    if not comma:
        raise Unreachable("The data URI has no comma, behind which its content would stand")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(content)
    try:
        return base64.b64decode(unquote_to_bytes(content), validate=True)
    except (binascii.Error, ValueError):
        raise Unreachable("The content of the data URI is not base64") from None
