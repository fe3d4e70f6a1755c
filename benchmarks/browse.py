"""One GET over and over, over keep-alive connections: how long each takes.

Run as a process of its own (`python -m benchmarks.browse HOST PORT CONNECTIONS COUNT PATH KEY`). Every connection sends
the next request as soon as it has read the whole answer, so that as many requests are under way as there are
connections. Prints the seconds in all, how many answers were good, and each latency in seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field

import uvloop

GOOD = b"HTTP/1.1 200"
LENGTH = b"content-length:"


@dataclass
class Record:
    """What is left to send, and what has come of the rest."""

    left: int
    good: int = 0
    latencies: list[float] = field(default_factory=list)


class Reader(asyncio.Protocol):
    """One connection: sends the request, reads the whole answer, sends it again."""

    def __init__(self, request: bytes, record: Record, done: asyncio.Future[None]) -> None:
        self.request = request
        self.record = record
        self.done = done
        self.head = b""
        self.missing: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.next()

    def next(self) -> None:
        """Send the request once more, or finish."""
        if self.record.left:
            self.record.left -= 1
            self.began = time.perf_counter()
            self.transport.write(self.request)  # type: ignore[attr-defined]
        else:
            self.transport.close()
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Read on: the head until its end, then as many bytes as it told of."""
        if self.missing is None:
            self.head += data
            head, found, body = self.head.partition(b"\r\n\r\n")
            if not found:
                return
            lines = head.lower().split(b"\r\n")
            length = next((line for line in lines if line.startswith(LENGTH)), LENGTH + b"0")
            self.record.good += head.startswith(GOOD)
            self.missing = int(length[len(LENGTH) :]) - len(body)
        else:
            self.missing -= len(data)
        if self.missing <= 0:
            self.record.latencies.append(time.perf_counter() - self.began)
            self.head, self.missing = b"", None
            self.next()

    def connection_lost(self, error: Exception | None) -> None:
        """Report a connection that broke before the end."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


async def browse(host: str, port: int, connections: int, request: bytes, record: Record) -> float:
    """Send the request as often as the record has left; return the seconds taken."""
    loop = asyncio.get_running_loop()
    futures = []
    began = time.perf_counter()
    for _ in range(connections):
        done = loop.create_future()
        await loop.create_connection(lambda done=done: Reader(request, record, done), host, port)
        futures.append(done)
    await asyncio.gather(*futures)
    return time.perf_counter() - began


def main() -> None:
    """Send what the arguments say and print `seconds good latency latency ...`."""
    host, port, connections, count, path, key = sys.argv[1:7]
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Klaviyo-API-Key {key}\r\n"
        "revision: 2026-07-15\r\nAccept: application/vnd.api+json\r\n\r\n"
    )
    record = Record(int(count))
    seconds = uvloop.run(browse(host, int(port), int(connections), request.encode(), record))
    print(seconds, record.good, *(f"{one:.6f}" for one in record.latencies))


if __name__ == "__main__":
    main()
