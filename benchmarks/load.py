"""A load of prepared HTTP requests over keep-alive connections, cheap enough not to be what is measured.

Run as a process of its own (`python -m benchmarks.load HOST PORT CONNECTIONS FILE`), so that it does not share an event
loop with anything. FILE holds the requests' bodies, one a line. Prints the seconds taken and how many were accepted.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import uvloop


class Sender(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer, sends the next.

    All connections take from one list, so that none is left with work when the others are done.
    """

    def __init__(self, requests: list[bytes], done: asyncio.Future[int]) -> None:
        self.requests = requests
        self.done = done
        self.accepted = 0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.next()

    def next(self) -> None:
        """Send the next request, or finish."""
        if self.requests:
            self.transport.write(self.requests.pop())  # type: ignore[attr-defined]
        else:
            self.transport.close()
            self.done.set_result(self.accepted)

    def data_received(self, data: bytes) -> None:
        """Read an answer; bodies are empty or short and of known length."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(body) < length:
            return
        self.accepted += head.startswith(b"HTTP/1.1 202")
        self.buffer = body[length:]
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        """Report a connection that broke before the end."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


async def send(host: str, port: int, connections: int, requests: list[bytes]) -> tuple[float, int]:
    """Send every request over some connections; return the seconds taken and how many were accepted."""
    loop = asyncio.get_running_loop()
    futures = []
    began = time.perf_counter()
    for _ in range(connections):
        done = loop.create_future()
        await loop.create_connection(lambda done=done: Sender(requests, done), host, port)
        futures.append(done)
    accepted = sum(await asyncio.gather(*futures))
    return time.perf_counter() - began, accepted


def main() -> None:
    """Read the bodies, send them, print `seconds accepted`."""
    host, port, connections, file, path, key = sys.argv[1:7]
    requests = []
    for body in Path(file).read_bytes().splitlines():
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Klaviyo-API-Key {key}\r\n"
            f"revision: 2026-07-15\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    count = len(requests)
    seconds, accepted = uvloop.run(send(host, int(port), int(connections), requests))
    print(seconds, accepted, count)


if __name__ == "__main__":
    main()
