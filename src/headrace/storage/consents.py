"""Consent: what a person agreed to, or no longer does, on a channel and for a purpose.

What is here: the rows. What is not: the events that record their changes (`consenting`, through which everything that a
person or a caller decides goes). `at` is the account's time. A new subscription to marketing e-mail lifts those
suppressions that it undoes. Source: reference 3.3, 4.3, 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from headrace.conditions.topics import of_consent
from headrace.ids import bucket_of
from headrace.model import Channel
from headrace.storage.database import Connection, Database, Row
from headrace.storage.noting import note_changed
from headrace.storage.suppressions import LIFTED_BY_SUBSCRIBING, unsuppress

SUBSCRIBED = "SUBSCRIBED"
UNSUBSCRIBED = "UNSUBSCRIBED"


class Purpose(IntEnum):
    """What a message is for; the numbers are stored. Only text messages have a consent for each.

    Being seen opening e-mail and being talked to on WhatsApp are no messages, but are consented to alike.
    """

    MARKETING = 0
    TRANSACTIONAL = 1
    OPEN_TRACKING = 2
    CONVERSATIONAL = 3


_GIVEN = """unnest($2::smallint[], $3::text[], $4::smallint[], $5::smallint[], $6::text[], $7::timestamptz[],
    $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::boolean[], $13::boolean[])
    AS given (bucket, profile_id, channel, purpose, subscription, changed_at, recorded_at, method, detail,
              custom_source, double_opt_in, rcs_capable)"""

_LOCK = """
SELECT c.profile_id, c.channel, c.purpose, c.subscription, c.changed_at
FROM unnest($2::smallint[], $3::text[], $4::smallint[], $5::smallint[]) AS asked (bucket, profile_id, channel, purpose)
JOIN consent c ON c.bucket = asked.bucket AND c.account_id = $1 AND c.profile_id = asked.profile_id
    AND c.channel = asked.channel AND c.purpose = asked.purpose
ORDER BY c.bucket, c.profile_id, c.channel, c.purpose
FOR NO KEY UPDATE OF c
"""

_SET = f"""
INSERT INTO consent AS c (bucket, account_id, profile_id, channel, purpose, subscription, changed_at, recorded_at,
                          method, detail, custom_source, double_opt_in, rcs_capable)
SELECT p.bucket, p.account_id, p.profile_id, given.channel, given.purpose, given.subscription, given.changed_at,
    given.recorded_at, given.method, given.detail, given.custom_source, given.double_opt_in, given.rcs_capable
FROM {_GIVEN}
JOIN profile p ON p.bucket = given.bucket AND p.account_id = $1 AND p.profile_id = given.profile_id
ORDER BY p.bucket, p.profile_id, given.channel, given.purpose
ON CONFLICT (bucket, account_id, profile_id, channel, purpose) DO UPDATE
SET subscription = excluded.subscription, changed_at = excluded.changed_at, recorded_at = excluded.recorded_at,
    method = excluded.method, detail = excluded.detail, custom_source = excluded.custom_source,
    double_opt_in = excluded.double_opt_in, rcs_capable = coalesce(excluded.rcs_capable, c.rcs_capable)
WHERE (c.subscription <> excluded.subscription OR excluded.double_opt_in AND NOT c.double_opt_in
        OR excluded.rcs_capable <> coalesce(c.rcs_capable, NOT excluded.rcs_capable))
    AND NOT (excluded.recorded_at IS NOT NULL AND excluded.subscription = 'SUBSCRIBED'
        AND c.subscription = 'UNSUBSCRIBED' AND c.changed_at > excluded.changed_at)
