"""Who is in which segment, and when that is to be looked at again.

What is here: statements, all for many people and segments at once. What is not: deciding (`engine.segments`), the
segments themselves (`segments`). Everything that writes happens under the bucket locks.

On a virtual clock the looks of a person and the steps of their runs are claimed in the order of their moments; of two
at the same moment the look comes first. Source: DESIGN section 3 (clocks).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from headrace.ids import BUCKETS
from headrace.storage.arrays import ids, numbers
from headrace.storage.buckets import due_buckets
from headrace.storage.database import Connection, Database
from headrace.storage.lanes import lanes, share
from headrace.storage.pending import Kind

KEY = len(("account_id", "profile_id", "group_id"))
"""How many ids a place has."""
ALWAYS = "due_at IS NOT NULL"
"""The condition of an index that holds every row."""


class Place(NamedTuple):
    """One person's place in one segment."""

    bucket: int
    account_id: str
    profile_id: str
    group_id: str


class Due(NamedTuple):
    """When a place is to be looked at again, though nothing happens; `due_at` is UTC on the account's clock.

    With `starts_nothing` no flow begins where the person joins then.
    """

    bucket: int
    account_id: str
    profile_id: str
    group_id: str
    due_at: datetime
    clock: int
    starts_nothing: bool = False

    @property
    def place(self) -> Place:
        """What is looked at."""
        return Place(*self[:4])


class Move(NamedTuple):
    """Somebody joins or leaves a segment at a moment of the account's clock.

    `chain` and `starts_nothing` are handed on to what follows from it.
    """

    bucket: int
    account_id: str
    profile_id: str
    group_id: str
    at: datetime
    joins: bool
    chain: int = 0
    starts_nothing: bool = False


_PEOPLE = "unnest($1::text::smallint[], string_to_array($2, ','), string_to_array($3, ',')"
_KEYS = f"{_PEOPLE}, string_to_array($4, ',')"
"""What begins a set of rows; further columns and a closing bracket follow."""
_PLACE = "bucket, account_id, profile_id, group_id"

_MEMBERS = f"""
SELECT profile_id, string_agg(group_id, ',') AS group_ids
FROM {_PEOPLE}) AS asked (bucket, account_id, profile_id)
JOIN membership USING (bucket, account_id, profile_id) GROUP BY profile_id
"""
# Written so that the index is not asked once for each of the groups: a person waits in few of them.
_DUE_OF = f"""
SELECT d.bucket, d.account_id, d.profile_id, d.group_id, d.due_at, d.clock, d.starts_nothing
FROM {_PEOPLE}) AS asked (bucket, account_id, profile_id)
JOIN segment_due d USING (bucket, account_id, profile_id) WHERE d.group_id || '' = ANY($4::text[])
"""

_JOIN = f"""
WITH joining AS MATERIALIZED (SELECT * FROM {_KEYS}, $5::timestamptz[]) AS j ({_PLACE}, at)),
kept AS MATERIALIZED (
    SELECT group_id FROM profile_group
    WHERE group_id IN (SELECT group_id FROM joining) AND kind = 'segment' ORDER BY group_id FOR KEY SHARE
),
joined AS (
    INSERT INTO membership ({_PLACE}, joined_at)
    SELECT {_PLACE}, at FROM joining JOIN kept USING (group_id) ORDER BY {_PLACE}
    ON CONFLICT DO NOTHING
    RETURNING {_PLACE}, joined_at
)
INSERT INTO membership_change ({_PLACE}, at, joined) SELECT {_PLACE}, joined_at, true FROM joined
RETURNING profile_id, group_id
"""
_LEAVE = f"""
WITH gone AS (
    DELETE FROM membership m USING {_KEYS}, $5::timestamptz[]) AS leaving ({_PLACE}, at)
    WHERE m.bucket = leaving.bucket AND m.account_id = leaving.account_id AND m.profile_id = leaving.profile_id
        AND m.group_id = leaving.group_id
    RETURNING m.bucket, m.account_id, m.profile_id, m.group_id, leaving.at
)
INSERT INTO membership_change ({_PLACE}, at, joined) SELECT {_PLACE}, at, false FROM gone
RETURNING profile_id, group_id
"""
_NOTE = f"""
INSERT INTO pending (bucket, account_id, profile_id, metric_id, number, occurred_at, accepted_at, received_at, backfill,
                     chain, kind, group_id)
SELECT bucket, account_id, profile_id, '', 0, at, at, $9, backfill, chain, kind, group_id
FROM {_KEYS}, $5::timestamptz[], $6::smallint[], $7::smallint[], $8::boolean[])
    AS moved (bucket, account_id, profile_id, group_id, at, kind, chain, backfill)
ORDER BY at, bucket, profile_id, group_id
"""

_PUT = f"""
INSERT INTO segment_due ({_PLACE}, due_at, clock, starts_nothing)
SELECT * FROM {_KEYS}, $5::timestamptz[], $6::int[], $7::boolean[])
ON CONFLICT ({_PLACE}) DO UPDATE
SET due_at = excluded.due_at, clock = excluded.clock, starts_nothing = excluded.starts_nothing
"""
_DROP = f"""
DELETE FROM segment_due d USING {_KEYS}) AS gone ({_PLACE})
WHERE d.bucket = gone.bucket AND d.account_id = gone.account_id AND d.profile_id = gone.profile_id
    AND d.group_id = gone.group_id
"""

