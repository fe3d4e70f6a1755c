"""What one call of a webhook tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from headrace.engine.webhook_payloads import MOST_BYTES, Address, write_letter
from headrace.ids import event_number
from headrace.model import Profile

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADDRESS = Address("AbC123", "H1", "https://headrace.test")
ANA = {"ana": Profile("ana", email="ana@example.com")}


def row(number: int, properties: Any = None, person: str = "ana") -> dict[str, Any]:
    """Return a queued event."""
    return {
        "number": number,
        "profile_id": person,
        "topic": "event:api.placed_order",
        "metric_id": "M1",
        "event_number": event_number(NOON, number),
        "occurred_at": NOON,
        "properties": properties or {"n": number},
    }


def write(*rows: dict[str, Any]) -> tuple[list[int], int]:
    """Return the numbers of the events that a call tells, and how many rows it settles."""
    letter = write_letter(ADDRESS, rows, ANA, {"M1": "Placed Order"}, NOON)  # type: ignore[arg-type]
    told = [
        one["payload"]["data"]["attributes"]["event_properties"].get("n") for one in orjson.loads(letter.body)["data"]
    ]
    assert len(told) == letter.events
    return told, len(letter.rows)


def test_a_call_tells_so_many_events_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is left for the next one."""
    monkeypatch.setattr("headrace.engine.webhook_payloads.MOST_EVENTS", 4)
    assert ([0, 1, 2, 3], 4) == write(*(row(n) for n in range(6)))


def test_a_call_has_so_many_bytes_at_most() -> None:
    """A larger event goes alone."""
    large = {"n": 1, "text": "x" * MOST_BYTES}
    assert ([0], 1) == write(row(0), row(1, large), row(2))
    assert ([1], 1) == write(row(1, large), row(2))


def test_those_who_are_gone_are_settled_without_being_told() -> None:
    """Also where they are all there is."""
    assert ([1], 3) == write(row(0, person="bea"), row(1), row(2, person="bea"))
    assert ([], 1) == write(row(0, person="bea"))


def test_an_event_that_cannot_be_written_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""
    deep: Any = {"n": 0}
    for _ in range(300):
        deep = {"in": deep}
    assert ([1], 2) == write(row(0, deep), row(1))
    assert "cannot be told" in caplog.text