RETURNING c.profile_id, c.channel, c.purpose
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
    own word for it. `recorded_at` is when it was written, where that is another moment than `at`; such a subscription
    does not undo a later unsubscription. `double_opt_in` tells that the person confirmed it; `rcs_capable` is None
    where nobody knows. `asked_at` is when it was asked for, where that is earlier than `at`.
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
    asked_at: datetime | None = None

    @property
    def decided_at(self) -> datetime | None:
        """When it was decided, None for just now: it does not undo what was decided later."""
        return self.at if self.recorded_at else self.asked_at

    @property
    def key(self) -> tuple[str, int, int]:
        """Whose consent to what it is."""
        return self.profile_id, int(self.channel), int(self.purpose)

    @property
    def undoes_suppressions(self) -> bool:
        """Whether it is a subscription to marketing e-mail."""
        wanted = (Channel.EMAIL, Purpose.MARKETING, SUBSCRIBED)
        return (self.channel, self.purpose, self.subscription) == wanted


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that was one. `before` is the subscription until then, None for somebody who was never asked."""

    change: ConsentChange
    before: str | None

    @property
    def is_turn(self) -> bool:
        """Whether the person is subscribed now and was not before, or the other way round."""
        return self.change.subscription != self.before


async def set_consents(
    transaction: Connection, account_id: str, changes: Sequence[ConsentChange], now: datetime | None = None
) -> list[Changed]:
    """Write consents and return those that were not so already, of profiles that exist; of two alike the last counts.

    Subscribing to marketing e-mail lifts suppressions, global ones, even where the consent itself was so already: such
    a change is among those returned. Suppressions that came after it was decided stay. `now` is the account's time, by
    default that of the latest change.

    Source: reference 4.3. Our choice: a suppression on one list stays until it is lifted by itself.
    """
    wanted = {one.key: one for one in changes}
    if not wanted:
        return []
    given = [wanted[key] for key in sorted(wanted)]
    now = now or max(one.recorded_at or one.at for one in given)
    columns = _columns(given)
    before = {key: row["subscription"] for key, row in (await lock_consents(transaction, account_id, given)).items()}
    written = {_key(row) for row in await transaction.fetch(_SET, account_id, *columns)}
    topics: dict[str, set[str]] = {}
    for profile_id, channel, purpose in written:
        topics.setdefault(profile_id, set()).add(of_consent(channel, purpose))
    await note_changed(transaction, account_id, topics, now)
    undoing = [one for one in given if one.undoes_suppressions]
    lifted = await _lift(transaction, account_id, undoing, now) if undoing else set()
    return [
        Changed(one, before.get(one.key))
        for one in given
        if one.key in written or (one.undoes_suppressions and one.profile_id in lifted)
    ]


async def _lift(transaction: Connection, account_id: str, changes: Sequence[ConsentChange], now: datetime) -> set[str]:
    people = [one.profile_id for one in changes]
    until = {one.profile_id: one.decided_at for one in changes}
    return await unsuppress(transaction, account_id, people, LIFTED_BY_SUBSCRIBING, now, until=until)


async def lock_consents(
    transaction: Connection, account_id: str, changes: Iterable[ConsentChange]
) -> dict[tuple[str, int, int], Row]:
    """Lock the consents that are to change; return profile, channel, purpose -> subscription and changed_at."""
    given = sorted(changes, key=lambda one: one.key)
    rows = await transaction.fetch(_LOCK, account_id, *_columns(given)[:4]) if given else []
    return {_key(row): row for row in rows}


async def set_consent(transaction: Connection, account_id: str, change: ConsentChange) -> bool:
    """Write one consent as `set_consents` does; False when nothing changed, or there is no such profile."""
    return bool(await set_consents(transaction, account_id, [change]))


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


_FIELDS = (
    "profile_id",
    "channel",
    "purpose",
    "subscription",
    "at",
    "recorded_at",
    "method",
    "detail",
    "custom_source",
    "double_opt_in",
    "rcs_capable",
)


def _columns(changes: Sequence[ConsentChange]) -> list[list[object]]:
    values: list[list[object]] = [[getattr(one, name) for one in changes] for name in _FIELDS]
    return [[bucket_of(one.profile_id) for one in changes], *values]


def _key(row: Row) -> tuple[str, int, int]:
    return row["profile_id"], row["channel"], row["purpose"]
