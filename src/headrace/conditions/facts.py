"""What a condition may ask about a profile.

A condition never reaches for data. It states its needs (`Need` values), the engine loads the needs of a whole batch in
one query per kind of need, and the condition reads the answers from `Facts`. The same needs exist as methods of
`FactQuery` for the set-based reading of segments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from headrace.conditions.flips import Edge, Flips
from headrace.model import Event, Profile

Clause = TypeVar("Clause")


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment a condition is read at: `now` and the run's entry, both UTC, and the profile's time zone.

    `entered_at` is None outside a run (segments). `sample_key` names the run for deterministic sampling. `flow_id` is
    the run's flow, empty outside a run, and `event_number` the number of the event that started it, None without one.
    """

    now: datetime
    entered_at: datetime | None
    zone: tzinfo
    sample_key: str = ""
    flow_id: str = ""
    event_number: int | None = None


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """One value filter on one event property: `property` is the top-level name, `filter` the compiled value filter.

    `filter` is a record of `conditions/filters` (`StringFilter`, `NumericFilter`, `BooleanFilter`, `ListFilter`,
    `ExistenceFilter`), or None where any value will do.
    """

    property: str
    filter: Any


@dataclass(frozen=True, slots=True)
class EventTotal:
    """Need: how many events of a metric, and the sum of their values, in [since, until); None leaves a side open.

    `without` is the number of an event that does not count.
    """

    metric_id: str
    since: datetime | None = None
    until: datetime | None = None
    filters: tuple[PropertyFilter, ...] = ()
    without: int | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """Need: since when the profile is a member of each of these lists or segments."""

    group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConsentOn:
    """Need: what the person agreed to on a channel (a `model.Channel`); purpose 0 is marketing, 1 transactional."""

    channel: int
    purpose: int = 0


@dataclass(frozen=True, slots=True)
class Suppressions:
    """Need: why the person gets no e-mail at all; what holds for one list only is not asked."""


@dataclass(frozen=True, slots=True)
class PushTokens:
    """Need: since when the person has a device that takes push messages."""


@dataclass(frozen=True, slots=True)
class LastSent:
    """Need: when the last message of a channel (a `model.Channel`) was sent to the person."""

    channel: int


@dataclass(frozen=True, slots=True)
class LastEntry:
    """Need: when the person last entered a flow before a moment, None for at any time."""

    flow_id: str
    before: datetime | None


@dataclass(frozen=True, slots=True)
class LinkedObjects:
    """Need: the custom objects of a type that a relationship links to the person."""

    object_type_id: str
    relationship_id: str


@dataclass(frozen=True, slots=True)
class EventEdge:
    """Need: when the `nth` event of a metric in [since, until) that passes the filters occurred, counted from 1.

    With `latest` they are counted from the last one backwards.
    """

    metric_id: str
    since: datetime | None = None
    until: datetime | None = None
    filters: tuple[PropertyFilter, ...] = ()
    nth: int = 1
    latest: bool = False


@dataclass(frozen=True, slots=True)
class EventMoments:
    """Need: when the events of a metric in [since, until) that pass the filters occurred, and their numbers."""

    metric_id: str
    since: datetime | None = None
    until: datetime | None = None
    filters: tuple[PropertyFilter, ...] = ()


Need = (
    EventTotal
    | EventEdge
    | EventMoments
    | Membership
    | ConsentOn
    | Suppressions
    | PushTokens
    | LastSent
    | LastEntry
    | LinkedObjects
)

SUBSCRIBED = "SUBSCRIBED"
UNSUBSCRIBED = "UNSUBSCRIBED"


@dataclass(frozen=True, slots=True)
class Consent:
    """The answer to a `ConsentOn`: `subscription` is SUBSCRIBED or UNSUBSCRIBED, the times are UTC."""

    subscription: str
    changed_at: datetime
    recorded_at: datetime | None = None
    method: str | None = None
    detail: str | None = None
    custom_source: str | None = None
    double_opt_in: bool = False
    rcs_capable: bool | None = None

    @property
    def written_at(self) -> datetime:
        """When it was written: when it took effect unless another moment is known."""
        return self.recorded_at or self.changed_at


