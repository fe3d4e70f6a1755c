"""What a condition may ask about every profile at once: the port behind which SQL is built.

The needs are those of `facts`. What is not here: the SQL (`storage`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from headrace.conditions.facts import (
    ConsentOn,
    ConsentTest,
    EventEdge,
    EventMoments,
    EventTotal,
    LastEntry,
    LastSent,
    LinkedObjects,
    Membership,
    PropertyFilter,
)
from headrace.conditions.flips import Edge, Flips

Clause = TypeVar("Clause")
Spans = Sequence[tuple[datetime | None, datetime | None]]


class FactQuery(Protocol[Clause]):
    """The same questions asked of every profile at once; each method returns a clause of the storage's own kind.

    `now` is what the dates of value filters are reckoned from.
    """

    def property(self, name: str, value_filter: Any, now: datetime) -> Clause:
        """Profiles whose property satisfies the value filter."""
        ...

    def properties(self, names: Sequence[str], test: Callable[[Sequence[str | None]], bool]) -> Clause:
        """Profiles of whose properties, read as text, a test in Python holds; None stands for what has no text."""
        ...

    def predicted(self, path: Sequence[str], value_filter: Any, now: datetime) -> Clause:
        """Profiles with a stored prediction at the path that satisfies the value filter."""
        ...

    def total(self, needs: Sequence[EventTotal], measurement: str, value_filter: Any, now: datetime) -> Clause:
        """Profiles whose totals (`count` or `sum`) over these disjoint spans together satisfy the numeric filter.

        The needs differ in their spans only.
        """
        ...

    def member(self, need: Membership, joined: Spans | None) -> Clause:
        """Profiles that are members of any of the groups, joined within one of the spans where any are given."""
        ...

    def consent(self, need: ConsentOn, subscription: str | None, tests: Sequence[ConsentTest], now: datetime) -> Clause:
        """Profiles with a consent of the subscription (any for None) that passes every test."""
        ...

    def suppressed(self, reason: str | None, value_filter: Any, now: datetime) -> Clause:
        """Profiles that get no e-mail for the reason (any for None), since when satisfies the filter (any for None)."""
        ...

    def pushable(self, value_filter: Any, now: datetime) -> Clause:
        """Profiles with an enabled device, since when satisfies the filter (any for None)."""
        ...

    def last_sent(self, need: LastSent, inside: Spans) -> Clause:
        """Profiles whose last message of the channel was sent within one of the spans."""
        ...

    def last_entry(self, need: LastEntry, inside: Spans) -> Clause:
        """Profiles that last entered the flow within one of the spans."""
        ...

    def objects(
        self, need: LinkedObjects, filters: Sequence[PropertyFilter], value_filter: Any, now: datetime
    ) -> Clause:
        """Profiles whose number of linked objects that pass every filter satisfies the numeric filter."""
        ...

    def sample(self, percentage: int, place: str, key: str) -> Clause:
        """The share of profiles that a sample at a place draws, by `key` or, where that is empty, by their ids."""
        ...

    def passing(self, need: EventEdge, edge: Edge) -> Clause:
        """The moment at which an edge passes the event that a need finds; NULL without one."""
        ...

    def passing_any(self, need: EventMoments, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes one of the events that a need finds; NULL without one."""
        ...

    def property_flip(self, name: str, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes the date of a property; NULL without one."""
        ...

    def predicted_flip(self, path: Sequence[str], flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes a predicted date; NULL without one."""
        ...

    def joined_flip(self, need: Membership, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes a moment of joining; NULL without one."""
        ...

    def consent_flip(
        self, need: ConsentOn, subscription: str | None, field: str, flips: Flips, now: datetime
    ) -> Clause:
        """The first moment after now at which an edge passes a date of a consent; NULL without one."""
        ...

    def suppressed_flip(self, reason: str | None, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes the date of a suppression; NULL without one."""
        ...

    def pushable_flip(self, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes the date of the first device; NULL without one."""
        ...

    def last_sent_flip(self, need: LastSent, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes the date of the last message; NULL without one."""
        ...

    def last_entry_flip(self, need: LastEntry, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes the date of the last entry; NULL without one."""
        ...

    def objects_flip(self, need: LinkedObjects, name: str, flips: Flips, now: datetime) -> Clause:
        """The first moment after now at which an edge passes the date of a property of an object; NULL without one."""
        ...

    def funnel(self, steps: Sequence[tuple[EventMoments, bool]], window: timedelta | None) -> Clause:
        """Profiles whose events pass through the steps as `profile_metric_funnel` says."""
        ...

    def earliest(self, moments: Sequence[Clause]) -> Clause:
        """The earliest of some moments, NULL where all are."""
        ...

    def first_known(self, moments: Sequence[Clause]) -> Clause:
        """The first of some moments that is not NULL."""
        ...

    def moment(self, given: datetime) -> Clause:
        """The same moment for every profile."""
        ...

    def if_all(self, clauses: Sequence[Clause], moment: Clause) -> Clause:
        """A moment where every clause holds, else NULL."""
        ...

    def all(self, clauses: Sequence[Clause]) -> Clause:
        """Every clause holds; true for none."""
        ...

    def any(self, clauses: Sequence[Clause]) -> Clause:
        """At least one clause holds; false for none."""
        ...

    def negate(self, clause: Clause) -> Clause:
        """The clause does not hold."""
        ...
