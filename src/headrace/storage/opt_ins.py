"""Double opt-in: who is asked by e-mail to confirm a subscription, and how far that has come.

What is here: the rows, from asking for a mail to its confirmation. What is not: writing and sending the mail
(`engine.opt_in`) and what a confirmation changes (`consenting`). `now` is the account's time, `system_now` the
machine's. Source: reference 4.4.

TO_ASK ──(claimed)──> ASKING ──(handed over)──> ASKED ──(the person confirms)──> CONFIRMED
  ^                      ├──(to be tried later)──> TO_ASK
  └──(lease lapsed, where a repetition is safe)    └──(refused)──> UNABLE
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from headrace.ids import BUCKETS, bucket_of
from headrace.model import Channel
from headrace.storage.database import Connection, Row
from headrace.storage.suppressions import LIFTED_BY_SUBSCRIBING

NO_LIST = ""
"""The list id of a subscription that is to no list."""
ASK_AGAIN_AFTER = timedelta(hours=1)
"""Our choice: whoever has not confirmed is not asked again sooner, however often they are subscribed, unless their
address is another one since."""
EVERY_BUCKET = list(range(BUCKETS))
UNDONE = ", ".join(f"'{one}'" for one in LIFTED_BY_SUBSCRIBING)


class OptInState(IntEnum):
    """How far it has come; the numbers are stored."""

    TO_ASK = 0
    ASKING = 1
    ASKED = 2
    CONFIRMED = 3
    UNABLE = 4


_ASK = f"""
INSERT INTO opt_in AS o (bucket, account_id, profile_id, list_id, channel, state, asked_at, email, method, detail,
                         custom_source)
SELECT p.bucket, $1, p.profile_id, $2, {Channel.EMAIL:d}, 0, $3, p.email, $4, $5, $6
FROM unnest($7::smallint[], $8::text[]) AS asked (bucket, profile_id)
JOIN profile p ON p.bucket = asked.bucket AND p.account_id = $1 AND p.profile_id = asked.profile_id
WHERE p.email IS NOT NULL AND NOT (
    EXISTS (
        SELECT FROM consent c WHERE c.bucket = p.bucket AND c.account_id = $1 AND c.profile_id = p.profile_id
            AND c.channel = {Channel.EMAIL:d} AND c.purpose = 0 AND c.subscription = 'SUBSCRIBED'
    ) AND NOT EXISTS (
        SELECT FROM suppression s WHERE s.bucket = p.bucket AND s.account_id = $1 AND s.profile_id = p.profile_id
            AND s.list_id = '' AND s.reason IN ({UNDONE})
    ) AND ($2 = '' OR EXISTS (
        SELECT FROM membership m WHERE m.bucket = p.bucket AND m.account_id = $1 AND m.profile_id = p.profile_id
            AND m.group_id = $2
    ))
)
ORDER BY p.bucket, p.profile_id
ON CONFLICT (bucket, account_id, profile_id, list_id, channel) DO UPDATE
SET state = 0, asked_at = excluded.asked_at, email = excluded.email, method = excluded.method,
    detail = excluded.detail, custom_source = excluded.custom_source, attempts = 0, lease_until = NULL, sent_at = NULL,
    confirmed_at = NULL
WHERE o.asked_at < excluded.asked_at AND (
    o.state IN (3, 4)
    OR o.state = 2 AND (
        o.asked_at + $9::interval <= excluded.asked_at OR lower(o.email) IS DISTINCT FROM lower(excluded.email)
    )
)
RETURNING o.profile_id
"""

_CLAIM = """
UPDATE opt_in o SET state = 1, lease_until = $3, attempts = o.attempts + 1, email = due.email
FROM (
    SELECT w.bucket, w.account_id, w.profile_id, w.list_id, w.channel, p.email
    FROM opt_in w
    LEFT JOIN profile p ON p.bucket = w.bucket AND p.account_id = w.account_id AND p.profile_id = w.profile_id
    WHERE w.bucket = ANY($1::smallint[]) AND w.account_id = $2 AND w.state = 0
        AND (w.lease_until IS NULL OR w.lease_until <= $4)
    ORDER BY w.bucket, w.profile_id LIMIT $5 FOR UPDATE OF w SKIP LOCKED
) AS due
WHERE o.bucket = due.bucket AND o.account_id = due.account_id AND o.profile_id = due.profile_id
    AND o.list_id = due.list_id AND o.channel = due.channel
RETURNING o.bucket, o.profile_id, o.list_id, o.asked_at, o.attempts, o.email
"""

_DETAILS = """
SELECT k.profile_id, k.list_id, g.name AS list_name, EXISTS (
        SELECT FROM suppression s WHERE s.bucket = k.bucket AND s.account_id = $1 AND s.profile_id = k.profile_id
            AND s.list_id = '' AND s.reason IN ('HARD_BOUNCE', 'INVALID_EMAIL')
    ) AS does_not_work
FROM unnest($2::smallint[], $3::text[], $4::text[]) AS k (bucket, profile_id, list_id)
LEFT JOIN profile_group g ON g.group_id = k.list_id AND g.account_id = $1 AND g.kind = 'list'
"""

_RECORD = """
UPDATE opt_in o SET state = r.state, sent_at = r.sent_at, lease_until = r.not_before
FROM unnest($2::smallint[], $3::text[], $4::text[], $5::timestamptz[], $6::smallint[], $7::timestamptz[],
            $8::timestamptz[]) AS r (bucket, profile_id, list_id, asked_at, state, sent_at, not_before)
