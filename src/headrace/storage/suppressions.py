"""Suppressions: why a person is not mailed, everywhere or on one list. `at` is the account's time.

What is here: writing, lifting and loading them. What is not: what they keep from being sent (`messages.gates`), and
having unsubscribed from everything, which is a state of consent (`consents`). Source: reference 4.3, 4.4.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headrace.conditions.topics import SUPPRESSIONS
from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database
from headrace.storage.noting import note_changed

EVERYWHERE = ""
"""The list id of a suppression that holds for everything."""


class Reason(StrEnum):
    """Why somebody is suppressed. Source: reference 4.3."""

    HARD_BOUNCE = "HARD_BOUNCE"
    INVALID_EMAIL = "INVALID_EMAIL"
    SPAM_COMPLAINT = "SPAM_COMPLAINT"
    UNSUBSCRIBE = "UNSUBSCRIBE"
    USER_SUPPRESSED = "USER_SUPPRESSED"


LIFTED_BY_SUBSCRIBING = (Reason.SPAM_COMPLAINT, Reason.UNSUBSCRIBE, Reason.USER_SUPPRESSED)
"""What a new subscription to e-mail undoes; addresses that do not work stay suppressed. Source: reference 4.3."""

_SUPPRESS = """
INSERT INTO suppression (bucket, account_id, profile_id, list_id, reason, at)
SELECT p.bucket, p.account_id, p.profile_id, given.list_id, given.reason, given.at
FROM unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
    AS given (bucket, profile_id, list_id, reason, at)
JOIN profile p ON p.bucket = given.bucket AND p.account_id = $1 AND p.profile_id = given.profile_id
ORDER BY p.bucket, p.profile_id, given.list_id, given.reason
ON CONFLICT DO NOTHING
RETURNING profile_id
"""

_UNSUPPRESS = """
DELETE FROM suppression s
USING unnest($2::smallint[], $3::text[], $6::timestamptz[]) AS freed (bucket, profile_id, until)
WHERE s.bucket = freed.bucket AND s.account_id = $1 AND s.profile_id = freed.profile_id
    AND s.reason = ANY($4) AND ($5::text IS NULL OR s.list_id = $5)
    AND (freed.until IS NULL OR s.at <= freed.until)
RETURNING s.profile_id
"""

_LOAD = """
SELECT s.account_id, s.profile_id, s.list_id, s.reason, s.at
FROM unnest($1::smallint[], $2::text[], $3::text[]) AS asked (bucket, account_id, profile_id)
JOIN suppression s USING (bucket, account_id, profile_id)
ORDER BY s.at, s.list_id, s.reason
"""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A reason not to mail a person, since `at`; `list_id` is empty where it holds for everything."""

    profile_id: str
    reason: str
    at: datetime
    list_id: str = EVERYWHERE


async def suppress(
    transaction: Connection, account_id: str, suppressions: Sequence[Suppression], now: datetime | None = None
) -> set[str]:
    """Write suppressions and return the ids of those profiles that got a new one.

    One that is there already keeps its time; profiles that do not exist are passed over. `now` is the account's time,
    by default that of the latest suppression.
    """
    if not suppressions:
        return set()
    now = now or max(one.at for one in suppressions)
    rows = await transaction.fetch(
        _SUPPRESS,
        account_id,
        [bucket_of(one.profile_id) for one in suppressions],
        [one.profile_id for one in suppressions],
        [one.list_id for one in suppressions],
        [one.reason for one in suppressions],
        [one.at for one in suppressions],
    )
    return await _noted(transaction, account_id, {row["profile_id"] for row in rows}, now)


async def unsuppress(
    transaction: Connection,
    account_id: str,
    profile_ids: Collection[str],
    reasons: Collection[str],
    now: datetime,
    list_id: str | None = EVERYWHERE,
    *,
    until: Mapping[str, datetime | None] | None = None,
) -> set[str]:
    """Lift these reasons and return the ids of those profiles for whom one held; `list_id` None lifts them anywhere.

    `now` is the account's time. Of the profiles in `until` those suppressions stay that came later than that.
    """
    people, buckets = list(profile_ids), [bucket_of(one) for one in profile_ids]
    moments = [(until or {}).get(one) for one in people]
    rows = await transaction.fetch(_UNSUPPRESS, account_id, buckets, people, list(reasons), list_id, moments)
    return await _noted(transaction, account_id, {row["profile_id"] for row in rows}, now)


async def load_suppressions(
    connection: Connection | Database, people: Iterable[tuple[int, str, str]]
) -> dict[tuple[str, str], list[Suppression]]:
    """Return (account id, profile id) -> suppressions, the oldest first, for each (bucket, account, profile) with any.

    Those of single lists are among them.
    """
    asked = sorted(set(people))
    if not asked:
        return {}
    found: dict[tuple[str, str], list[Suppression]] = {}
    for row in await connection.fetch(_LOAD, *map(list, zip(*asked, strict=True))):
        suppression = Suppression(row["profile_id"], row["reason"], row["at"], row["list_id"])
        found.setdefault((row["account_id"], row["profile_id"]), []).append(suppression)
    return found


async def _noted(transaction: Connection, account_id: str, changed: set[str], now: datetime) -> set[str]:
    """Let segments look at those again whose suppressions changed."""
    if changed:
        await note_changed(transaction, account_id, dict.fromkeys(changed, (SUPPRESSIONS,)), now)
    return changed
