"""Connections that do not keep the server: slow, half-open, over-long and never read.

What is here: uvicorn's protocol with deadlines for a request's head and body and for taking an answer, and with a
bound for a head. What is not: the size of bodies and of query strings, which operations bound. Our choice: all of it.

A request that comes in one piece, as almost all do, starts no timer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.errors import HeadTooLarge, Problem, TimedOut
from headrace.ids import RandomIds
from headrace.jsonapi.context import JSON_API
from headrace.jsonapi.document import encode
from headrace.jsonapi.problems import error_document, log_refusal
from headrace.jsonapi.serve import refusal

MAX_HEAD = 128 * 1024
"""Bytes of a request's line and headers, the query string among them."""
RATE = 1024
"""Bytes a second: a body or an answer that moves so fast may take as long as it needs."""
LINGER = 5.0
"""Seconds after which a client whose connection is closed must be taking what it was sent, or else loses it."""


def patient(seconds: float) -> type[HttpToolsProtocol]:
    """Return the protocol for `uvicorn.Config(http=...)` with a patience of so many seconds."""
    return type("Patient", (PatientProtocol,), {"patience": seconds})


class PatientProtocol(HttpToolsProtocol):
    """A connection whose client has `patience` seconds to send a head, and for each further part of a body."""

    patience = 20.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arriving = self._headed = False
        self._head = self._body = self._body_seen = self._unsent = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a first request."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget every deadline."""
        self._stop_watching()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a piece; what it leaves unfinished gets a deadline."""
        headed, body = self._headed, self._body
        super().data_received(data)
        if not self._arriving:
            self._between_requests()
            return
        if self._deadline is None:
            self._watch()
        if self._headed == headed and self._body == body:
            # No more of a head, or only of the fields behind a body in chunks, which are kept like a head's.
            self._head += len(data)
            if self._head > MAX_HEAD:
                self._cut_off(_too_large())

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._arriving, self._headed = True, False
        self._head = self._body = self._body_seen = 0

    def on_headers_complete(self) -> None:
        """Hand the request over, or refuse it for its size."""
        self._headed = True
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        served = self.app
        if size > MAX_HEAD:
            self.app = _refuse_head
        super().on_headers_complete()
        self.app = served

    def on_body(self, body: bytes) -> None:
        """Count."""
        self._body += len(body)
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Have the whole request."""
        self._arriving = self._headed = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """See that an answer which nobody takes does not keep a connection that is to be closed."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._linger()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, whatever it was sent and did not take."""
        super().timeout_keep_alive_handler()
        self._linger()

    def pause_writing(self) -> None:
        """Begin to watch whether the client takes what it is sent."""
        super().pause_writing()
        self._watch_taking()

    def resume_writing(self) -> None:
        """Have been taken enough of."""
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
        if self.flow is not None:
            super().resume_writing()

    def _between_requests(self) -> None:
        """Have got all of a request, or but empty lines: one deadline always runs, unless an answer is under way."""
        if self.cycle is None:
            return
        self._stop_watching()
        if self.cycle.response_complete and not self.transport.is_closing():
            # The server stopped this timer for what came now, as if that began a request.
            self._unset_keepalive_if_required()
            later = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = later

    def _watch(self) -> None:
        self._body_seen = self._body
        self._deadline = self.loop.call_later(self.patience, self._too_slow)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        """Cut a slow client off; one that waits for us, or that sends fast enough, goes on."""
        self._deadline = None
        ours = self.flow.read_paused or (self._headed and self.cycle.waiting_for_100_continue)
        if ours or (self._headed and self._body - self._body_seen >= RATE * self.patience):
            self._watch()
        else:
            what = "body" if self._headed else "head"
            self._cut_off(TimedOut(f"The request's {what} was not sent within {self.patience:g} seconds."))

    def _cut_off(self, problem: Problem) -> None:
        """Answer if an answer can be given, and close. Whoever never said anything is told nothing."""
        if self._arriving and not self._answering():
            self.transport.write(_raw(problem))
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
        self._linger()

    def _answering(self) -> bool:
        """Tell whether some answer is under way, into which nothing may be written."""
        if self.cycle is None or (self.cycle.response_complete and not self._headed):
            return False
        return bool(self.cycle.response_started or self.pipeline) or not self._headed

    def _watch_taking(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(self.patience, self._not_taken)

    def _not_taken(self) -> None:
        self._taking = None
        if self._unsent - self.transport.get_write_buffer_size() >= RATE * self.patience:
            self._watch_taking()
        else:
            self.transport.abort()

    def _linger(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        self.loop.call_later(min(LINGER, self.patience), self._lingered, unsent)

    def _lingered(self, unsent: int) -> None:
        """Give a closed connection up, unless its client goes on taking what it was sent."""
        taken = unsent - self.transport.get_write_buffer_size()
        if self._taking is not None or taken >= RATE * min(LINGER, self.patience):
            self._linger()
        else:
            self.transport.abort()


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(f"The request's line and headers are larger than {MAX_HEAD} bytes, the most allowed.")


async def _refuse_head(scope: Scope, receive: Receive, send: Send) -> None:
    response = refusal([_too_large()], RandomIds(), told=f"{scope['method']} (a head that is too large)")
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


def _raw(problem: Problem) -> bytes:
    """Return an answer as it goes over the wire."""
    document = error_document([problem], RandomIds())
    log_refusal(problem.status, document, "a request that was not complete")
    body = encode(document)
    head = (
        f"HTTP/1.1 {problem.status} {problem.title.rstrip('.')}\r\nContent-Type: {JSON_API}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
