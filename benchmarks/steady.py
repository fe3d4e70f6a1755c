"""Posts events at an even rate and tells when each was accepted.

Run as a process of its own (`python -m benchmarks.steady PORT CONNECTIONS RATE FILE KEY`). FILE holds the bodies, one a
line. Prints, line by line in their order, the seconds since the Unix epoch at which the 202 of each was read, 0 for
another answer. A connection posts one body at a time; connections take turns.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from headrace.clock import SystemClock, stopwatch

PATH = "/api/events"


async def send(port: int, connections: int, rate: float, key: str, bodies: list[bytes]) -> list[float]:
    """Post each body when its time has come and return when each was accepted."""
    accepted = [0.0] * len(bodies)
    began = stopwatch()

    async def share(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(first, len(bodies), connections):
            await asyncio.sleep(max(0.0, began + number / rate - stopwatch()))
            writer.write(_request(port, key, bodies[number]))
            if await _status(reader) == b"202":
                accepted[number] = SystemClock().now().timestamp()
        writer.close()

    await asyncio.gather(*(share(first) for first in range(connections)))
    return accepted


def _request(port: int, key: str, body: bytes) -> bytes:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Klaviyo-API-Key {key}\r\n"
        f"revision: 2026-07-15\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _status(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line[15:] for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"]
    await reader.readexactly(int(lengths[0]) if lengths else 0)
    return head.split(b" ", 2)[1]


def main() -> None:
    """Read the bodies, post them, print when they were accepted."""
    port, connections, rate, file, key = sys.argv[1:6]
    bodies = Path(file).read_bytes().splitlines()
    for moment in asyncio.run(send(int(port), int(connections), float(rate), key, bodies)):
        print(moment)


if __name__ == "__main__":
    main()
