"""Recording what became of messages: one event, one interaction and the counts that follow from them.

What is here: `Recorder.prepare`, which does what must happen before the transaction, and `record_interactions`, which
writes a batch set by set inside one. What is not: names and properties (`message_events`), counting (`message_tally`),
the roll-ups that the deltas end in (`rollups`) and what people bought (`conversions`). Follows DESIGN section 5; see
docs/decisions/0006-reports.md.

Firsts are recognized here, under the lock of the delivery's row, so that every base count is additive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from headrace.clock import to_second
from headrace.ids import event_number
from headrace.model import Channel
from headrace.storage.bounces import stop_mailing
from headrace.storage.consenting import METRICS
from headrace.storage.database import Connection, Row
from headrace.storage.events import NewEvent, insert_quietly
from headrace.storage.message_events import (
    METRIC_NAMES,
    UNREPORTED,
    Interaction,
    Kind,
    event_properties,
    recorded_kind,
    unique_id,
)
from headrace.storage.message_subjects import read_subjects
from headrace.storage.message_tally import Tally, sum_up, tally_up
from headrace.storage.metrics import OWN, Metrics
from headrace.storage.own_events import OwnEvents, Room
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials
from headrace.storage.tables import MESSAGE_COUNTS

__all__ = ["Interaction", "Kind", "Prepared", "Recorder", "record_interactions"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is ready to be recorded: `numbers` and `metrics` lie parallel to `items`."""

    account_id: str
    items: tuple[Interaction, ...]
    numbers: tuple[int, ...]
    metrics: tuple[str, ...]
    delivered_metrics: Mapping[Channel, str]
    room: Room
    """For the events of those whom a complaint unsubscribes."""


class Recorder:
    """Readies batches of interactions; built once per process."""

    __slots__ = ("_metrics", "_own", "_partitions", "_serials")

    def __init__(self, metrics: Metrics, serials: Serials, partitions: Partitions) -> None:
        self._metrics = metrics
        self._serials = serials
        self._partitions = partitions
        self._own = OwnEvents(metrics, serials, partitions)

    async def prepare(self, account_id: str, items: Iterable[Interaction]) -> Prepared:
        """Make what a batch needs outside its transaction: metrics, event numbers and partitions.

        Items of webhooks and internal alerts are left out. Raises `ValueError` for what cannot happen on a channel.
        """
        kept = tuple(_normal(item) for item in items if item.channel not in UNREPORTED)
        await self._partitions.ensure("event", {item.at for item in kept})
        pairs = {(item.channel, item.kind) for item in kept} | {(item.channel, Kind.DELIVERED) for item in kept}
        found = await self._metrics.ids(account_id, {METRIC_NAMES[pair] for pair in pairs}, OWN) if pairs else {}
        serials = await self._serials.take(len(kept))
        complaints = [item.at for item in kept if item.kind is Kind.SPAM]
        return Prepared(
            account_id=account_id,
            items=kept,
            numbers=tuple(event_number(item.at, serial) for item, serial in zip(kept, serials, strict=True)),
            metrics=tuple(found[METRIC_NAMES[item.channel, item.kind]] for item in kept),
            delivered_metrics={channel: found[METRIC_NAMES[channel, Kind.DELIVERED]] for channel, _ in pairs},
            room=await self._own.room(account_id, METRICS if complaints else (), len(complaints), complaints),
        )


async def record_interactions(transaction: Connection, batch: Prepared) -> tuple[Interaction, ...]:
    """Record a batch and return those of its items that were new, in their order.

    Per new item: an event, an `interaction` row, the delivery's firsts and counters; per batch and report key one
    `message_delta` row. A delivery ends in exactly one of delivered, bounced and failed: a bounce after the delivery
    takes the delivery back, and what comes after a bounce is dropped. Items of deliveries that do not exist, or that
    were not attempted (`sent_at` is null), record nothing: write the delivery's state first.

    An e-mail that bounced for good suppresses its address, and so does a complaint, which also ends the subscription.

    Source: reference 4.3, 5.2, 5.3, 6.1. Our choice: an e-mail that was refused before it was sent (FAILED) leaves the
    event "Dropped Email" and counts nowhere, because failures are those of text messages only.
    """
    rows = await _lock(transaction, batch)
    steps = [step for step in _steps(batch) if (row := rows.get(step.item.delivery_id)) and row["sent_at"]]
    steps = _without_afterlife(steps, rows)
    if not steps:
        return ()
    subjects = await _subjects(transaction, batch, steps, rows)
    events = [step.event(rows[step.item.delivery_id], subjects.get(step.item.delivery_id)) for step in steps]
    fresh = await insert_quietly(transaction, batch.account_id, events)
    new = [step for step in steps if step.number in fresh]
    counted = [step for step in new if not step.item.bot]
    if counted:
        taken_back = await _delivered_before(transaction, batch, counted, rows)
        tallies = tally_up([step.item for step in counted], rows, taken_back)
        await _write(transaction, batch.account_id, counted, rows, tallies)
        await stop_mailing(transaction, batch.room, [step.item for step in counted], rows)
    return tuple(step.item for step in new)


