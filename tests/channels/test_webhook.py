"""The webhook provider against a server on the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from headrace.channels.port import EmailEnvelope, Passage, Refusal, Refused, Result, Retry, Sent, WebhookEnvelope
from headrace.channels.webhook.answer import LARGEST, answered
from headrace.channels.webhook.http import AT_ONCE, SILENT, WebhookProvider, is_this_machine

JSON = (("Content-Type", "application/json"),)


def passage(number: int = 5) -> Passage:
    """Return whose message it is."""
    at = datetime(2026, 3, 18, tzinfo=UTC)
    return Passage(UUID(int=number), "AbC123", "01GDDKASAP8TKDDA2GRZDSVP4H", "MsG001", "FlOw01", at)


@dataclass
class Receiver:
    """A server that answers with what a test gives it and keeps what it was sent."""

    answer: bytes = b""
    silent: bool = False
    port: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, if one comes, and close the connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.requests.append(head + await reader.readexactly(length))
        if self.silent:
            await reader.read()  # until the caller gives up
        writer.write(self.answer)


@asynccontextmanager
async def receiver(answer: bytes = b"", *, silent: bool = False) -> AsyncIterator[Receiver]:
    """Run a receiver on a free port."""
    made = Receiver(answer, silent)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return an answer as bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def post(url: str, *, patience: float = 5.0, plain_anywhere: bool = False, count: int = 1) -> Sequence[Result]:
    """Post to an address and return the results."""
    provider = WebhookProvider(plain_anywhere=plain_anywhere, patience=patience)
    try:
        made = [WebhookEnvelope(passage(5 + n), url, JSON, '{"name": "Ann"}') for n in range(count)]
        return await provider.send_many(made)
    finally:
        await provider.close()


async def test_json_is_posted_with_the_deliverys_id() -> None:
    """Path, headers and body arrive as they were given, and the answer becomes the output."""
    async with receiver(response("200 OK", b'{"score": 7}')) as shop:
        results = await post(shop.url)
    head, _, body = shop.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert ("POST /hook?a=1 HTTP/1.1", b'{"name": "Ann"}') == (lines[0], body)
    headers = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines[1:]}
    wanted = {"content-type": "application/json", "headrace-delivery": str(UUID(int=5)), "user-agent": "Headrace"}
    assert wanted == {name: headers[name] for name in wanted}
    assert [Sent(str(UUID(int=5)), {"status": 200, "body": {"score": 7}, "error": None})] == results


LATER = timedelta(seconds=30)
SENT = str(UUID(int=5))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response("204 No Content"), Sent(SENT, {"status": 204, "body": None, "error": None})),
        (response("200 OK", b"fine"), Sent(SENT, {"status": 200, "body": "fine", "error": None})),
        (response("500 Oh", b"no"), Retry(LATER, "the receiver answered 500", answered(500, b"no"))),
        (response("429 Slow"), Retry(LATER, "the receiver answered 429", answered(429, b""))),
        (
            response("503 Busy", b"", "Retry-After: 90"),
            Retry(timedelta(seconds=90), "the receiver answered 503", answered(503, b"")),
        ),
        (
            response("503 Busy", b"", "Retry-After: 999999"),
            Retry(timedelta(hours=1), "the receiver answered 503", answered(503, b"")),
        ),
        (
            response("404 No", b'{"why": 1}'),
            Refused(
                "the receiver answered 404",
                Refusal.CONTENT,
                {"status": 404, "body": {"why": 1}, "error": "the receiver answered 404"},
            ),
        ),
    ],
)
async def test_the_status_decides(answer: bytes, expected: Result) -> None:
    """Success is sent, overload and failure come again, any other refusal is for good."""
    async with receiver(answer) as shop:
        assert [expected] == await post(shop.url)


async def test_a_redirect_is_not_followed() -> None:
    """The address that it names is never called."""
    async with receiver(response("200 OK")) as other, receiver() as shop:
        shop.answer = response("302 Found", b"", f"Location: {other.url}")
        (result,) = await post(shop.url)
    assert isinstance(result, Refused)
    assert ("the receiver answered 302, and redirects are not followed", 302) == (
        result.reason,
        result.output and result.output["status"],
    )
    assert [] == other.requests


async def test_a_long_answer_is_cut_off() -> None:
    """The call counts, the body is left out."""
    async with receiver(response("200 OK", b"x" * (LARGEST + 1))) as shop:
        (result,) = await post(shop.url)
    error = f"the answer is longer than {LARGEST} bytes"
    assert Sent(SENT, {"status": 200, "body": None, "error": error}) == result


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """What is asked for is plain; whoever sends something else is heard as text, so that nothing swells up."""
    packed = b"\x1f\x8b\x08\x00\xff\x00"
    async with receiver(response("200 OK", packed, "Content-Encoding: gzip")) as shop:
        (result,) = await post(shop.url)
    assert b"accept-encoding: identity" in shop.requests[0].lower()
    assert isinstance(result, Sent)
    assert result.output is not None
    assert isinstance(result.output["body"], str)
    assert "\x00" not in result.output["body"]


async def test_a_receiver_that_does_not_answer_is_asked_later() -> None:
    """The call ends when its time is over."""
    async with receiver(silent=True) as shop:
        (result,) = await post(shop.url, patience=0.05)
    error = "no answer within 0.05 seconds"
    assert Retry(LATER, error, {"status": None, "body": None, "error": error}) == result


async def test_a_connection_that_is_closed_or_refused_is_tried_later() -> None:
    """Nobody knows more, and the id in the header lets the receiver tell a repetition."""
    async with receiver(b"") as shop:
        (closed,) = await post(shop.url)
    (refused,) = await post("http://127.0.0.1:1/")
    assert (Retry, LATER, Retry, LATER) == (
        type(closed), getattr(closed, "after", None), type(refused), getattr(refused, "after", None),
    )  # fmt: skip


async def test_a_dead_receiver_does_not_hold_up_the_batch() -> None:
    """After some calls in vain the rest of the batch for that host is put off at once."""
    async with receiver(silent=True) as shop:
        results = await post(shop.url, patience=0.05, count=120)
    assert {Retry} == {type(one) for one in results}
    assert AT_ONCE + SILENT > len(shop.requests)


@pytest.mark.parametrize(
    ("url", "plain_anywhere"),
    [("http://hooks.shop.test/x", False), ("http://10.0.0.5/x", False), ("http://127.0.0.1.shop.test/", False)],
)
async def test_plain_http_stays_on_this_machine(url: str, plain_anywhere: bool) -> None:
    """Elsewhere it is refused before anything is sent."""
    (result,) = await post(url, plain_anywhere=plain_anywhere)
    reason = "webhooks go to https addresses, and to plain http ones on this machine only"
    assert Refused(reason, Refusal.CONTENT, {"status": None, "body": None, "error": reason}) == result


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("x", False)],
)
def test_this_machine_is_known_by_its_addresses(host: str, expected: bool) -> None:
    """Loopback addresses and localhost."""
    assert expected == is_this_machine(host)


async def test_a_certificate_that_cannot_be_checked_is_no_connection() -> None:
    """A server that does not speak TLS gets nothing of the message."""
    async with receiver(response("200 OK")) as shop:
        (result,) = await post(shop.url.replace("http://", "https://"), patience=0.5)
    assert isinstance(result, Retry)
    assert [] == shop.requests


async def test_only_webhooks_are_posted() -> None:
    """Another channel's message is refused."""
    mail = EmailEnvelope(passage(), "a@example.com", "One", "", "x", "s@example.com")
    (result,) = await WebhookProvider().send_many([mail])
    assert Refused("the webhook provider sends webhooks only", Refusal.CONTENT) == result


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", None),
        (b'{"a": "x\\u0000y"}', {"a": "xy"}),
        (b"NaN", "NaN"),
        (b"1e999", "1e999"),
        (b"[" * 300 + b"]" * 300, "[" * 300 + "]" * 300),
        (b"[" * 5000, "[" * 5000),
        (b"\xff\x00", "�"),
    ],
)
def test_any_answer_can_be_stored(body: bytes, expected: Any) -> None:
    """What is no JSON that the database keeps is text."""
    assert expected == answered(200, body)["body"]
