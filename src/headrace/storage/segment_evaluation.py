"""Working out a segment for everybody, in SQL.

What is here: the draft of a job and carrying it over bucket by bucket, and who should be a member and is not. What is
not: the people to whom something happens one by one (`engine.segments`), the clauses (`fact_query`). `matching` beside
the clauses answers for the whole account. Source: DESIGN section 2; docs/decisions/0012-maintained-segments.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    MetaData,
    SmallInteger,
    Table,
    Text,
    and_,
    cast,
    false,
    func,
    insert,
    null,
    or_,
    select,
)

from headrace.conditions.facts import Moment
from headrace.conditions.groups import CompiledFilter
from headrace.ids import BUCKETS
from headrace.storage.database import Connection
from headrace.storage.fact_query import ProfileQuery
from headrace.storage.segment_members import Move
from headrace.storage.tables import membership, profile

_MEASURE = """
SELECT count(*) FROM (SELECT FROM profile WHERE bucket = 0 AND account_id = $1 LIMIT $2) AS found
"""
_COUNT = "SELECT count(*) FROM profile WHERE bucket = ANY($1::smallint[]) AND account_id = $2"
_draft = Table(
    "segment_draft",
    MetaData(),
    Column("bucket", SmallInteger),
    Column("profile_id", Text),
    Column("belongs", Boolean),
    Column("due_at", DateTime(timezone=True)),
    schema="pg_temp",
)
_DRAFT = """
CREATE TEMPORARY TABLE segment_draft (
    bucket smallint NOT NULL, profile_id text NOT NULL, belongs boolean NOT NULL, due_at timestamptz
)
"""
_ROOM = ("SET work_mem = '128MB'", "SET random_page_cost = 4")
"""Our choice: room for totals of a million people, as a process makes few drafts at a time, and events are not to be
read in the order of people, which takes longer than it seems to the planner. Both end with the connection's loan."""
_MEASURE_DRAFT = "ANALYZE pg_temp.segment_draft"
_FORGET_DRAFT = "DROP TABLE IF EXISTS pg_temp.segment_draft"
_CARRY_OVER = """
WITH draft AS MATERIALIZED (
    SELECT bucket, profile_id, d.belongs, d.due_at
    FROM pg_temp.segment_draft d JOIN profile p USING (bucket, profile_id)
    WHERE bucket = ANY($1::smallint[]) AND p.account_id = $2
        AND NOT EXISTS (
            SELECT FROM segment_due l
            WHERE l.bucket = d.bucket AND l.account_id = $2 AND l.profile_id = d.profile_id AND l.group_id = $3
        )
),
joined AS (
    INSERT INTO membership (bucket, account_id, profile_id, group_id, joined_at)
    SELECT bucket, $2, profile_id, $3, $4 FROM draft WHERE belongs ORDER BY bucket, profile_id
    ON CONFLICT DO NOTHING
    RETURNING bucket, profile_id
),
gone AS (
    DELETE FROM membership m
    WHERE m.bucket = ANY($1::smallint[]) AND m.account_id = $2 AND m.group_id = $3
        AND NOT EXISTS (
            SELECT FROM draft WHERE draft.bucket = m.bucket AND draft.profile_id = m.profile_id AND draft.belongs
        )
        AND NOT EXISTS (
            SELECT FROM segment_due l
            WHERE l.bucket = m.bucket AND l.account_id = $2 AND l.profile_id = m.profile_id AND l.group_id = $3
        )
    RETURNING m.bucket, m.profile_id
),
planned AS (
    INSERT INTO segment_due (bucket, account_id, profile_id, group_id, due_at, clock)
    SELECT bucket, $2, profile_id, $3, due_at, $5 FROM draft WHERE due_at IS NOT NULL ORDER BY bucket, profile_id
    ON CONFLICT DO NOTHING
)
INSERT INTO membership_change (bucket, account_id, profile_id, group_id, at, joined)
SELECT bucket, $2, profile_id, $3, $4, joined FROM (
    SELECT bucket, profile_id, true AS joined FROM joined UNION ALL SELECT bucket, profile_id, false FROM gone
) AS moved
RETURNING bucket, profile_id, joined
"""
_FORGET_LOOKS = "DELETE FROM segment_due WHERE bucket = ANY($1::smallint[]) AND account_id = $2 AND group_id = $3"
_WANTED = """
SELECT 1 FROM profile_group
WHERE account_id = $1 AND group_id = $2 AND kind = 'segment' AND is_active AND version = $3
    AND evaluated_version <> version
FOR SHARE
"""
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


async def differences(connection: Connection, segment: Segment, moment: Moment) -> list[Move]:
    """Return the moves that make the members those for whom the condition holds at a moment; they start nothing."""
    query = ProfileQuery(segment.account_id)
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


async def draw_up(keeper: Connection, segment: Segment, moment: Moment) -> None:
    """Work out everybody's place at a moment into a draft, a table of this connection only.

    The draft holds those for whom the condition holds, and those whose place time may change. It is made without locks;
    the caller sees to it that people to whom something happens meanwhile are looked at afterwards.
    """
    narrowing: list[ColumnElement[bool]] = []
    query = ProfileQuery(segment.account_id, narrowing=narrowing)
    following = segment.condition.next_change_where(query, moment)
    due_at = cast(null(), DateTime(timezone=True)) if following is None else following
    belongs = func.coalesce(segment.condition.where(query, moment), false())  # shares the totals of what follows
    await query.settle(keeper)
    places = (
        select(profile.c.bucket, profile.c.profile_id, belongs.label("belongs"), due_at.label("due_at"))
        .select_from(query.people)
        .where(query.asked(profile), *narrowing)
        .cte("places")
        .prefix_with("MATERIALIZED")
    )
    chosen = select(places).where(or_(places.c.belongs, places.c.due_at.is_not(None)))
    await forget_draft(keeper)
    await keeper.execute(_DRAFT)
    for setting in _ROOM:
        await keeper.execute(setting)
    await keeper.execute(insert(_draft).from_select([column.name for column in _draft.c], chosen))
    await keeper.execute(_MEASURE_DRAFT)


async def forget_draft(keeper: Connection) -> None:
    """Drop the connection's draft, where there is one."""
    if not keeper.raw.is_closed():
        await keeper.execute(_FORGET_DRAFT)


async def carry_over(keeper: Connection, segment: Segment, buckets: Sequence[int], moment: Moment) -> list[Move]:
    """Make the draft true for the people in locked buckets and return who joined and left; this starts nothing.

    Those who have a look to come are left out: something happened to them since, and the look finds out.
    """
    account_id, group_id, now = segment.account_id, segment.group_id, moment.now
    rows = await keeper.fetch(_CARRY_OVER, list(buckets), account_id, group_id, now, segment.clock)
    return [
        Move(row["bucket"], account_id, row["profile_id"], group_id, now, row["joined"], starts_nothing=True)
        for row in rows
    ]


async def forget_looks(connection: Connection, segment: Segment) -> None:
    """Forget what was planned for a segment, by an older definition or a job that was broken off."""
    await connection.execute(_FORGET_LOOKS, list(range(BUCKETS)), segment.account_id, segment.group_id)


async def still_wanted(transaction: Connection, segment: Segment, version: int) -> bool:
    """Tell whether a version of a segment is still to be worked out, and keep it so until the transaction ends."""
    found = await transaction.fetch_value(_WANTED, segment.account_id, segment.group_id, version)
    return found is not None


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
