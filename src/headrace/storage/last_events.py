"""When a person's last event was: kept on the profile, written by the consumer of events.

Profiles are locked in the order in which the ingest locks them, so that the two never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.storage.database import Connection, Row

_TOUCH = """
WITH latest AS (
    SELECT bucket, account_id, profile_id, max(occurred_at) AS at
    FROM unnest($1::smallint[], $2::text[], $3::text[], $4::timestamptz[])
        AS e (bucket, account_id, profile_id, occurred_at)
    GROUP BY bucket, account_id, profile_id
),
locked AS MATERIALIZED (
    SELECT latest.* FROM latest
    JOIN profile p ON p.bucket = latest.bucket AND p.account_id = latest.account_id AND p.profile_id = latest.profile_id
    WHERE p.last_event_at IS NULL OR p.last_event_at < latest.at
    ORDER BY p.bucket, p.profile_id FOR NO KEY UPDATE OF p
)
UPDATE profile p SET last_event_at = greatest(p.last_event_at, locked.at) FROM locked
WHERE p.bucket = locked.bucket AND p.account_id = locked.account_id AND p.profile_id = locked.profile_id
"""


async def note_last_events(transaction: Connection, events: Sequence[Row]) -> None:
    """Note the times of events (rows with bucket, account_id, profile_id, occurred_at) on their profiles."""
    columns = [[event[name] for event in events] for name in ("bucket", "account_id", "profile_id", "occurred_at")]
    await transaction.execute(_TOUCH, *columns)
