"""What every condition is: a model that reads it and a compiled record that states its needs and reads the facts."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need
from headrace.conditions.parsing import Model

NO_NEEDS: frozenset[Need] = frozenset()
NO_TOPICS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition or filter holds, and the values that the answer rests on, as JSON, for the journal."""

    holds: bool
    seen: Any = None


class Condition(Protocol):
    """A compiled condition. It holds no pydantic model and is never changed.

    `of_row` tells whether the person's own row (and the run) is all that the answer takes.
    """

    of_row: ClassVar[bool]

    @property
    def label(self) -> str:
        """What the condition asks about, as the journal names it: `profile-metric:T3csdc`."""
        ...

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what must be known before `holds` is asked at this moment."""
        ...

    def holds(self, facts: Facts) -> Verdict:
        """Decide for one profile; the facts' moment is the one that the needs were stated for."""
        ...

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        ...

    def topics(self) -> frozenset[str]:
        """Return what of a person the answer hangs on, as `topics` spells it; nothing for what only runs ask."""
        ...

    def needs_of_time(self, moment: Moment) -> frozenset[Need]:
        """Return what must be known, beside `needs`, before `next_change` is asked at this moment."""
        ...

    def next_change(self, facts: Facts) -> datetime | None:
        """Return the first moment after now at which the answer may be another though nothing is written, or None.

        It may be told too early, never too late.
        """
        ...

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same moment of every profile at once, None where time has no bearing on any."""
        ...


class Timeless:
    """What a condition has on which neither time nor a change of the person has a bearing, unless it says otherwise."""

    __slots__ = ()
    of_row: ClassVar[bool] = False

    def topics(self) -> frozenset[str]:
        """Return nothing."""
        return NO_TOPICS

    def needs_of_time(self, moment: Moment) -> frozenset[Need]:
        """Return nothing."""
        return NO_NEEDS

    def next_change(self, facts: Facts) -> datetime | None:
        """Return that it never changes."""
        return None

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return that it never changes."""
        return None


class ConditionModel(Model):
    """A condition as a document writes it.

    `missing` names the data that it reads where they are on record and that nothing here makes; empty for most.
    """

    missing: ClassVar[str] = ""

    type: str

    @property
    def obstacle(self) -> str | None:
        """Why the condition cannot run here, in words that follow a colon; None where it can."""
        return None

    @abstractmethod
    def compile(self, place: str) -> Condition:
        """Return the compiled condition; `place` names where it stands (an action id), for deterministic sampling."""
