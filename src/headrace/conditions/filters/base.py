"""What every value filter has: the model that reads it and the compiled test that uses no pydantic."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Any, Protocol

from headrace.conditions.parsing import Model


class ValueFilter(Protocol):
    """A compiled value filter: frozen and hashable, for it is part of a need."""

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a value satisfies the filter; None stands for a missing one."""
        ...


class FilterModel(Model):
    """A value filter as a document writes it."""

    @abstractmethod
    def compile(self) -> Any:
        """Return the compiled filter: a `ValueFilter`, a `Timeframe` (date.py) or both."""