_AT_REST = """NOT EXISTS (
    SELECT FROM profile_group g
    WHERE g.group_id = {place}.group_id AND g.is_active AND g.evaluated_version <> g.version
)"""
"""Holds for a place in a segment that no job is working out."""
_CLAIM = f"""
WITH RECURSIVE
{lanes("segment_due", "SELECT $1::int AS clock, unnest($2::smallint[]) AS bucket", ALWAYS)}
SELECT {_PLACE}, due_at, clock, starts_nothing FROM (
    SELECT due.*, row_number() OVER (PARTITION BY due.account_id ORDER BY due.due_at, due.profile_id) AS turn
    FROM lane CROSS JOIN LATERAL (
        SELECT * FROM segment_due d
        WHERE clock = $1 AND bucket = lane.bucket AND account_id = lane.account_id AND due_at <= $3 {{in_order}}
            AND {_AT_REST.format(place="d")}
        ORDER BY due_at LIMIT $5
    ) AS due
) AS fair
ORDER BY turn, due_at, profile_id, group_id LIMIT $4
"""
_CLAIM_AT_ONCE = _CLAIM.format(in_order="")
_CLAIM_IN_ORDER = _CLAIM.format(
    in_order="""AND NOT EXISTS (
            SELECT FROM run r WHERE r.bucket = d.bucket AND r.account_id = d.account_id AND r.profile_id = d.profile_id
                AND r.state = 0 AND r.clock = $1 AND r.resume_at < d.due_at
        )"""
)
_DUE_BUCKETS = due_buckets("segment_due", "due_at", ALWAYS, _AT_REST.format(place="t"))
_NEXT = f"""
SELECT min(first.at) FROM generate_series(0, {BUCKETS - 1}) AS b (number) CROSS JOIN LATERAL (
    SELECT due_at AS at FROM segment_due
    WHERE clock = $1 AND bucket = b.number::smallint AND account_id = $2 AND due_at > $3
    ORDER BY due_at LIMIT 1
) AS first
"""

# --- places -----------------------------------------------------------------------------------------------------------


async def load_members(transaction: Connection, people: Sequence[tuple[int, str, str]]) -> set[tuple[str, str]]:
    """Return the (profile id, group id) of all groups that the people (bucket, account id, profile id) are in."""
    rows = await transaction.fetch(_MEMBERS, *_columns(people))
    return {(profile_id, group_id) for profile_id, group_ids in rows for group_id in group_ids.split(",")}


async def move(transaction: Connection, moves: Sequence[Move]) -> list[Move]:
    """Let people join and leave, write it down, and return the moves that changed something.

    Nobody joins a segment that is gone.
    """
    done: set[tuple[str, str, bool]] = set()
    for statement, joins in ((_JOIN, True), (_LEAVE, False)):
        some = [one for one in moves if one.joins is joins]
        if some:
            rows = await transaction.fetch(statement, *_columns(one[:5] for one in some))
            done.update((row["profile_id"], row["group_id"], joins) for row in rows)
    return [one for one in moves if (one.profile_id, one.group_id, one.joins) in done]


async def note_moves(transaction: Connection, moves: Sequence[Move], received_at: datetime) -> None:
    """Let the engine work out what follows from moves; `received_at` is system time."""
    if moves:
        kinds = [int(Kind.JOINED if one.joins else Kind.LEFT) for one in moves]
        rest = ([one.chain for one in moves], [one.starts_nothing for one in moves])
        await transaction.execute(_NOTE, *_columns(one[:5] for one in moves), kinds, *rest, received_at)


# --- looks to come ----------------------------------------------------------------------------------------------------


async def load_due(
    transaction: Connection, people: Sequence[tuple[int, str, str]], group_ids: Collection[str]
) -> dict[Place, Due]:
    """Return when the places of people (bucket, account id, profile id) in segments are looked at again."""
    rows = await transaction.fetch(_DUE_OF, *_columns(people), list(group_ids))
    found = (Due(*row.values()) for row in rows)
    return {one.place: one for one in found}


async def put_due(transaction: Connection, dues: Collection[Due]) -> None:
    """Write when places are looked at again, each instead of what was written for it."""
    if dues:
        await transaction.execute(_PUT, *_columns(sorted(dues)))


async def drop_due(transaction: Connection, places: Collection[Place]) -> None:
    """Forget when places are looked at again; those that nothing is written for are passed over."""
    if places:
        await transaction.execute(_DROP, *_columns(sorted(places)))


async def claim_looks(
    transaction: Connection, clock: int, buckets: Sequence[int], now: datetime, limit: int
) -> list[Due]:
    """Return at most `limit` due looks of locked buckets; accounts take turns, within one the earliest come first.

    Places in segments that a job is working out are left out, and on a virtual clock those before which a run of the
    same person is due.
    """
    statement = _CLAIM_IN_ORDER if clock else _CLAIM_AT_ONCE
    rows = await transaction.fetch(statement, clock, list(buckets), now, limit, share(limit, len(buckets)))
    return [Due(*row.values()) for row in rows]


async def buckets_with_looks(
    database: Database | Connection, clocks: Sequence[tuple[int, datetime]]
) -> dict[int, list[int]]:
    """Return clock -> the buckets with looks due by its present moment; clocks without any are left out."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row in await database.fetch(_DUE_BUCKETS, [one[0] for one in clocks], [one[1] for one in clocks]):
        found[row["clock"]].append(row["bucket"])
    return dict(found)


async def next_look(connection: Connection, clock: int, account_id: str, after: datetime) -> datetime | None:
    """Return when the next look of an account's clock is due after a moment, None when none is."""
    moment: datetime | None = await connection.fetch_value(_NEXT, clock, account_id, after)
    return moment


def _columns(rows: Iterable[Sequence[Any]]) -> list[Any]:
    """Return one column each, those of the key as text."""
    bucket, *rest = zip(*rows, strict=True)
    return [numbers(bucket), *map(ids, rest[:KEY]), *map(list, rest[KEY:])]
