"""What a condition may ask about a profile.

A condition never reaches for data. It states its needs (`Need` values), the engine loads the needs of a whole batch in
one query per kind of need, and the condition reads the answers from `Facts`. The same needs exist as methods of
`FactQuery` for the set-based reading of segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from headrace.model import Event, Profile

Clause = TypeVar("Clause")


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment a condition is read at: `now` and the run's entry, both UTC, and the profile's time zone.

    `entered_at` is None outside a run (segments). `sample_key` names the run for deterministic sampling. `flow_id` is
    the run's flow, empty outside a run.
    """

    now: datetime
    entered_at: datetime | None
    zone: tzinfo
    sample_key: str = ""
    flow_id: str = ""


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
    """Need: how many events of a metric, and the sum of their values, in [since, until); None leaves a side open."""

    metric_id: str
    since: datetime | None = None
    until: datetime | None = None
    filters: tuple[PropertyFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Membership:
    """Need: since when the profile is a member of each of these lists or segments."""

    group_ids: tuple[str, ...]


Need = EventTotal | Membership


@dataclass(frozen=True, slots=True)
class Total:
    """The answer to an `EventTotal`: number of events and the sum of their values, 0 where an event has none."""

    count: int = 0
    sum: Decimal = Decimal(0)


class Facts(Protocol):
    """The answers for one profile at one moment."""

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
        """Return the total for a need that was stated; raises `KeyError` for one that was not."""
        ...

    def joined_at(self, group_id: str) -> datetime | None:
        """Return when the profile joined a group that a `Membership` named, None when it is not a member."""
        ...


class FactQuery(Protocol[Clause]):
    """The same questions asked of every profile at once; each method returns a clause of the storage's own kind."""

    def property(self, name: str, value_filter: Any) -> Clause:
        """Profiles whose property satisfies the value filter."""
        ...

    def total(self, needs: Sequence[EventTotal], measurement: str, value_filter: Any) -> Clause:
        """Profiles whose totals (`count` or `sum`) over these disjoint spans together satisfy the numeric filter."""
        ...

    def member(self, need: Membership, joined: Sequence[tuple[datetime | None, datetime | None]] | None) -> Clause:
        """Profiles that are members of any of the groups, joined within one of the spans where any are given."""
        ...

    def sample(self, percentage: int, key: str) -> Clause:
        """The fixed share of profiles that a sample of `key` draws."""
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
