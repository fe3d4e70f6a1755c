"""What happened to one person, from every record that is kept of it, in one order, the newest first.

What is here: reading a page. What is not: how it is told (`api.commands.timeline`). A page costs the same whatever the
length of the history: each source is read by an index that begins with the person, and gives no more rows than the
page has. Events and steps have no such index by time alone, because ingest and the engine would pay for it with every
one of them; there the person's metrics or runs are walked, and each gives its newest rows.

Order: by whole seconds, as some sources keep no finer time; of one second by source (an event before what it brought
about), then by time and the source's own key. None of these changes, so that a page continues where the last one ended
whatever was written between; only being asked to confirm moves, to when that was done last.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from headrace.ids import bucket_of
from headrace.storage.consenting import METRICS
from headrace.storage.database import Database, Row
from headrace.storage.metrics import OWN

EVENT, CONSENT, MEMBERSHIP, SUPPRESSION = "event", "consent", "membership", "suppression"
ENTRY, STEP, DELIVERY = "entry", "step", "delivery"
OPT_IN = "opt_in"

_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_NUMBERS = ((-1,), ((1 << 63) - 1,))
_IDS = ((UUID(int=0),), (UUID(int=(1 << 128) - 1),))
_STEPS = ((UUID(int=0), -1), (UUID(int=(1 << 128) - 1), (1 << 31) - 1))
_WORD = (("",), ("\U0010ffff",))
_WORDS = (("", ""), ("\U0010ffff", "\U0010ffff"))

_OPT_INS = """
SELECT o.sent_at AS at, o.list_id, o.email, o.confirmed_at, g.name
FROM opt_in o LEFT JOIN profile_group g ON g.account_id = $2 AND g.group_id = o.list_id
WHERE o.bucket = $1 AND o.account_id = $2 AND o.profile_id = $3 AND (o.sent_at, o.list_id COLLATE "C") < ($4, $5)
ORDER BY o.sent_at DESC, o.list_id COLLATE "C" DESC LIMIT $6
"""

_EVENTS = """
WITH RECURSIVE own (metric_id, name) AS (
    SELECT metric_id, name FROM metric WHERE account_id = $2 AND integration_name = $7 AND name = ANY($8)
),
walked (metric_id) AS (
    (
        SELECT metric_id FROM event_key WHERE bucket = $1 AND account_id = $2 AND profile_id = $3
        ORDER BY metric_id LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT k.metric_id FROM event_key k
        WHERE k.bucket = $1 AND k.account_id = $2 AND k.profile_id = $3 AND k.metric_id > walked.metric_id
        ORDER BY k.metric_id LIMIT 1
    )
    FROM walked WHERE walked.metric_id IS NOT NULL
),
asked (metric_id, consent) AS (
    SELECT * FROM (
        SELECT walked.metric_id, EXISTS (SELECT FROM own WHERE own.metric_id = walked.metric_id)
        FROM walked WHERE walked.metric_id IS NOT NULL
    ) AS one (metric_id, consent)
    WHERE CASE WHEN consent THEN $10::boolean ELSE $9::boolean END
)
SELECT found.*, asked.consent, m.name, m.integration_name
FROM asked CROSS JOIN LATERAL (
    SELECT e.metric_id, e.occurred_at AS at, e.number, e.value, e.value_currency, e.properties FROM event e
    WHERE e.bucket = $1 AND e.account_id = $2 AND e.profile_id = $3 AND e.metric_id = asked.metric_id
        AND e.occurred_at <= $4 AND (e.occurred_at, e.number) < ($4, $5)
    ORDER BY e.occurred_at DESC, e.number DESC LIMIT $6
) AS found
LEFT JOIN metric m ON m.account_id = $2 AND m.metric_id = found.metric_id
ORDER BY at DESC, number DESC LIMIT $6
"""

_MEMBERSHIPS = """
SELECT found.*, g.kind, g.name
FROM (
    SELECT at, number, group_id, joined FROM membership_change
    WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND at <= $4 AND (at, number) < ($4, $5)
    ORDER BY at DESC, number DESC LIMIT $6
) AS found
LEFT JOIN profile_group g ON g.account_id = $2 AND g.group_id = found.group_id
"""

_SUPPRESSIONS = """
SELECT s.at, s.list_id, s.reason, g.name
FROM suppression s LEFT JOIN profile_group g ON g.account_id = $2 AND g.group_id = s.list_id
WHERE s.bucket = $1 AND s.account_id = $2 AND s.profile_id = $3
    AND (s.at, s.list_id COLLATE "C", s.reason COLLATE "C") < ($4, $5, $6)
