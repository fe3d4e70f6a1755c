"""Noting what changed about people, so that the engine works out what follows: segments and date-based entries.

Whoever writes something that a condition may ask about notes it here, in the same transaction. Nothing is written where
nobody asks: no date-based flow for a change of the person's own data, and no segment that asks about the topic.
Source: DESIGN section 3 (ingest), reference 1.5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from headrace.conditions.topics import EVERYTHING, PROPERTY, of_field, of_place, of_property
from headrace.ids import bucket_of
from headrace.storage.database import Connection
from headrace.storage.pending import Kind

DATE_BASED = "Date Based"
"""What the API calls the trigger of flows whose entries are planned. Source: reference 1.2."""
UPDATED = of_field("updated_at")
"""The topic that every change of a person's own data touches."""
_BETWEEN = "\x1f"
"""Stands between the topics of one person on their way into the database."""

_NOTE = f"""
WITH changed AS MATERIALIZED (
    SELECT bucket, profile_id, string_to_array(topics, '{_BETWEEN}') AS topics
    FROM unnest($3::smallint[], $4::text[], $5::text[]) AS given (bucket, profile_id, topics)
),
asking AS MATERIALIZED (
    SELECT DISTINCT topic FROM profile_group, unnest(coalesce(topics, '{{}}') || '{EVERYTHING}'::text) AS topic
    WHERE account_id = $1 AND kind = 'segment' AND is_active
),
dated AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM flow WHERE account_id = $1 AND trigger_type = '{DATE_BASED}' AND deleted_at IS NULL
    ) AS some
)
INSERT INTO pending (bucket, account_id, profile_id, metric_id, number, occurred_at, accepted_at, received_at, backfill,
                     chain, kind, topics)
SELECT bucket, $1, profile_id, '', 0, $2, $2, clock_timestamp(), $7, $6, {int(Kind.CHANGED)}, topics
FROM changed CROSS JOIN dated
WHERE EXISTS (SELECT FROM unnest(topics) AS one (topic) JOIN asking USING (topic))
    OR dated.some AND EXISTS (
        SELECT FROM unnest(topics) AS one (topic) WHERE topic = '{EVERYTHING}' OR starts_with(topic, '{PROPERTY}')
    )
ORDER BY bucket, profile_id
"""


_ASKING = f"""
SELECT account_id FROM profile_group WHERE account_id = ANY($1) AND kind = 'segment' AND is_active
UNION
SELECT account_id FROM flow WHERE account_id = ANY($1) AND trigger_type = '{DATE_BASED}' AND deleted_at IS NULL
"""


async def accounts_asking(connection: Connection, account_ids: Collection[str]) -> set[str]:
    """Return those of the accounts in which some segment or date-based flow may ask about a change."""
    return {row["account_id"] for row in await connection.fetch(_ASKING, sorted(account_ids))}


def topics_of(fields: Iterable[str], location: Iterable[str], properties: Iterable[str]) -> set[str]:
    """Return the topics of a change of a person's attributes (named as columns), places and custom properties."""
    touched = {of_field(one) for one in fields}
    touched.update(of_place(one) for one in location)
    touched.update(of_property(one) for one in properties)
    return touched | {UPDATED} if touched else touched


async def note_changed(
    transaction: Connection,
    account_id: str,
    changed: Mapping[str, Collection[str]],
    at: datetime,
    *,
    chain: int = 0,
    starts_nothing: bool = False,
) -> None:
    """Let the engine work out what follows from changes, given as profile id -> topics (`conditions.topics`).

    `at` is the account's time. A draft counts as a date-based flow, so that a change which commits just after it has
    gone live is seen. With `starts_nothing` no run begins where a segment is joined by it; `chain` is that of the run
    whose step made the change.
    """
    people = sorted(one for one, topics in changed.items() if topics)
    if people:
        told = [_BETWEEN.join(sorted(changed[one])) for one in people]
        buckets = [bucket_of(one) for one in people]
        await transaction.execute(_NOTE, account_id, at, buckets, people, told, chain, starts_nothing)