@dataclass(frozen=True, slots=True)
class ConsentTest:
    """A value filter on one field of a `Consent`, named as the record names it."""

    field: str
    filter: Any


@dataclass(frozen=True, slots=True)
class Suppression:
    """One answer to `Suppressions`: the reason as the reference 4.3 spells it, and since when."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Total:
    """The answer to an `EventTotal`: number of events and the sum of their values, 0 where an event has none."""

    count: int = 0
    sum: Decimal = Decimal(0)


Happenings = tuple[tuple[datetime, int], ...]
"""The answer to `EventMoments`: when each event occurred and its number, in that order."""


class Facts(Protocol):
    """The answers for one profile at one moment. A method raises `KeyError` for a need that was not stated."""

    @property
    def profile(self) -> Profile:
        """The person."""
        ...

    @property
    def event(self) -> Event | None:
        """The run's triggering event, None where there is none."""
        ...

    @property
    def moment(self) -> Moment:
        """When the question is asked."""
        ...

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the run's webhooks answered, by action id; `flows/actions/action_output_split.py` says its shape."""
        ...

    def total(self, need: EventTotal) -> Total:
        """Return a total of events."""
        ...

    def edge(self, need: EventEdge) -> datetime | None:
        """Return when the event in question occurred, None without one."""
        ...

    def happenings(self, need: EventMoments) -> Happenings:
        """Return when events occurred, in order."""
        ...

    def joined_at(self, group_id: str) -> datetime | None:
        """Return when the profile joined a group that a `Membership` named, None when it is not a member."""
        ...

    def consent(self, need: ConsentOn) -> Consent | None:
        """Return what the person agreed to, None for nothing."""
        ...

    def suppressions(self) -> tuple[Suppression, ...]:
        """Return why the person gets no e-mail at all, empty where they do."""
        ...

    def push_since(self) -> datetime | None:
        """Return when the first of the person's enabled devices was registered, None without one."""
        ...

    def last_sent(self, need: LastSent) -> datetime | None:
        """Return when the last message of the channel was sent, None for none."""
        ...

    def last_entry(self, need: LastEntry) -> datetime | None:
        """Return when the person last entered the flow, None for never."""
        ...

    def objects(self, need: LinkedObjects) -> tuple[Mapping[str, Any], ...]:
        """Return the properties of each linked object, by property id."""
        ...


class Unanswered:
    """Facts to which nobody loaded anything: every need is refused with `KeyError`. For what knows only an event."""

    __slots__ = ()

    def total(self, need: EventTotal) -> Total:
        """Refuse."""
        raise KeyError(need)

    def edge(self, need: EventEdge) -> datetime | None:
        """Refuse."""
        raise KeyError(need)

    def happenings(self, need: EventMoments) -> Happenings:
        """Refuse."""
        raise KeyError(need)

    def joined_at(self, group_id: str) -> datetime | None:
        """Refuse."""
        raise KeyError(group_id)

    def consent(self, need: ConsentOn) -> Consent | None:
        """Refuse."""
        raise KeyError(need)

    def suppressions(self) -> tuple[Suppression, ...]:
        """Refuse."""
        raise KeyError(Suppressions())

    def push_since(self) -> datetime | None:
        """Refuse."""
        raise KeyError(PushTokens())

    def last_sent(self, need: LastSent) -> datetime | None:
        """Refuse."""
        raise KeyError(need)

    def last_entry(self, need: LastEntry) -> datetime | None:
        """Refuse."""
        raise KeyError(need)

    def objects(self, need: LinkedObjects) -> tuple[Mapping[str, Any], ...]:
        """Refuse."""
        raise KeyError(need)


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
