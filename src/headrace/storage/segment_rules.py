"""What a segment's definition may name: metrics, lists and segments that the account has, and nothing that asks back.

What is here: telling every place that names something else. What is not: the shape of a definition
(`conditions.segment_definition`). Our choice: segments may ask about segments, but not in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from headrace.conditions.segment_definition import References
from headrace.conditions.topics import of_group
from headrace.errors import Invalid, Problem
from headrace.storage.database import Connection

SEGMENT_LOCK = 0x5365_676D
"""The class of the advisory locks, one per account, that whoever writes a definition holds."""

_LOCK = "SELECT pg_advisory_xact_lock($1, hashtext($2))"
_METRICS = "SELECT metric_id FROM metric WHERE account_id = $1 AND metric_id = ANY($2)"
_GROUPS = "SELECT group_id FROM profile_group WHERE account_id = $1 AND group_id = ANY($2) FOR KEY SHARE"
_SEGMENTS = "SELECT group_id, topics FROM profile_group WHERE account_id = $1 AND kind = 'segment'"


async def reference_problems(
    transaction: Connection, account_id: str, named: References, segment_id: str | None = None
) -> list[Problem]:
    """Return one `Invalid` for each place that names what the account lacks, or a segment that asks about this one.

    `segment_id` is None for a new segment. Until the transaction ends nobody else writes a definition in the account,
    and the groups that are named are not deleted.
    """
    await transaction.execute(_LOCK, SEGMENT_LOCK, account_id)
    rows = await transaction.fetch(_METRICS, account_id, sorted(named.metric_ids))
    problems = _missing("metric", named.metric_ids, {row["metric_id"] for row in rows})
    rows = await transaction.fetch(_GROUPS, account_id, sorted(named.group_ids))
    problems += _missing("list or segment", named.group_ids, {row["group_id"] for row in rows})
    if segment_id is not None and named.group_ids:
        problems += await _circles(transaction, account_id, named, segment_id)
    return problems


def _missing(kind: str, named: Mapping[str, Iterable[str]], known: Collection[str]) -> list[Problem]:
    return [
        Invalid(f'There is no {kind} with the id "{one}" in this account.', pointer=pointer)
        for one, pointers in named.items()
        if one not in known
        for pointer in pointers
    ]


async def _circles(transaction: Connection, account_id: str, named: References, segment_id: str) -> list[Problem]:
    rows = await transaction.fetch(_SEGMENTS, account_id)
    asks = {row["group_id"]: frozenset(row["topics"] or ()) for row in rows}
    return [
        Invalid(_circle(one, segment_id), pointer=pointer)
        for one, pointers in named.group_ids.items()
        if _asks_about(asks, one, segment_id)
        for pointer in pointers
    ]


def _circle(one: str, segment_id: str) -> str:
    if one == segment_id:
        return f'The segment "{segment_id}" cannot ask about itself.'
    return f'The segment "{one}" asks, directly or through others, about the segment "{segment_id}" itself.'


def _asks_about(asks: Mapping[str, frozenset[str]], first: str, wanted: str) -> bool:
    """Tell whether a segment is the wanted one or asks about it, through however many others."""
    seen, ahead = {first}, [first]
    while ahead:
        topics = asks.get(ahead.pop(), frozenset())
        found = {one for one in asks if of_group(one) in topics} - seen
        seen |= found
        ahead += found
    return wanted in seen
