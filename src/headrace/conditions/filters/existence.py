"""Existence filters: a value is set when it is present, not null and not the empty text. Source: reference 3.2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from headrace.conditions.filters.base import FilterModel


@dataclass(frozen=True, slots=True)
class ExistenceFilter:
    """A compiled existence filter."""

    wanted: bool

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a value satisfies the filter."""
        return (value is not None and value != "") is self.wanted


class ExistenceModel(FilterModel):
    """An existence filter."""

    type: Literal["existence"]
    operator: Literal["is-set", "not-set"]

    def compile(self) -> ExistenceFilter:
        """Return the compiled filter."""
        return ExistenceFilter(self.operator == "is-set")
