"""What every action is: a model that reads it and a compiled record whose `step` says what comes of it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from headrace.conditions import CompiledFilter
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.step import Outcome, StepContext

Status = Literal["disabled", "draft", "live", "manual"]
RUNNING = frozenset(("live", "manual"))
"""The statuses under which an action does something. Source: reference 1.1, 10 decision 18 (disabled is as draft)."""


class Links(Model):
    """The outgoing link of an action that has one."""

    next: str | None = None


class BranchLinks(Model):
    """The outgoing links of an action that splits in two."""

    next_if_true: str | None
    next_if_false: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an action stands in its flow: its id, and whether a live or manual action can follow it."""

    action_id: int
    followed: bool = True


class Action(Protocol):
    """A compiled action. It holds no pydantic model and is never changed."""

    @property
    def action_id(self) -> int:
        """Its id."""
        ...

    @property
    def type(self) -> str:
        """Its type, as the document names it."""
        ...

    @property
    def acts(self) -> bool:
        """Whether it does something to or for the person, so that the flow's own filter is asked before it."""
        ...

    @property
    def additional_filters(self) -> CompiledFilter:
        """What is asked before this action only; the empty filter for all but sends."""
        ...

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what the action's own conditions must know; the flow's filter is not among them."""
        ...

    def step(self, context: StepContext) -> Outcome:
        """Carry the action out for one run."""
        ...


class ActionModel(Model):
    """An action as a document writes it. `runs` is false for types that are stored and do not run yet.

    `id` is a decimal number; in documents that create a flow, `temporary_id` stands in its place.
    """

    runs: ClassVar[bool] = True

    id: str | None = None
    temporary_id: str | None = None
    type: str

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the condition groups inside the action with their pointers."""
        return []

    @abstractmethod
    def compile(self, place: Place) -> Action:
        """Return the compiled action."""


def number(action_id: str | None) -> int | None:
    """Return the number that an id in a document spells, None for an end."""
    return None if action_id is None else int(action_id)
