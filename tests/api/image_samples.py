"""Images for tests, and a shop's server that serves some."""

from __future__ import annotations

import asyncio
import base64
import ssl
from io import BytesIO

from PIL import Image


def picture(kind: str = "png", size: tuple[int, int] = (4, 3), color: str = "red") -> bytes:
    """Return a small image."""
    file = BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def data_uri(content: bytes, kind: str = "png") -> str:
    """Return the data URI of an image."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


class Shop:
    """A server of a shop on loopback, which answers what it is told to and counts."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen and return the address."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start_again(self, context: ssl.SSLContext) -> int:
        """Listen with a certificate instead, and return the port."""
        await self.stop()
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=context)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split()[1].decode()
        self.asked.append(path)
        writer.write(self.answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
        if path != "/slow.png":
            writer.close()


def http_answer(content: bytes, head: str = "") -> bytes:
    """Return an answer with a content."""
    return f"HTTP/1.1 200 OK\r\n{head}Connection: close\r\n\r\n".encode() + content


def redirect(where: str) -> bytes:
    """Return an answer that leads elsewhere."""
    return f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
