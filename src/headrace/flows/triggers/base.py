"""What every trigger is: a model that reads it and a compiled record; and the records that several triggers share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
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

    `missing` names the data that a type waits for and that is not kept here; it is empty for types that run.
    `trigger_type` is what the API calls a flow that has it. Source: reference 1.2.
    """

    missing: ClassVar[str] = ""
    trigger_type: ClassVar[str]

    type: str

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the condition groups inside the trigger with their pointers."""
        return []

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return what the trigger lacks before it can run: pointers within it, and words after its name."""
        return []

    @abstractmethod
    def compile(self) -> Trigger:
        """Return the compiled trigger."""


class WithId(TriggerModel):
    """A trigger that waits for something by its id; without one it waits for nothing."""

    id: str | None = None

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return that the id is missing."""
        return [] if self.id else [("/id", "has no id")]


class JoiningModel(WithId):
    """A trigger for those who join a list or segment."""

    trigger_type: ClassVar[str] = "Added to List"

    def compile(self) -> Trigger:
        """Return the compiled trigger."""
        return CompiledJoining(self.type, self.id)


@dataclass(frozen=True, slots=True)
class CompiledJoining:
    """The compiled form of triggers for those who join a group; no event matches it."""

    type: str
    group_id: str | None
    metric_id: str | None = None

    def matches(self, event: Event, now: datetime | None = None) -> bool:
        """Say no."""
        return False


@dataclass(frozen=True, slots=True)
class Silent:
    """The compiled form of triggers that do not run: nothing matches it."""

    type: str
    metric_id: str | None = None
    group_id: str | None = None

    def matches(self, event: Event, now: datetime | None = None) -> bool:
        """Say no."""
        return False