ORDER BY s.at DESC, s.list_id COLLATE "C" DESC, s.reason COLLATE "C" DESC LIMIT $7
"""

_ENTRIES = """
WITH RECURSIVE walked (flow_id) AS (
    (
        SELECT flow_id FROM run WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 ORDER BY flow_id LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT r.flow_id FROM run r
        WHERE r.bucket = $1 AND r.account_id = $2 AND r.profile_id = $3 AND r.flow_id > walked.flow_id
        ORDER BY r.flow_id LIMIT 1
    )
    FROM walked WHERE walked.flow_id IS NOT NULL
)
SELECT found.*, f.name
FROM walked CROSS JOIN LATERAL (
    SELECT r.entered_at AS at, r.run_id, r.flow_id, r.state, r.exit_reason, r.source FROM run r
    WHERE r.bucket = $1 AND r.account_id = $2 AND r.profile_id = $3 AND r.flow_id = walked.flow_id
        AND r.entered_at <= $4 AND (r.entered_at, r.run_id) < ($4, $5)
    ORDER BY r.entered_at DESC, r.run_id DESC LIMIT $6
) AS found
LEFT JOIN flow f ON f.account_id = $2 AND f.flow_id = found.flow_id
ORDER BY at DESC, run_id DESC LIMIT $6
"""

_JOURNAL = """
SELECT found.*, f.name, a.type, a.definition
FROM (
    SELECT step.* FROM run r CROSS JOIN LATERAL (
        SELECT j.at, j.run_id, j.step, j.flow_id, j.action_id, j.outcome, j.detail FROM journal j
        WHERE j.bucket = $1 AND j.account_id = $2 AND j.run_id = r.run_id AND j.at <= $4 AND j.at >= r.entered_at
            AND (j.at, j.run_id, j.step) < ($4, $5, $6)
        ORDER BY j.at DESC, j.step DESC LIMIT $7
    ) AS step
    WHERE r.bucket = $1 AND r.account_id = $2 AND r.profile_id = $3 AND r.entered_at <= $4
    ORDER BY step.at DESC, step.run_id DESC, step.step DESC LIMIT $7
) AS found
LEFT JOIN flow f ON f.account_id = $2 AND f.flow_id = found.flow_id
LEFT JOIN flow_action a ON a.account_id = $2 AND a.action_id = found.action_id
"""

_DELIVERIES = """
SELECT found.*, f.name AS flow, m.name
FROM unnest($7::smallint[]) AS known (channel) CROSS JOIN LATERAL (
    SELECT d.queued_at AS at, d.delivery_id, d.run_id, d.flow_id, d.action_id, d.message_id, d.variation, d.channel,
        d.state, d.reason, d.sent_at, d.bounced_at, d.first_open_at, d.first_click_at, d.unsubscribed_at, d.opens,
        d.clicks
    FROM delivery d
    WHERE d.bucket = $1 AND d.account_id = $2 AND d.profile_id = $3 AND d.channel = known.channel
        AND d.queued_at <= $4 AND (d.queued_at, d.delivery_id) < ($4, $5)
    ORDER BY d.queued_at DESC, d.delivery_id DESC LIMIT $6
) AS found
LEFT JOIN flow f ON f.account_id = $2 AND f.flow_id = found.flow_id
LEFT JOIN flow_message m ON m.account_id = $2 AND m.message_id = found.message_id
ORDER BY at DESC, delivery_id DESC LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where some kinds come from.

    `key` are the columns that order rows of one moment, `ends` values that lie before and after all of them.
    """

    kinds: tuple[str, ...]
    sql: str
    key: tuple[str, ...]
    ends: tuple[tuple[Any, ...], tuple[Any, ...]]


SOURCES = (
    Source((OPT_IN,), _OPT_INS, ("list_id",), _WORD),
    Source((EVENT, CONSENT), _EVENTS, ("number",), _NUMBERS),
    Source((MEMBERSHIP,), _MEMBERSHIPS, ("number",), _NUMBERS),
    Source((SUPPRESSION,), _SUPPRESSIONS, ("list_id", "reason"), _WORDS),
    Source((ENTRY,), _ENTRIES, ("run_id",), _IDS),
    Source((STEP,), _JOURNAL, ("run_id", "step"), _STEPS),
    Source((DELIVERY,), _DELIVERIES, ("delivery_id",), _IDS),
)
"""In the order in which things of one second happen."""

KINDS = tuple(kind for source in SOURCES for kind in source.kinds)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the order: a moment, the source's place in `SOURCES`, and the values of its key."""

    at: datetime
    source: int
    key: tuple[Any, ...]

    @property
    def second(self) -> datetime:
        """The whole second of the moment."""
        return self.at.replace(microsecond=0)

    @property
    def order(self) -> tuple[Any, ...]:
        """What marks are compared by."""
        return self.second, self.source, self.at, self.key


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One thing that happened; `row` has the columns of its source's statement."""

    kind: str
    mark: Mark
    row: Row


async def load_timeline(
    database: Database,
    account_id: str,
    profile_id: str,
    kinds: Collection[str],
    after: Mark | None,
    limit: int,
    channels: Sequence[int],
) -> list[Found]:
    """Return the newest `limit` things of some kinds that happened before a mark, the newest first.

    `channels` are those that deliveries may have.
    """
    found: list[Found] = []
    for number, source in enumerate(SOURCES):
        if kinds and not set(source.kinds).isdisjoint(kinds):
            place = (bucket_of(profile_id), account_id, profile_id, *_bound(number, source, after), limit)
            rows = await database.fetch(source.sql, *place, *_more(source, kinds, channels))
            found += (_found(number, source, row) for row in rows)
    found.sort(key=lambda one: one.mark.order, reverse=True)
    return found[:limit]


def _bound(number: int, source: Source, after: Mark | None) -> tuple[Any, ...]:
    """Return the moment and the key before which the rows of a source lie."""
    if after is None:
        return _LAST, *source.ends[1]
    if number == after.source:
        return after.at, *after.key
    whole = after.second + timedelta(seconds=number < after.source)
    return whole, *source.ends[0]


def _more(source: Source, kinds: Collection[str], channels: Sequence[int]) -> tuple[Any, ...]:
    if EVENT in source.kinds:
        return OWN, sorted(METRICS), EVENT in kinds, CONSENT in kinds
    return (list(channels),) if DELIVERY in source.kinds else ()


def _found(number: int, source: Source, row: Row) -> Found:
    kind = CONSENT if EVENT in source.kinds and row["consent"] else source.kinds[0]
    return Found(kind, Mark(row["at"], number, tuple(row[name] for name in source.key)), row)
