"""Working out a segment for everybody in some buckets, in SQL.

What is here: who should be a member and is not, or the other way round, and when time may change that. What is not: the
people to whom something happens one by one (`engine.segments`), the clauses (`fact_query`). `matching` beside the
clauses answers for the whole account. Source: DESIGN section 2; docs/decisions/0012-maintained-segments.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, insert, literal, or_, select

from headrace.conditions.facts import Moment
from headrace.conditions.groups import CompiledFilter
from headrace.storage.database import Connection
from headrace.storage.fact_query import ProfileQuery
from headrace.storage.segment_members import Move
from headrace.storage.tables import membership, profile, segment_due

_MEASURE = """
SELECT count(*) FROM (SELECT FROM profile WHERE bucket = 0 AND account_id = $1 LIMIT $2) AS found
"""
_COUNT = "SELECT count(*) FROM profile WHERE bucket = ANY($1::smallint[]) AND account_id = $2"
_NEWEST = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
_HAVE_ENDED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8"
_UNSETTLED = """
SELECT asked.profile_id FROM unnest($3::smallint[], $4::text[]) AS asked (bucket, profile_id)
JOIN (
    SELECT DISTINCT bucket, profile_id FROM pending WHERE account_id = $1 AND bucket = ANY($3)
    UNION
    SELECT bucket, profile_id FROM segment_due
    WHERE account_id = $1 AND bucket = ANY($3) AND profile_id = ANY($4) AND group_id = $2 AND due_at <= $5
) AS waiting USING (bucket, profile_id)
"""
_EVALUATED = """
UPDATE profile_group SET evaluated_version = version
WHERE account_id = $1 AND group_id = $2 AND kind = 'segment' AND version = $3
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of an account as it is worked out; `clock` is the account's."""

    account_id: str
    group_id: str
    condition: CompiledFilter
    clock: int


async def differences(connection: Connection, segment: Segment, buckets: Sequence[int], moment: Moment) -> list[Move]:
    """Return the moves that make the members those for whom the condition holds at a moment; they start nothing."""
    query = ProfileQuery(segment.account_id, buckets)
    clause = segment.condition.where(query, moment)
    await query.settle(connection)
    matched = (
        select(profile.c.bucket, profile.c.profile_id)
        .select_from(query.people)
        .where(query.asked(profile), clause)
        .cte("matched")
        .prefix_with("MATERIALIZED")
    )
    member = (
        select(membership.c.bucket, membership.c.profile_id)
        .where(query.asked(membership), membership.c.group_id == segment.group_id)
        .cte("member")
        .prefix_with("MATERIALIZED")
    )
    same = and_(matched.c.bucket == member.c.bucket, matched.c.profile_id == member.c.profile_id)
    rows = await connection.fetch(
        select(
            func.coalesce(matched.c.bucket, member.c.bucket).label("bucket"),
            func.coalesce(matched.c.profile_id, member.c.profile_id).label("profile_id"),
            matched.c.profile_id.is_not(None).label("joins"),
        )
        .select_from(matched.join(member, same, full=True))
        .where(or_(matched.c.profile_id.is_(None), member.c.profile_id.is_(None)))
    )
    account_id, group_id = segment.account_id, segment.group_id
    return [
        Move(row["bucket"], account_id, row["profile_id"], group_id, moment.now, row["joins"], starts_nothing=True)
        for row in rows
    ]


async def plan_looks(transaction: Connection, segment: Segment, buckets: Sequence[int], moment: Moment) -> None:
    """Write for everybody in the buckets when time may change their place, instead of what was written before."""
    due, narrowing = segment_due, list[ColumnElement[bool]]()
    query = ProfileQuery(segment.account_id, buckets, narrowing=narrowing)
    await transaction.execute(delete(due).where(query.asked(due), due.c.group_id == segment.group_id))
    following = segment.condition.next_change_where(query, moment)
    if following is None:
        return
    await query.settle(transaction)
    people = (
        select(profile.c.bucket, profile.c.profile_id, following.label("due_at"))
        .select_from(query.people)
        .where(query.asked(profile), *narrowing)
        .cte("people")
        .prefix_with("MATERIALIZED")
    )
    own = (literal(segment.account_id), literal(segment.group_id), literal(segment.clock))
    chosen = select(people.c.bucket, own[0], people.c.profile_id, own[1], people.c.due_at, own[2])
    names = ["bucket", "account_id", "profile_id", "group_id", "due_at", "clock"]
    await transaction.execute(insert(due).from_select(names, chosen.where(people.c.due_at.is_not(None))))


async def unsettled(
    connection: Connection, segment: Segment, people: Sequence[tuple[int, str]], now: datetime
) -> set[str]:
    """Return those of the people (bucket, profile id) whose place is still to be looked at."""
    if not people:
        return set()
    place = (segment.account_id, segment.group_id, [one[0] for one in people], [one[1] for one in people])
    return {row["profile_id"] for row in await connection.fetch(_UNSETTLED, *place, now)}


async def count_people(connection: Connection, account_id: str, buckets: Sequence[int]) -> int:
    """Return how many people of the account are in the buckets."""
    count: int = await connection.fetch_value(_COUNT, list(buckets), account_id)
    return count


async def people_a_bucket(connection: Connection, account_id: str, most: int) -> int:
    """Return about how many people of an account a bucket holds, `most` for more."""
    count: int = await connection.fetch_value(_MEASURE, account_id, most)
    return count


async def newest_transaction(connection: Connection) -> str:
    """Return a mark of the transactions that have begun to write, for `have_ended`."""
    mark: str = await connection.fetch_value(_NEWEST)
    return mark


async def have_ended(connection: Connection, mark: str) -> bool:
    """Tell whether every transaction has ended that had begun to write when the mark was taken."""
    ended: bool = await connection.fetch_value(_HAVE_ENDED, mark)
    return ended


async def mark_evaluated(transaction: Connection, account_id: str, group_id: str, version: int) -> None:
    """Write down that everybody's place has been worked out for a version, unless there is a newer one."""
    await transaction.execute(_EVALUATED, account_id, group_id, version)
