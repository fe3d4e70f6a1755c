"""Consent: what a person agreed to, or no longer does, on a channel and for a purpose.

`at` is the account's time. A new subscription to marketing e-mail lifts those suppressions that it undoes.
Source: reference 3.3, 4.3, 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from headrace.ids import bucket_of
from headrace.model import Channel
from headrace.storage.database import Connection, Database
from headrace.storage.suppressions import LIFTED_BY_SUBSCRIBING, unsuppress

SUBSCRIBED = "SUBSCRIBED"
UNSUBSCRIBED = "UNSUBSCRIBED"


class Purpose(IntEnum):
    """What a message is for; the numbers are stored. Only text messages have a consent for each."""

    MARKETING = 0
    TRANSACTIONAL = 1


_SET = """
INSERT INTO consent AS c (bucket, account_id, profile_id, channel, purpose, subscription, changed_at, recorded_at,
                          method, detail, custom_source, double_opt_in, rcs_capable)
SELECT p.bucket, p.account_id, p.profile_id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
FROM profile p WHERE p.bucket = $1 AND p.account_id = $2 AND p.profile_id = $3
ON CONFLICT (bucket, account_id, profile_id, channel, purpose) DO UPDATE
SET subscription = excluded.subscription, changed_at = excluded.changed_at, recorded_at = excluded.recorded_at,
    method = excluded.method, detail = excluded.detail, custom_source = excluded.custom_source,
    double_opt_in = excluded.double_opt_in, rcs_capable = coalesce(excluded.rcs_capable, c.rcs_capable)
WHERE c.subscription <> excluded.subscription OR excluded.double_opt_in AND NOT c.double_opt_in
    OR excluded.rcs_capable <> coalesce(c.rcs_capable, NOT excluded.rcs_capable)
RETURNING c.subscription
"""

_LOAD = """
SELECT c.account_id, c.profile_id, c.channel, c.purpose, c.subscription
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::smallint[]) AS asked (bucket, account_id, profile_id, channel)
JOIN consent c USING (bucket, account_id, profile_id, channel)
"""


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """A new state of one person's consent on one channel.

    `method` says how it came about, `detail` names that more closely (a form, a page), `custom_source` is the caller's
    own word for it. `recorded_at` is when it was written, where that is another moment than `at`. `double_opt_in` tells
    that the person confirmed it; `rcs_capable` is None where nobody knows.
    """

    profile_id: str
    channel: int
    subscription: str
    at: datetime
    method: str
    detail: str = ""
    purpose: Purpose = Purpose.MARKETING
    recorded_at: datetime | None = None
    custom_source: str | None = None
    double_opt_in: bool = False
    rcs_capable: bool | None = None


async def set_consent(transaction: Connection, account_id: str, change: ConsentChange) -> bool:
    """Write a consent; False when nothing changed: it was so already, or there is no such profile.

    Subscribing to marketing e-mail lifts suppressions, global ones, even where the consent itself was so already.

    Source: reference 4.3. Our choice: a suppression on one list stays until it is lifted by itself.
    """
    written = await transaction.fetch_value(
        _SET,
        bucket_of(change.profile_id),
        account_id,
        change.profile_id,
        change.channel,
        change.purpose,
        change.subscription,
        change.at,
        change.recorded_at,
        change.method,
        change.detail,
        change.custom_source,
        change.double_opt_in,
        change.rcs_capable,
    )
    lifted: set[str] = set()
    if (change.channel, change.purpose, change.subscription) == (Channel.EMAIL, Purpose.MARKETING, SUBSCRIBED):
        lifted = await unsuppress(transaction, account_id, [change.profile_id], LIFTED_BY_SUBSCRIBING)
    return written is not None or bool(lifted)


async def load_subscriptions(
    connection: Connection | Database, asked: Iterable[tuple[int, str, str, int]]
) -> dict[tuple[str, str, int, int], str]:
    """Return (account id, profile id, channel, purpose) -> subscription, for each (bucket, account, profile, channel).

    Whoever never subscribed or unsubscribed is left out.
    """
    wanted = sorted(set(asked))
    if not wanted:
        return {}
    rows = await connection.fetch(_LOAD, *map(list, zip(*wanted, strict=True)))
    names = ("account_id", "profile_id", "channel", "purpose")
    return {tuple(row[name] for name in names): row["subscription"] for row in rows}
