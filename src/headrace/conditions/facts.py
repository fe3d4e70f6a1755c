"""What a condition may ask about a profile.

A condition never reaches for data. It states its needs (`Need` values), the engine loads the needs of a whole batch in
one query per kind of need, and the condition reads the answers from `Facts`. The same needs exist as methods of
`fact_query.FactQuery` for the set-based reading of segments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from headrace.model import Event, Profile

T = TypeVar("T")


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
    told: dict[int, tuple[object, Any]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def once(self, asker: object, tell: Callable[[], T]) -> T:
        """Return what hangs on an asker and the moment alone, worked out once for all who are asked about at it."""
        known = self.told.get(id(asker))
        if known is None:
            known = self.told[id(asker)] = asker, tell()
        found: T = known[1]
        return found


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