def _normal(item: Interaction) -> Interaction:
    return replace(item, kind=recorded_kind(item.channel, item.kind), at=to_second(item.at))


@dataclass(frozen=True, slots=True)
class _Step:
    """An item with the number and metric of its event."""

    item: Interaction
    number: int
    metric_id: str

    def event(self, delivery: Row, subject: str | None) -> NewEvent:
        item = self.item
        given = dict(item.properties) if subject is None else {"Subject": subject, **item.properties}
        if item.kind is Kind.OPENED:
            given["machine_open"] = item.machine_open
        if item.kind is Kind.CLICKED:
            given |= {"URL": item.url or "", "Bot Click": item.bot}
        return NewEvent(
            bucket=item.bucket,
            profile_id=delivery["profile_id"],
            metric_id=self.metric_id,
            unique_id=unique_id(item.delivery_id, item.kind, item.key or str(self.number)),
            number=self.number,
            occurred_at=item.at,
            properties=event_properties(delivery, item.kind, item.at, given),
        )


def _steps(batch: Prepared) -> list[_Step]:
    return [_Step(*each) for each in zip(batch.items, batch.numbers, batch.metrics, strict=True)]


def _without_afterlife(steps: Sequence[_Step], rows: Mapping[UUID, Row]) -> list[_Step]:
    """Drop outcomes (delivered, bounced, failed) of deliveries that have bounced or failed already."""
    ended = {delivery_id for delivery_id, row in rows.items() if row["bounced_at"]}
    kept = []
    for step in steps:
        delivery_id, kind = step.item.delivery_id, step.item.kind
        if kind > Kind.FAILED or delivery_id not in ended:
            kept.append(step)
        if kind in (Kind.BOUNCED, Kind.FAILED):
            ended.add(delivery_id)
    return kept


# --- statements -------------------------------------------------------------------------------------------------

_LOCK = """
SELECT d.bucket, d.delivery_id, d.profile_id, d.flow_id, d.message_id, d.variation, d.format, d.channel, d.sent_at,
       d.segments, d.bounced_at, d.first_open_at, d.first_click_at, d.unsubscribed_at, m.name AS message_name
FROM unnest($2::smallint[], $3::uuid[]) AS k (bucket, delivery_id)
JOIN delivery d ON d.bucket = k.bucket AND d.account_id = $1 AND d.delivery_id = k.delivery_id
LEFT JOIN flow_message m ON m.message_id = d.message_id AND m.account_id = $1
ORDER BY d.bucket, d.delivery_id
FOR NO KEY UPDATE OF d
"""

_DELIVERED_BEFORE = """
SELECT k.delivery_id
FROM unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::uuid[])
    AS k (bucket, profile_id, metric_id, unique_id, delivery_id)
JOIN event_key e ON e.bucket = k.bucket AND e.account_id = $1 AND e.profile_id = k.profile_id
    AND e.metric_id = k.metric_id AND e.unique_id = k.unique_id
"""

_COUNT = """
UPDATE delivery d SET
    bounced_at = coalesce(d.bounced_at, u.bounced_at),
    first_open_at = coalesce(d.first_open_at, u.first_open_at),
    first_click_at = coalesce(d.first_click_at, u.first_click_at),
    unsubscribed_at = coalesce(d.unsubscribed_at, u.unsubscribed_at),
    opens = d.opens + u.opens, clicks = d.clicks + u.clicks, unsubscribes = d.unsubscribes + u.unsubscribes
FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
            $8::int[], $9::int[], $10::int[])
    AS u (bucket, delivery_id, bounced_at, first_open_at, first_click_at, unsubscribed_at, opens, clicks, unsubscribes)
WHERE d.bucket = u.bucket AND d.account_id = $1 AND d.delivery_id = u.delivery_id
"""

