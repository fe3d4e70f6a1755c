"""What type a property is taken to have, by some of its values."""

from __future__ import annotations

import pytest

from headrace.storage.metric_properties import inferred_type, property_id


@pytest.mark.parametrize(
    ("kinds", "texts", "expected"),
    [
        (["number", "number"], [None, None], "Number"),
        (["null", "boolean"], [None, None], "Boolean"),
        (["array"], [None], "List"),
        (["object"], [None], "Object"),
        (["string", "string"], ["2026-11-20", "2026-11-20T10:00:00.5+01:00"], "Date"),
        (["string", "string"], ["2026-11-20", "soon"], "Text"),
        (["string"], ["2026-02-31"], "Text"),
        (["string", "number"], ["a", None], "Text"),
        (["array", "object"], [None, None], "Text"),
        (["null"], [None], "Text"),
    ],
)
def test_types_are_those_of_the_values(kinds: list[str], texts: list[str | None], expected: str) -> None:
    """Nulls tell nothing, texts that are all dates are dates, and what is of several types is text."""
    assert expected == inferred_type(kinds, texts)


def test_ids_of_properties_tell_accounts_metrics_and_names_apart() -> None:
    """An id is 32 hexadecimal digits, the same whenever it is asked for."""
    made = [property_id(*one) for one in (("A", "M", "x"), ("B", "M", "x"), ("A", "N", "x"), ("A", "M", "y"))]
    assert (4, {32}) == (len(set(made)), {len(one) for one in made})
    assert made[0] == property_id("A", "M", "x")
