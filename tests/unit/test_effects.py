"""What one more event can do to an answer is told from the event and the definition alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.conditions import ProfileFilter
from headrace.conditions.effects import Effect, effect_of, watching
from headrace.model import Event

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
ALWAYS = {"type": "date", "operator": "alltime"}


def total(operator: str, value: int = 1, **rest: Any) -> dict[str, Any]:
    """Return the condition that the total of a metric compares so with a number."""
    asked = {"type": "numeric", "operator": operator, "value": value}
    counted = {"metric_id": "Metr1x", "measurement": "count", "measurement_filter": asked, "timeframe_filter": ALWAYS}
    return {"type": "profile-metric", **counted, **rest}


def effect(*conditions: dict[str, Any], metric: str = "Metr1x", value: int = 10, **properties: Any) -> Effect:
    """Return what an event can do to a filter that asks for all of these conditions."""
    document = {"condition_groups": [{"conditions": [one]} for one in conditions]}
    compiled = ProfileFilter.model_validate(document).compile("segment")
    return effect_of(watching(compiled, metric), Event(1, "P1", metric, NOW, properties, Decimal(value)), NOW)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("greater-than-or-equal", 3, Effect.TRUE),
        ("greater-than", 0, Effect.TRUE),
        ("not-equals", 0, Effect.TRUE),
        ("less-than", 3, Effect.FALSE),
        ("less-than-or-equal", 3, Effect.FALSE),
        ("equals", 0, Effect.FALSE),
        ("equals", 2, Effect.ANY),
        ("not-equals", 2, Effect.ANY),
    ],
)
def test_one_more_event_moves_a_count_one_way(operator: str, value: int, expected: Effect) -> None:
    """Enough of something is reached, never lost, by one more; few of something is lost, never reached."""
    assert expected == effect(total(operator, value))


def test_a_negative_value_lowers_a_sum() -> None:
    """What is spent grows by an order and shrinks by a value below nothing."""
    spent = total("greater-than", 100, measurement="sum")
    assert (Effect.TRUE, Effect.FALSE) == (effect(spent), effect(spent, value=-5))
    nothing = total("equals", 0, measurement="sum")
    assert Effect.ANY == effect(nothing)


def test_an_event_that_passes_no_filter_changes_nothing() -> None:
    """Neither does one of another metric."""
    brand = {"property": "brand", "filter": {"type": "string", "operator": "equals", "value": "Acme"}}
    bought = total("greater-than", 0, metric_filters=[brand])
    assert (Effect.TRUE, Effect.NOTHING) == (effect(bought, brand="Acme"), effect(bought, brand="Dune"))
    assert Effect.NOTHING == effect(bought, metric="0ther1", brand="Acme")


def test_conditions_together_do_what_each_can() -> None:
    """A count that must be high and one that must be low leave both open."""
    assert Effect.ANY == effect(total("greater-than", 0), total("less-than", 5))


def test_what_asks_otherwise_about_an_event_leaves_all_open() -> None:
    """The time of the last event is moved by every event."""
    last = {"type": "date", "operator": "in-the-last", "quantity": 3, "unit": "day"}
    seen = {"type": "profile-property", "property": "last_event_date", "filter": last}
    assert Effect.ANY == effect(total("greater-than", 0), seen)
    assert Effect.ANY == effect(seen, metric="0ther1")