_INTERACT = """
INSERT INTO interaction (bucket, account_id, profile_id, at, number, kind, channel, delivery_id, flow_id, message_id,
                         variation, format, sent_at)
SELECT bucket, $1, profile_id, at, number, kind, channel, delivery_id, flow_id, message_id, variation, format, sent_at
FROM unnest($2::smallint[], $3::text[], $4::timestamptz[], $5::bigint[], $6::smallint[], $7::smallint[], $8::uuid[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[])
    AS i (bucket, profile_id, at, number, kind, channel, delivery_id, flow_id, message_id, variation, format, sent_at)
"""

_DELTA = f"""
INSERT INTO message_delta (account_id, slot, flow_id, message_id, variation, format, channel,
                           {", ".join(MESSAGE_COUNTS)})
SELECT $1, * FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[],
    {", ".join(f"${at}::int[]" for at in range(8, 8 + len(MESSAGE_COUNTS)))})
"""


async def _lock(transaction: Connection, batch: Prepared) -> dict[UUID, Row]:
    keys = list({(item.bucket, item.delivery_id): None for item in batch.items})
    rows = await transaction.fetch(_LOCK, batch.account_id, [key[0] for key in keys], [key[1] for key in keys])
    return {row["delivery_id"]: row for row in rows}


async def _subjects(
    transaction: Connection, batch: Prepared, steps: Sequence[_Step], rows: Mapping[UUID, Row]
) -> dict[UUID, str]:
    """Return the subjects of the e-mails that were opened, clicked or complained of: given in the batch, or stored."""
    later = {s.item.delivery_id for s in steps if s.item.channel is Channel.EMAIL and s.item.kind > Kind.FAILED}
    given = {s.item.delivery_id: str(s.item.properties["Subject"]) for s in steps if "Subject" in s.item.properties}
    wanted = [rows[delivery_id] for delivery_id in sorted(later - set(given))]
    if not wanted:
        return given
    stored = await read_subjects(transaction, batch.account_id, wanted, batch.delivered_metrics[Channel.EMAIL])
    return {**stored, **given}


async def _delivered_before(
    transaction: Connection, batch: Prepared, steps: Sequence[_Step], rows: Mapping[UUID, Row]
) -> set[UUID]:
    """Return the deliveries that bounced or failed in this batch and had been counted as delivered."""
    items = [step.item for step in steps if step.item.kind in (Kind.BOUNCED, Kind.FAILED)]
    if not items:
        return set()
    found = await transaction.fetch(
        _DELIVERED_BEFORE,
        batch.account_id,
        [item.bucket for item in items],
        [rows[item.delivery_id]["profile_id"] for item in items],
        [batch.delivered_metrics[item.channel] for item in items],
        [unique_id(item.delivery_id, Kind.DELIVERED, "") for item in items],
        [item.delivery_id for item in items],
    )
    return {row["delivery_id"] for row in found}


async def _write(
    transaction: Connection,
    account_id: str,
    steps: Sequence[_Step],
    rows: Mapping[UUID, Row],
    tallies: Mapping[UUID, Tally],
) -> None:
    if changed := [(rows[key], tally) for key, tally in tallies.items() if tally.changes_delivery()]:
        await transaction.execute(_COUNT, account_id, *_delivery_columns(changed))
    await transaction.execute(_INTERACT, account_id, *_interaction_columns(steps, rows))
    if sums := sum_up(tallies, rows):
        keys, counts = list(sums), list(sums.values())
        columns = [[key[at] for key in keys] for at in range(6)]
        columns += [[count[name] for count in counts] for name in MESSAGE_COUNTS]
        await transaction.execute(_DELTA, account_id, *columns)


def _delivery_columns(changed: Sequence[tuple[Row, Tally]]) -> list[list[Any]]:
    firsts = ("bounced_at", "first_open_at", "first_click_at", "unsubscribed_at")
    return [
        [row["bucket"] for row, _ in changed],
        [row["delivery_id"] for row, _ in changed],
        *([tally.firsts.get(name) for _, tally in changed] for name in firsts),
        *([tally.counts[name] for _, tally in changed] for name in ("opens", "clicks", "unsubscribes")),
    ]


def _interaction_columns(steps: Sequence[_Step], rows: Mapping[UUID, Row]) -> list[list[Any]]:
    found = [rows[step.item.delivery_id] for step in steps]
    return [
        [step.item.bucket for step in steps],
        [row["profile_id"] for row in found],
        [step.item.at for step in steps],
        [step.number for step in steps],
        [step.item.kind for step in steps],
        [row["channel"] for row in found],
        [step.item.delivery_id for step in steps],
        *([row[name] for row in found] for name in ("flow_id", "message_id", "variation", "format", "sent_at")),
    ]
