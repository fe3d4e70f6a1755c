"""A value is one of a set of names, in whatever case. Conditions use it; no document writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.conditions.filters.reading import as_text, fold


@dataclass(frozen=True, slots=True)
class SpelledFilter:
    """A compiled filter on folded names (`reading.fold`)."""

    names: frozenset[str]

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a value is one of the names; a missing one is not."""
        text = as_text(value)
        return text is not None and fold(text) in self.names
