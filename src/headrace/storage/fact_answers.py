"""The answers to the rarer needs of a batch, one query per kind: consents, suppressions, devices, messages, entries.

What is not here: totals of events and memberships (`facts`), when events occurred (`event_answers`), the same questions
asked of every profile (`fact_query`).
Source: DESIGN section 2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from headrace.conditions.facts import (
    Consent,
    ConsentOn,
    EventEdge,
    EventMoments,
    LastEntry,
    LastSent,
    LinkedObjects,
    Need,
    PushTokens,
    Suppression,
    Suppressions,
)
from headrace.storage.database import Connection, Database, Row
from headrace.storage.event_answers import Question as Question
from headrace.storage.event_answers import load_edges, load_moments

_ASKED = """unnest($1::int[], $2::smallint[], $3::text[], $4::text[]{more}) AS asked
    (number, bucket, account_id, profile_id{names})"""

_CONSENTS = f"""
SELECT asked.number, c.subscription, c.changed_at, c.recorded_at, c.method, c.detail, c.custom_source, c.double_opt_in,
    c.rcs_capable
FROM {_ASKED.format(more=", $5::smallint[], $6::smallint[]", names=", channel, purpose")}
JOIN consent c USING (bucket, account_id, profile_id, channel, purpose)
"""

_SUPPRESSIONS = f"""
SELECT asked.number, s.reason, s.at
FROM {_ASKED.format(more="", names="")}
JOIN suppression s USING (bucket, account_id, profile_id)
WHERE s.list_id = ''
ORDER BY asked.number, s.reason
"""

_PUSH_TOKENS = f"""
SELECT asked.number, min(t.created_at) AS since
FROM {_ASKED.format(more="", names="")}
JOIN push_token t USING (bucket, account_id, profile_id)
WHERE t.enabled
GROUP BY asked.number
"""

_LAST_SENT = f"""
SELECT asked.number, max(d.sent_at) AS sent_at
FROM {_ASKED.format(more=", $5::smallint[]", names=", channel")}
JOIN delivery d USING (bucket, account_id, profile_id, channel)
WHERE d.sent_at IS NOT NULL
GROUP BY asked.number
"""

_LAST_ENTRIES = f"""
SELECT asked.number, last.entered_at
FROM {_ASKED.format(more=", $5::text[], $6::timestamptz[]", names=", flow_id, before")}
CROSS JOIN LATERAL (
    SELECT r.entered_at FROM run r
    WHERE r.bucket = asked.bucket AND r.account_id = asked.account_id AND r.profile_id = asked.profile_id
        AND r.flow_id = asked.flow_id AND r.entered_at < coalesce(asked.before, 'infinity')
    ORDER BY r.entered_at DESC LIMIT 1
) AS last
"""

_OBJECTS = f"""
SELECT asked.number, o.properties
FROM {_ASKED.format(more=", $5::text[], $6::text[]", names=", object_type_id, relationship_id")}
JOIN custom_object o USING (bucket, account_id, profile_id, object_type_id, relationship_id)
ORDER BY asked.number, o.object_id
"""


async def load_answers(
    connection: Connection | Database, kind: type[Need], questions: Sequence[Question]
) -> dict[int, Any]:
    """Return the answers by the place of their question, for those that have one; the needs are all of one kind.

    Answers are those of `conditions.facts.Facts`; `NOTHING` holds what the others are answered with.
    """
    return await _LOADERS[kind](connection, questions)


NOTHING: Mapping[type[Need], Any] = {
    EventEdge: None,
    EventMoments: (),
    ConsentOn: None,
    Suppressions: (),
    PushTokens: None,
    LastSent: None,
    LastEntry: None,
    LinkedObjects: (),
}
"""Needs that are answered here, and the answer where nothing is on record."""


async def _consents(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, Any]:
    more = [one.need.channel for one in questions], [one.need.purpose for one in questions]
    rows = await connection.fetch(_CONSENTS, *_keys(questions), *more)
    return {row["number"]: Consent(*list(row.values())[1:]) for row in rows}


async def _suppressions(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, Any]:
    rows = await connection.fetch(_SUPPRESSIONS, *_keys(questions))
    return {number: tuple(Suppression(row["reason"], row["at"]) for row in some) for number, some in _by_number(rows)}


async def _push_tokens(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, Any]:
    rows = await connection.fetch(_PUSH_TOKENS, *_keys(questions))
    return {row["number"]: row["since"] for row in rows}


async def _last_sent(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, Any]:
    rows = await connection.fetch(_LAST_SENT, *_keys(questions), [one.need.channel for one in questions])
    return {row["number"]: row["sent_at"] for row in rows}


async def _last_entries(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, Any]:
    more = [one.need.flow_id for one in questions], [one.need.before for one in questions]
    rows = await connection.fetch(_LAST_ENTRIES, *_keys(questions), *more)
    return {row["number"]: row["entered_at"] for row in rows}


async def _objects(connection: Connection | Database, questions: Sequence[Question]) -> dict[int, Any]:
    more = [one.need.object_type_id for one in questions], [one.need.relationship_id for one in questions]
    rows = await connection.fetch(_OBJECTS, *_keys(questions), *more)
    return {number: tuple(row["properties"] for row in some) for number, some in _by_number(rows)}


Load = Callable[[Connection | Database, Sequence[Question]], Awaitable[dict[int, Any]]]
_LOADERS: Mapping[type[Need], Load] = {
    EventEdge: load_edges,
    EventMoments: load_moments,
    ConsentOn: _consents,
    Suppressions: _suppressions,
    PushTokens: _push_tokens,
    LastSent: _last_sent,
    LastEntry: _last_entries,
    LinkedObjects: _objects,
}


def _keys(questions: Sequence[Question]) -> tuple[list[int], list[int], list[str], list[str]]:
    return (
        list(range(len(questions))),
        [one.bucket for one in questions],
        [one.account_id for one in questions],
        [one.profile_id for one in questions],
    )


def _by_number(rows: Sequence[Row]) -> list[tuple[int, list[Row]]]:
    return [(number, list(some)) for number, some in groupby(rows, itemgetter("number"))]
