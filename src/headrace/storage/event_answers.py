"""When events of a batch of people occurred: the one that a span's end passes next, or all of them in order.

What is not here: how many there are (`facts`), the other needs (`fact_answers`). Source: DESIGN section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from headrace.conditions.event_property import passes
from headrace.conditions.facts import EventEdge, EventMoments, Happenings
from headrace.conditions.spans import FIRST
from headrace.storage.arrays import ids, moment, moments, numbers
from headrace.storage.database import Connection, Database, Row

_FOUND = f"""
SELECT asked.number AS place, found.*
FROM (
    SELECT number, bucket, account_id, profile_id, metric_id, coalesce({moment("since")}, '-infinity') AS since,
        coalesce({moment("until")}, 'infinity') AS until, nth
    FROM unnest($1::text::int[], $2::text::smallint[], string_to_array($3, ','), string_to_array($4, ','),
        string_to_array($5, ','), $6::text::bigint[], $7::text::bigint[], $8::text::bigint[])
        AS span (number, bucket, account_id, profile_id, metric_id, since, until, nth)
) AS asked
CROSS JOIN LATERAL (
    SELECT {{columns}} FROM event e
    WHERE e.bucket = asked.bucket AND e.account_id = asked.account_id AND e.profile_id = asked.profile_id
        AND e.metric_id = asked.metric_id AND e.occurred_at >= asked.since AND e.occurred_at < asked.until
    ORDER BY e.occurred_at {{order}}, e.number {{order}}
    {{limit}}
) AS found
"""
_BARE, _WITH_PROPERTIES = "e.occurred_at, e.number", "e.occurred_at, e.number, e.value, e.properties"
_NTH = "OFFSET asked.nth - 1 LIMIT 1"


class Question(NamedTuple):
    """Whom a need is about."""

    bucket: int
    account_id: str
    profile_id: str
    need: Any


async def load_edges(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, datetime]:
    """Return when the event of each `EventEdge` occurred, by the place of its question, for those that have one."""
    found: dict[int, datetime] = {}
    for latest in (False, True):
        chosen = [place for place, one in enumerate(questions) if one.need.latest is latest]
        for place, rows in await _rows(connection, questions, chosen, "DESC" if latest else "ASC", _NTH):
            need: EventEdge = questions[place].need
            nth = need.nth if need.filters else 1
            for row in islice(_kept(rows, need), nth - 1, nth):
                found[place] = row["occurred_at"]
    return found


async def load_moments(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, Happenings]:
    """Return when the events of each `EventMoments` occurred, by the place of its question."""
    found = await _rows(connection, questions, range(len(questions)), "ASC", "")
    return {
        place: tuple((row["occurred_at"], row["number"]) for row in _kept(rows, questions[place].need))
        for place, rows in found
    }


async def _rows(
    connection: Connection | Database, questions: Sequence[Question], chosen: Sequence[int], order: str, limit: str
) -> list[tuple[int, list[Row]]]:
    """Return the events of some questions, each with its place; those whose needs have filters come whole."""
    filtered = [place for place in chosen if questions[place].need.filters]
    plain = [place for place in chosen if not questions[place].need.filters]
    return [
        *await _ask(connection, questions, plain, _FOUND.format(columns=_BARE, order=order, limit=limit)),
        *await _ask(connection, questions, filtered, _FOUND.format(columns=_WITH_PROPERTIES, order=order, limit="")),
    ]


async def _ask(
    connection: Connection | Database, questions: Sequence[Question], places: Sequence[int], query: str
) -> Iterable[tuple[int, list[Row]]]:
    if not places:
        return ()
    asked = [questions[place] for place in places]
    rows = await connection.fetch(
        query,
        numbers(places),
        numbers(one.bucket for one in asked),
        ids(one.account_id for one in asked),
        ids(one.profile_id for one in asked),
        ids(one.need.metric_id for one in asked),
        moments(one.need.since for one in asked),
        moments(one.need.until for one in asked),
        numbers(getattr(one.need, "nth", 1) for one in asked),
    )
    return [(place, list(some)) for place, some in groupby(rows, itemgetter("place"))]


def _kept(rows: Sequence[Row], need: EventEdge | EventMoments) -> Iterator[Row]:
    """Yield the rows that pass a need's filters, which know no present moment."""
    return (row for row in rows if not need.filters or passes(row["properties"], row["value"], need.filters, FIRST))
