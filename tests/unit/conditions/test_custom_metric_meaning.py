"""Custom metrics: what an event of a metric counts for, and list filters that look at beginnings and ends."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.conditions.custom_metric import compile_custom_metric, read_custom_metric
from headrace.conditions.filters.list import ListAffixModel
from headrace.errors import Problems

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BIG = {"property": "Items", "filter": {"type": "numeric", "operator": "greater-than", "value": 2}}
RETAIL = {"property": "Channel", "filter": {"type": "string", "operator": "equals", "value": "retail"}}


def measured(
    method: str, groups: list[dict[str, Any]], properties: dict[str, Any], value: str | None = None, metric: str = "A"
) -> tuple[int, Decimal]:
    """Return what an event of a metric counts for in a custom metric of these groups."""
    custom = compile_custom_metric(read_custom_metric({"aggregation_method": method, "metric_groups": groups}))
    return custom.measure(metric, properties, None if value is None else Decimal(value), NOW)


def test_an_event_counts_when_every_filter_lets_it_through() -> None:
    """Filters of a group are joined by AND; events of other metrics do not count."""
    groups = [{"metric_id": "A", "metric_filters": [BIG, RETAIL]}]
    assert (1, 0) == measured("count", groups, {"Items": 3, "Channel": "retail"}, "9.5")
    assert (0, 0) == measured("count", groups, {"Items": 3, "Channel": "online"}, "9.5")
    assert (0, 0) == measured("count", groups, {"Items": 3, "Channel": "retail"}, "9.5", metric="B")


@pytest.mark.parametrize(
    "nothing", [{}, {"value_property": None, "metric_filters": None}, {"value_property": "$value"}]
)
def test_the_value_is_summed_unless_another_property_is_named(nothing: dict[str, Any]) -> None:
    """Without a property of its own a group sums the event's value."""
    assert (1, Decimal("9.5")) == measured("value", [{"metric_id": "A", **nothing}], {"Tax": 2}, "9.5")


@pytest.mark.parametrize(
    ("tax", "expected"), [(2, "2"), (0.1, "0.1"), ("1.50", "1.50"), (True, "0"), ("much", "0"), (None, "0"), ([1], "0")]
)
def test_a_property_is_summed_where_it_is_a_number(tax: Any, expected: str) -> None:
    """Numbers are exact, text that spells one counts as it; the event counts in any case."""
    groups = [{"metric_id": "A", "value_property": "Tax"}]
    assert (1, Decimal(expected)) == measured("value", groups, {"Tax": tax}, "9.5")


def test_groups_are_added_together() -> None:
    """An event that two groups of its metric let through counts for both."""
    groups = [{"metric_id": "A"}, {"metric_id": "A", "value_property": "Tax"}, {"metric_id": "B"}]
    assert (2, Decimal("11.5")) == measured("value", groups, {"Tax": 2}, "9.5")
    assert (1, Decimal("9.5")) == measured("value", groups, {"Tax": 2}, "9.5", metric="B")


def test_metrics_are_named_once_in_their_order() -> None:
    """Both the definition and what it compiles to name each metric once."""
    groups = [{"metric_id": one} for one in ("B", "A", "B")]
    read = read_custom_metric({"aggregation_method": "count", "metric_groups": groups})
    assert ("B", "A") == read.metric_ids == compile_custom_metric(read).metric_ids


def test_every_mistake_has_its_place() -> None:
    """Several mistakes are several problems, with pointers below the base."""
    with pytest.raises(Problems) as caught:
        read_custom_metric({"aggregation_method": "sum", "metric_groups": [{"metric_id": ""}]}, "/d")
    assert ["/d/aggregation_method", "/d/metric_groups/0/metric_id"] == [one.pointer for one in caught.value.problems]


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("contains-starts-with", "Sh", ["Hats", "Shoes"], True),
        ("contains-starts-with", "oes", ["Hats", "Shoes"], False),
        ("contains-ends-with", "oes", ["Hats", "Shoes"], True),
        ("contains-ends-with", "oes", "Shoes", True),
        ("contains-ends-with", 5, ["A5"], True),
        ("contains-starts-with", "Sh", None, False),
        ("contains-starts-with", "5", [5], False),
        ("contains-starts-with", None, ["Hats"], True),
        ("not-contains-starts-with", "Sh", ["Hats"], True),
        ("not-contains-ends-with", "s", ["Hats"], False),
        ("not-contains-ends-with", "s", None, True),
    ],
)
def test_elements_are_found_by_their_beginnings_and_ends(
    operator: str, operand: Any, value: Any, expected: bool
) -> None:
    """A scalar counts as a list of itself; what is no text has neither beginning nor end."""
    model = ListAffixModel.model_validate({"type": "list", "operator": operator, "value": operand})
    assert expected is model.compile().matches(value, NOW)
