"""What a batch of people did lately, read once for all that is asked about it.

Many totals and moments of one metric are answered from the same few events, so these are read and counted here. What is
not: needs of those who did more than `MOST_EVENTS`, which the database counts (`facts`, `event_answers`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import reduce
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple, TypeGuard

from headrace.conditions.event_property import passes
from headrace.conditions.facts import EventEdge, EventMoments, EventTotal, Happenings, Need, Total
from headrace.conditions.spans import FIRST
from headrace.storage.arrays import ids, moment, moments, numbers
from headrace.storage.database import Connection, Database

MOST_EVENTS = 100
"""Our choice: so many events of a person are read one by one; more are cheaper to count where they are."""
END = datetime.max.replace(tzinfo=UTC)
"""Stands for never: nothing happens then, or later."""
EXACT = Context(prec=2_000)
"""Sums as PostgreSQL makes them: nothing is rounded."""

_READ = f"""
SELECT asked.place, found.*
FROM (
    SELECT place, bucket, account_id, profile_id, metric_id, {moment("since")} AS since,
        coalesce({moment("until")}, 'infinity') AS until, coalesce({moment("detailed")}, 'infinity') AS detailed
    FROM unnest($1::text::int[], $2::text::smallint[], string_to_array($3, ','), string_to_array($4, ','),
        string_to_array($5, ','), $6::text::bigint[], $7::text::bigint[], $8::text::bigint[])
        AS span (place, bucket, account_id, profile_id, metric_id, since, until, detailed)
) AS asked
CROSS JOIN LATERAL (
    SELECT e.occurred_at, e.number, e.value, CASE WHEN e.occurred_at >= asked.detailed THEN e.properties END
    FROM event e
    WHERE e.bucket = asked.bucket AND e.account_id = asked.account_id AND e.profile_id = asked.profile_id
        AND e.metric_id = asked.metric_id AND e.occurred_at >= asked.since AND e.occurred_at < asked.until
    ORDER BY e.occurred_at, e.number
    LIMIT {MOST_EVENTS + 1}
) AS found
"""


class Reach(NamedTuple):
    """What must be read of a metric: events in [since, until), with their properties from `detailed` on."""

    since: datetime
    until: datetime
    detailed: datetime

    def __or__(self, other: Reach) -> Reach:
        """Return what holds both."""
        return Reach(min(self[0], other[0]), max(self[1], other[1]), min(self[2], other[2]))


class Wanted(NamedTuple):
    """Whose events of a metric are read, and how far back."""

    bucket: int
    account_id: str
    profile_id: str
    metric_id: str
    reach: Reach


class History:
    """All events of a person and a metric in [since, until), in order."""

    __slots__ = ("_dates", "_reach", "_rows")

    def __init__(self, reach: Reach, rows: Sequence[Any]) -> None:
        self._reach = reach
        self._rows = rows
        self._dates: list[datetime] = [row[1] for row in rows]

    def total(self, need: EventTotal, now: datetime) -> Total:
        """Return how many events there are and the sum of their values; raises `KeyError` for what was not read."""
        rows = self._within(need)
        if need.without is not None:
            rows = [row for row in rows if row[2] != need.without]
        if need.filters:
            rows = list(_kept(rows, need, now))
        values = [row[3] for row in rows if row[3] is not None]
        return Total(len(rows), reduce(EXACT.add, values, Decimal(0)))

    def edge(self, need: EventEdge) -> datetime | None:
        """Return when the event in question occurred, None without one; raises `KeyError` for what was not read."""
        rows = self._within(need)
        ordered = reversed(rows) if need.latest else iter(rows)
        found = next(islice(_kept(ordered, need, FIRST), need.nth - 1, None), None)
        return found[1] if found is not None else None

    def happenings(self, need: EventMoments) -> Happenings:
        """Return when events occurred and their numbers, in order; raises `KeyError` for what was not read."""
        return tuple((row[1], row[2]) for row in _kept(self._within(need), need, FIRST))

    def _within(self, need: EventTotal | EventEdge | EventMoments) -> Sequence[Any]:
        since, until, reach = need.since or FIRST, need.until or END, self._reach
        if since < reach[0] or until > reach[1] or (need.filters and since < reach[2]):
            raise KeyError(need)
        return self._rows[bisect_left(self._dates, since) : bisect_left(self._dates, until)] if self._rows else ()


def _kept(rows: Iterable[Any], need: EventTotal | EventEdge | EventMoments, now: datetime) -> Iterator[Any]:
    filters = need.filters
    return (row for row in rows if passes(row[4] or {}, row[3], filters, now)) if filters else iter(rows)


def reach_of(need: EventTotal | EventEdge | EventMoments) -> Reach:
    """Return what must be read to answer a need."""
    since = need.since or FIRST
    return Reach(since, need.until or END, since if need.filters else END)


def is_of_events(need: Need) -> TypeGuard[EventTotal | EventEdge | EventMoments]:
    """Tell whether a need asks about events."""
    return isinstance(need, (EventTotal, EventEdge, EventMoments))


def reaches_of(needs: Iterable[Need]) -> dict[str, Reach]:
    """Return what must be read of each metric to answer those of the needs that ask about events."""
    found: dict[str, Reach] = {}
    for need in needs:
        if is_of_events(need):
            known = found.get(need.metric_id)
            found[need.metric_id] = reach_of(need) if known is None else known | reach_of(need)
    return found


async def read_histories(connection: Connection | Database, asked: Sequence[Wanted]) -> list[History | None]:
    """Return the histories that are asked for, in their order; None for who did more than `MOST_EVENTS`."""
    if not asked:
        return []
    rows = await connection.fetch(
        _READ,
        numbers(range(len(asked))),
        numbers(one.bucket for one in asked),
        ids(one.account_id for one in asked),
        ids(one.profile_id for one in asked),
        ids(one.metric_id for one in asked),
        *(moments(None if one.reach[end] is END else one.reach[end] for one in asked) for end in range(3)),
    )
    found: list[History | None] = [None] * len(asked)
    events = {place: list(some) for place, some in groupby(rows, itemgetter(0))}
    for place, one in enumerate(asked):
        mine = events.get(place, [])
        if len(mine) <= MOST_EVENTS:
            found[place] = History(one.reach, mine)
    return found
