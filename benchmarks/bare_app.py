"""The least that an API could be: an ASGI application on the same server that checks what it is sent and forgets it.

Run as `python -m benchmarks.bare_app FD [FILE]`, on a listening socket that was handed over. A POST is an event, is
checked and answered 202, and neither authenticated nor kept: at `/models` by the models that describe the body, which
is what one would write, at `/quick` by the quick reading that Headrace does for usual events. A GET is answered with
FILE.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import orjson
import uvicorn
import uvloop

from headrace.api.commands.event_bodies import NewEvent
from headrace.api.commands.quick_events import quick_event
from headrace.cli.memory import calm_collector
from headrace.clock import SystemClock
from headrace.jsonapi.context import Context

MODELS, QUICK = "/models", "/quick"


class Bare:
    """The application; `document` is what a GET answers."""

    def __init__(self, document: bytes) -> None:
        self._document = document
        self._clock = SystemClock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            status, body = (202, b"") if scope["method"] == "POST" else (200, self._document)
            if scope["method"] == "POST":
                raw = await _body(receive)
                good = self._is_usual(raw) if scope["path"] == QUICK else _is_event(raw)
                status = status if good else 400
            length = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": length})
            await send({"type": "http.response.body", "body": body})

    def _is_usual(self, raw: bytes) -> bool:
        context: Context[None] = Context(None, "", _nothing, now=self._clock.now())
        return quick_event(context, raw) is not None


def _is_event(raw: bytes) -> bool:
    try:
        NewEvent.model_validate(orjson.loads(raw))
    except ValueError:
        return False
    return True


async def _nothing(_: Any) -> list[Any]:
    return []


async def _body(receive: Any) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


def main() -> None:
    """Serve until a signal ends it."""
    document = Path(sys.argv[2]).read_bytes() if len(sys.argv) > 2 else b""
    listener = socket.socket(fileno=int(sys.argv[1]))
    server = uvicorn.Server(uvicorn.Config(Bare(document), access_log=False, log_level="warning", lifespan="off"))
    calm_collector()
    uvloop.run(server.serve(sockets=[listener]))


if __name__ == "__main__":
    main()