WHERE o.bucket = r.bucket AND o.account_id = $1 AND o.profile_id = r.profile_id AND o.list_id = r.list_id
    AND o.asked_at = r.asked_at AND o.state = 1
"""

_RESOLVE = """
UPDATE opt_in SET state = CASE WHEN $3 THEN 0 ELSE 2 END, lease_until = NULL
WHERE bucket = ANY($1::smallint[]) AND account_id = $2 AND state = 1 AND lease_until < $4
"""

_WAITING = """
SELECT EXISTS (SELECT FROM opt_in WHERE bucket = ANY($1::smallint[]) AND account_id = $2 AND state IN (0, 1))
"""

_FIND = """
SELECT state, asked_at, method, detail, custom_source FROM opt_in
WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND list_id = $4
"""

_EMAIL = "SELECT email FROM profile WHERE bucket = $1 AND account_id = $2 AND profile_id = $3"

_CONFIRM = """
UPDATE opt_in SET state = 3, confirmed_at = $5, lease_until = NULL
WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND list_id = $4
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A claimed row: who is to be asked, at which address, about which list, for the `attempts`-th time.

    `list_name` is None where no list is meant, or it is gone; `email` is None for somebody who has none any longer.
    """

    bucket: int
    profile_id: str
    list_id: str
    asked_at: datetime
    attempts: int
    email: str | None
    list_name: str | None
    does_not_work: bool


@dataclass(frozen=True, slots=True)
class AskResult:
    """What came of asking: `state`, when the mail was handed over, or when it may be tried again (system time)."""

    asked: Asked
    state: OptInState
    sent_at: datetime | None = None
    not_before: datetime | None = None


async def ask_for_opt_in(
    transaction: Connection,
    account_id: str,
    list_id: str,
    profile_ids: Sequence[str],
    now: datetime,
    method: str,
    detail: str = "",
    custom_source: str | None = None,
) -> list[str]:
    """Have people asked to confirm and return those that will be.

    Left out are those without an address, those who are subscribed already (and on the list), those who are being
    asked, and those who were asked not long ago.
    """
    people = sorted(set(profile_ids))
    rows = await transaction.fetch(
        _ASK,
        account_id,
        list_id,
        now,
        method,
        detail,
        custom_source,
        [bucket_of(one) for one in people],
        people,
        ASK_AGAIN_AFTER,
    )
    return [row["profile_id"] for row in rows]


async def claim_opt_ins(
    transaction: Connection, account_id: str, system_now: datetime, lease_until: datetime, limit: int
) -> list[Asked]:
    """Claim at most `limit` people who are to be asked now."""
    rows = await transaction.fetch(_CLAIM, EVERY_BUCKET, account_id, lease_until, system_now, limit)
    keys = ([row[name] for row in rows] for name in ("bucket", "profile_id", "list_id"))
    found = await transaction.fetch(_DETAILS, account_id, *keys)
    details = {(row["profile_id"], row["list_id"]): row for row in found}
    return [_asked(row, details[row["profile_id"], row["list_id"]]) for row in rows]


def _asked(row: Row, detail: Row) -> Asked:
    told = (row["email"], detail["list_name"], detail["does_not_work"])
    return Asked(row["bucket"], row["profile_id"], row["list_id"], row["asked_at"], row["attempts"], *told)


async def record_asked(transaction: Connection, account_id: str, results: Sequence[AskResult]) -> None:
    """Write what came of asking; whoever has confirmed meanwhile stays confirmed."""
    await transaction.execute(
        _RECORD,
        account_id,
        [one.asked.bucket for one in results],
        [one.asked.profile_id for one in results],
        [one.asked.list_id for one in results],
        [one.asked.asked_at for one in results],
        [int(one.state) for one in results],
        [one.sent_at for one in results],
        [one.not_before for one in results],
    )


async def resolve_lapsed_opt_ins(
    transaction: Connection, account_id: str, system_now: datetime, *, repeatable: bool
) -> None:
    """Settle those whose asking was broken off: they are asked again only where that cannot make a second mail."""
    await transaction.execute(_RESOLVE, EVERY_BUCKET, account_id, repeatable, system_now)


async def some_wait(connection: Connection, account_id: str) -> bool:
    """Tell whether somebody of the account is still to be asked, or being asked."""
    found: bool = await connection.fetch_value(_WAITING, EVERY_BUCKET, account_id)
    return found


async def find_opt_in(
    connection: Connection, account_id: str, profile_id: str, list_id: str, *, lock: bool = False
) -> Row | None:
    """Return state, asked_at, method, detail and custom_source of what a person was asked, None where they were not."""
    query = f"{_FIND} FOR UPDATE" if lock else _FIND
    return await connection.fetch_row(query, bucket_of(profile_id), account_id, profile_id, list_id)


async def current_email(connection: Connection, account_id: str, profile_id: str, *, lock: bool = False) -> str | None:
    """Return the address that a profile has now, None where it has none or is gone; locked, it stays that."""
    query = f"{_EMAIL} FOR NO KEY UPDATE" if lock else _EMAIL
    found: str | None = await connection.fetch_value(query, bucket_of(profile_id), account_id, profile_id)
    return found


async def set_confirmed(transaction: Connection, account_id: str, profile_id: str, list_id: str, now: datetime) -> None:
    """Write that a person has confirmed."""
    await transaction.execute(_CONFIRM, bucket_of(profile_id), account_id, profile_id, list_id, now)
