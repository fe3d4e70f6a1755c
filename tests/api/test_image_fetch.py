"""Getting images from addresses: what is asked, what is refused."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from image_samples import Shop, http_answer, picture, redirect

from headrace.api.image_content import LARGEST
from headrace.api.image_fetch import Unreachable, fetch_image, is_public
from headrace.clock import SystemClock


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[tuple[Shop, str]]:
    """A shop's server and its address."""
    one = Shop(
        {
            "/logo.png?v=1": http_answer(picture()),
            "/moved": redirect("/logo.png?v=1"),
            "/round": redirect("/round"),
            "/inside": redirect("http://10.0.0.1/x.png"),
            "/large.png": http_answer(b"x" * (LARGEST + 10)),
            "/zipped.png": http_answer(picture(), "Content-Encoding: gzip\r\n"),
            "/slow.png": b"HTTP/1.1 200 OK\r\n\r\n",
        }
    )
    yield one, await one.start()
    await one.stop()


async def test_redirects_are_followed_and_the_file_names_the_image(shop: tuple[Shop, str]) -> None:
    """Without what stands behind the question mark."""
    found = await fetch_image(f"{shop[1]}/moved", anywhere=True)
    assert (picture(), "logo.png") == (found.content, found.name)


def certificate(folder: Path, name: str) -> Path:
    """Write a key and a certificate of a host into one file, which also vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "shop.pem"
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return file


async def test_a_certificate_is_checked_for_the_name_that_was_asked(
    shop: tuple[Shop, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the connection goes to the number that the name was looked up as."""
    file = certificate(tmp_path, "shop.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    loop = asyncio.get_running_loop()

    async def looked_up(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(loop, "getaddrinfo", looked_up)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    port = await shop[0].start_again(context)
    found = await fetch_image(f"https://shop.test:{port}/logo.png?v=1", anywhere=True)
    assert (picture(), "logo.png") == (found.content, found.name)
    with pytest.raises(Unreachable, match="ConnectError"):
        await fetch_image(f"https://other.test:{port}/logo.png?v=1", anywhere=True)


@pytest.mark.parametrize("path", ["/missing.png", "/round", "/large.png", "/zipped.png"])
async def test_an_address_that_gives_no_image_is_refused(shop: tuple[Shop, str], path: str) -> None:
    """A status that is not 200, redirects in a circle, too much, and encodings nobody asked for."""
    with pytest.raises(Unreachable):
        await fetch_image(shop[1] + path, anywhere=True)


async def test_an_address_that_does_not_answer_is_given_up(shop: tuple[Shop, str]) -> None:
    """The whole fetch has one deadline."""
    with pytest.raises(Unreachable, match=r"did not answer within 0\.1 seconds"):
        await fetch_image(f"{shop[1]}/slow.png", anywhere=True, patience=0.1)


async def test_a_port_that_cannot_be_is_refused() -> None:
    """Whichever loop would be asked to connect to it."""
    with pytest.raises(Unreachable, match="the port 65536"):
        await fetch_image("http://127.0.0.1:65536/logo.png", anywhere=True)


async def test_addresses_of_the_own_network_are_refused_without_being_asked(shop: tuple[Shop, str]) -> None:
    """Neither at first nor by a redirect, by number or by name."""
    for address in (f"{shop[1]}/logo.png?v=1", shop[1].replace("127.0.0.1", "localhost") + "/logo.png?v=1"):
        with pytest.raises(Unreachable, match="own network"):
            await fetch_image(address)
    assert [] == shop[0].asked


@pytest.mark.parametrize(
    ("number", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:0a00:0001::", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b:1::7f00:1", False),
        ("::10.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("fec0::1", False),
        ("64:ff9b::5db8:d822", True),
        ("nonsense", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(number: str, public: bool) -> None:
    """Whatever way an address of the own network is written."""
    assert public is is_public(number)
