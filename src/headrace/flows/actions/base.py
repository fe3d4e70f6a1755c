"""What every action is: a model that reads it and a compiled record whose `step` says what comes of it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from headrace.conditions import CompiledFilter
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.step import Outcome, StepContext
from headrace.flows.timeline import Stop, Timeline

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
    """Where an action stands in its flow.

    `followed` tells whether a live or manual action can follow it, `awaited` whether a split behind it asks for its
    output. `timeline` says when it is due in a date-based flow, None elsewhere.
    """

    action_id: int
    followed: bool = True
    awaited: bool = False
    timeline: Timeline | None = None


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

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return what the action lacks before it can run: pointers within it, and words after its name."""
        return []

    @property
    def acts(self) -> bool:
        """Whether it does something to or for the person when a run comes to it."""
        return False

    @property
    def stop(self) -> Stop | None:
        """What a run waits for in this action, None where it goes on at once."""
        return None

    @abstractmethod
    def compile(self, place: Place) -> Action:
        """Return the compiled action."""


class OneWay(ActionModel):
    """An action with one way on."""

    links: Links | None = None

    @property
    def next_id(self) -> int | None:
        """The number of the action that follows, None for an end."""
        return number(self.links.next) if self.links else None


class TwoWays(ActionModel):
    """An action with two ways on."""

    links: BranchLinks | None = None

    @property
    def ways(self) -> tuple[int | None, int | None]:
        """The numbers of the actions that follow a yes and a no, None for an end."""
        return (number(self.links.next_if_true), number(self.links.next_if_false)) if self.links else (None, None)


def number(action_id: str | None) -> int | None:
    """Return the number that an id in a document spells, None for an end."""
    return None if action_id is None else int(action_id)
