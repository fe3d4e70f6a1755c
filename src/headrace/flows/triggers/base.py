"""What every trigger is: a model that reads it and a compiled record."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Any, ClassVar, Protocol

from headrace.conditions.parsing import Model
from headrace.model import Event


class Trigger(Protocol):
    """A compiled trigger."""

    @property
    def type(self) -> str:
        """Its type, as the document names it."""
        ...

    @property
    def metric_id(self) -> str | None:
        """The metric whose events it waits for, None for triggers that wait for something else."""
        ...

    @property
    def group_id(self) -> str | None:
        """The list or segment whose new members enter, None for triggers that wait for something else."""
        ...

    def matches(self, event: Event, now: datetime | None = None) -> bool:
        """Tell whether an event starts the flow; relative dates are read at `now`, by default the event's own time."""
        ...


class TriggerModel(Model):
    """A trigger as a document writes it.

    `runs` is false for types that are stored and do not run yet; `trigger_type` is what the API calls a flow that has
    it. Source: reference 1.2.
    """

    runs: ClassVar[bool] = True
    trigger_type: ClassVar[str]

    type: str

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the condition groups inside the trigger with their pointers."""
        return []

    @abstractmethod
    def compile(self) -> Trigger:
        """Return the compiled trigger."""
