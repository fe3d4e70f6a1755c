"""Which addresses webhooks that tell of events may have."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from headrace.channels.webhook.posting import NotTaken, Poster, Taken, objection, stays_here
from hooks import Hook, listening

HEADERS = {"Klaviyo-Signature": "wrong", "Klaviyo-Timestamp": "now"}


@pytest.mark.parametrize(
    ("url", "mode", "allowed"),
    [
        ("https://example.com/hook", "inbox", True),
        ("https://example.com/hook", "https", True),
        ("http://example.com/hook", "https", False),
        ("http://example.com/hook", "http", True),
        ("http://localhost:8000/hook", "inbox", True),
        ("http://127.0.0.1:8000/hook", "https", True),
        ("http://[::1]/hook", "https", True),
        ("http://localhost.example.com/hook", "https", False),
        ("http://127.0.0.1.example.com/hook", "https", False),
        ("http://127.0.0.1@example.com/hook", "https", False),
        ("ftp://example.com/hook", "http", False),
        ("https://example.com:99999/hook", "https", False),
        ("https://example.com:0/hook", "https", False),
        ("https://example.com:x/hook", "https", False),
        ("https://example.com:8443/hook", "https", True),
        ("https:///hook", "http", False),
        ("hook", "http", False),
        ("https://example.com/a hook", "http", False),
    ],
)
def test_addresses_are_secure_or_of_this_machine(url: str, mode: str, allowed: bool) -> None:
    """Plain http goes to other machines only where that is asked for."""
    assert allowed == (objection(url, mode) == "")


def test_with_the_inbox_nothing_leaves_this_machine() -> None:
    """Other settings send."""
    urls = ("https://example.com/hook", "http://localhost/hook", "https://127.0.0.1/hook")
    assert [True, False, False] == [stays_here(url, "inbox") for url in urls]
    assert [False] * 3 == [stays_here(url, "https") for url in urls]


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (204, (), Taken()),
        (302, ("Location: /there",), NotTaken("the receiver answered 302, and redirects are not followed")),
        (429, ("Retry-After: 90",), NotTaken("the receiver answered 429", timedelta(seconds=90))),
        (503, ("Retry-After: 999999",), NotTaken("the receiver answered 503", timedelta(hours=1))),
        (503, ("Retry-After: soon",), NotTaken("the receiver answered 503")),
    ],
)
async def test_answers_are_judged(status: int, headers: tuple[str, ...], expected: Taken | NotTaken) -> None:
    """Success is taken; of the rest the status is told."""
    poster = Poster()
    hook = Hook([status], headers, checks=False)
    async with listening(hook):
        assert expected == await poster.post(hook.url, HEADERS, b"{}")
    await poster.close()
    assert 1 == len(hook.calls)


async def test_nobody_there_is_told() -> None:
    """A connection that is refused is a failure, and so is an address that cannot be."""
    poster = Poster()
    async with listening() as hook:
        url = hook.url
    refused = await poster.post(url, HEADERS, b"{}")
    wrong = await poster.post("https://[::1/hook", HEADERS, b"{}")
    await poster.close()
    assert isinstance(refused, NotTaken)
    assert httpx.ConnectError.__name__ in refused.reason
    assert isinstance(wrong, NotTaken)
