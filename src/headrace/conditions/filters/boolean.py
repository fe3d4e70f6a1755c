"""Boolean filters. Source: reference 3.2. Our choice: the spellings of true and false are read in any case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from headrace.conditions.filters.base import FilterModel
from headrace.conditions.filters.reading import as_text, fold

TRUE = frozenset({"1", "true", "t", "yes", "y"})
FALSE = frozenset({"0", "false", "f", "no", "n"})


@dataclass(frozen=True, slots=True)
class BooleanFilter:
    """A compiled boolean filter; a missing or unreadable value satisfies neither operand."""

    value: bool

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a value satisfies the filter."""
        return as_boolean(value) is self.value


class BooleanModel(FilterModel):
    """A boolean filter."""

    type: Literal["boolean"]
    operator: Literal["equals"]
    value: bool

    def compile(self) -> BooleanFilter:
        """Return the compiled filter."""
        return BooleanFilter(self.value)


def as_boolean(value: Any) -> bool | None:
    """Return what a value says, None when it says neither."""
    if isinstance(value, bool):
        return value
    text = as_text(value)
    if text is None:
        return None
    folded = fold(text)
    return True if folded in TRUE else False if folded in FALSE else None
