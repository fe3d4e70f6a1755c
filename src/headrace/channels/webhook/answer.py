"""What the answer to a webhook means: sent, refused for good, or to be tried again.

Source: reference 2 (send-webhook).

Our choice: a webhook is tried again after 408, 425, 429, 5xx and no answer, first after 30 seconds.

Our choice: an answer with a redirect is a refusal for good, because redirects are not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from headrace.channels.port import Output, Refusal, Refused, Result, Retry, Sent

LARGEST = 32_768
"""Bytes of an answer that are kept; of a longer one nothing is."""
LATER = timedelta(seconds=30)
"""After a failure; the engine doubles it each time."""
LONGEST = timedelta(hours=1)
AGAIN = frozenset((408, 425, 429))


def judged(status: int, headers: Mapping[str, str], body: bytes | None, key: str) -> Result:
    """Return what an answer means; `body` is None where it was longer than `LARGEST`."""
    output = answered(status, body)
    if 200 <= status < 300:
        return Sent(key, output)
    reason = f"the receiver answered {status}"
    if status in AGAIN or status >= 500:
        return Retry(_pause(headers.get("retry-after", "")), reason, output)
    if 300 <= status < 400:
        reason += ", and redirects are not followed"
    return Refused(reason, Refusal.CONTENT, {**output, "error": reason})


def answered(status: int, body: bytes | None) -> Output:
    """Return the output of an answer: JSON where it is some, else text."""
    if body is None:
        return {"status": status, "body": None, "error": f"the answer is longer than {LARGEST} bytes"}
    return {"status": status, "body": _parsed(body), "error": None}


def unanswered(reason: str) -> Output:
    """Return the output of a call that got no answer."""
    return {"status": None, "body": None, "error": reason}


def _parsed(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        found = _storable(orjson.loads(body))
        orjson.dumps([[[[found]]]])  # so deep may be what is stored
    except (TypeError, ValueError, RecursionError):
        return _storable(body.decode(errors="replace"))
    return found


def _storable(value: Any) -> Any:
    """Return JSON without NULs and halves of characters, which PostgreSQL does not keep."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="ignore").decode()
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return value


def _pause(asked: str) -> timedelta:
    """Return how long to wait; a `Retry-After` in seconds is heard, up to an hour."""
    seconds = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
    return max(LATER, min(timedelta(seconds=seconds), LONGEST))
