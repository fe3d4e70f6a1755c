"""The receiver in docs/howto/receive-webhooks.md accepts what Headrace signs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headrace.engine.webhook_payloads import headers

GUIDE = Path(__file__).parents[3] / "docs" / "howto" / "receive-webhooks.md"


def snippet() -> dict[str, Any]:
    """Return what the guide's program defines."""
    [code] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": "guide"}
    exec(code, names)
    return names


def test_the_guide_tells_genuine_calls_from_others() -> None:
    """A changed body, time or secret is refused."""
    is_genuine, body = snippet()["is_genuine"], b'{"data": []}'
    signed = headers("H1", "a secret of some length", body, datetime(2024, 1, 4, 18, 5, 25, tzinfo=UTC))
    timestamp, signature = signed["Klaviyo-Timestamp"], signed["Klaviyo-Signature"]
    assert "Thu, 04 Jan 2024 18:05:25 GMT" == timestamp
    assert is_genuine(body, timestamp, signature)
    assert not is_genuine(body + b" ", timestamp, signature)
    assert not is_genuine(body, "Thu, 04 Jan 2024 18:05:26 GMT", signature)
    assert not is_genuine(body, timestamp, signature, "another secret, long")
