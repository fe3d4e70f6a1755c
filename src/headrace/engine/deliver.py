"""Delivering: claim what is due, hand it to providers, record what came of it.

    claim (committed, with a lease) -> check and render -> provider -> result, interactions, answers (one transaction)

A process that dies in between leaves a lease that lapses; only then somebody else decides (`leases`). Nobody is mailed
twice: a result counts only for its own claim, and a message whose lease is about to lapse is not handed over.
Source: DESIGN section 3 (sending).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from headrace.channels.port import Output, Refusal, Refused, Result, Retry, Sent, Unconfirmed
from headrace.engine.core import Core
from headrace.engine.faults import LOST
from headrace.engine.letters import UNABLE, Letter, moment_of, write_letters
from headrace.model import Channel, DeliveryState
from headrace.storage.awaited import Settled, settle_awaited
from headrace.storage.database import Connection, Row
from headrace.storage.deliveries import Claim, DeliveryResult, claim_deliveries, record_results, resolve_lapsed
from headrace.storage.interactions import Interaction, Kind, record_interactions
from headrace.storage.step_counts import Key, add_counts

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 10
LONGEST_BACKOFF = timedelta(hours=1)
"""Our choice: a provider that asks to wait is asked ten times, each wait twice as long as the one before."""
AFTER_A_BUG = timedelta(minutes=1)
PASSING = (*LOST, asyncpg.TransactionRollbackError)
"""Errors that say nothing about what was to be written: the server is away, or the transaction was in the way."""
RECORDING_PAUSES = (0.05, 0.2, 1.0, 2.0, 4.0)
"""Seconds between attempts to write results, which are shorter than any lease together."""
LAPSED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one delivery: the row's result, the interaction where the person's history shows it, and what the
    receiver answered, for the run that may wait for it."""

    row: Row
    result: DeliveryResult
    interaction: Interaction | None = None
    output: Output | None = None


async def deliver_batch(core: Core, clock: int, buckets: Sequence[int], now: datetime) -> int:
    """Deliver at most one batch of what is due by `now` on a clock and return how many deliveries that was."""
    claim = _claim(core)
    async with core.database.transaction() as transaction:
        rows = await claim_deliveries(transaction, clock, buckets, now, core.limits.delivering, claim)
    if not rows:
        return 0
    decided = await _decided(core, rows, now)
    pairs = zip(rows, decided, strict=True)
    outcomes = [Outcome(row, one) for row, one in pairs if isinstance(one, DeliveryResult)]
    outcomes += await _hand_over(core, [one for one in decided if isinstance(one, Letter)], claim)
    await _record(core, claim, outcomes, now)
    return len(rows)


async def _decided(core: Core, rows: Sequence[Row], now: datetime) -> Sequence[Letter | DeliveryResult]:
    """Return what to do with each delivery; those for which that cannot be found out wait, for none of them was sent.

    A row that fails by itself does not take the others with it, and is given up like one that the provider puts off.
    """
    try:
        return await write_letters(core, rows, now)
    except Exception as error:
        log.exception("%d deliveries could not be prepared", len(rows))
        if isinstance(error, LOST) or len(rows) == 1:
            not_before = core.clock.now() + AFTER_A_BUG
            return [_put_off(row, not_before) for row in rows]
    return [one for row in rows for one in await _decided(core, [row], now)]


def _put_off(row: Row, not_before: datetime) -> DeliveryResult:
    place = (row["bucket"], row["account_id"], row["delivery_id"])
    if row["attempts"] >= MOST_ATTEMPTS:
        reason = UNABLE[Channel(row["channel"])]
        return DeliveryResult(*place, DeliveryState.FAILED, row["due_at"], reason)
    return DeliveryResult(*place, DeliveryState.QUEUED, row["due_at"], not_before=not_before)


async def resolve_leases(core: Core) -> int:
    """Settle deliveries whose lease lapsed and return how many.

    They are queued again where the provider honors our delivery id, else they are unconfirmed, shown and left alone.
    """
    safe = [channel for channel, provider in core.providers.items() if provider.honors_idempotency_key]
    now = core.clock.now()
    async with core.database.transaction() as transaction:
        lapsed = await resolve_lapsed(transaction, now, safe, LAPSED_AT_ONCE)
        given_up = [_settled(row, now, NO_ANSWER) for row in lapsed if row["state"] == DeliveryState.UNCONFIRMED]
        await settle_awaited(transaction, [one for one in given_up if one])
    return len(lapsed)


def _claim(core: Core) -> Claim:
    at = core.clock.now()
    return Claim(f"{core.name}:{core.ids.uuid()}", at, at + core.limits.lease)


async def _hand_over(core: Core, letters: Sequence[Letter], claim: Claim) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for channel in sorted({Channel(letter.row["channel"]) for letter in letters}):
        share = [letter for letter in letters if letter.row["channel"] == channel]
        results = await _send(core, channel, share, claim)
        now = core.clock.now()
        outcomes += (_outcome(channel, *pair, now) for pair in zip(share, results, strict=True))
    return outcomes


async def _send(core: Core, channel: Channel, letters: Sequence[Letter], claim: Claim) -> list[Result]:
    """Hand letters over, unless so much of the lease is gone that somebody else might decide about them meanwhile."""
    provider = core.providers.get(channel)
    if provider is None:
        return [Refused(UNABLE[channel], Refusal.SENDER) for _ in letters]
    if core.clock.now() > claim.at + (claim.until - claim.at) / 2:
        return [Retry(timedelta(0), "the lease was about to lapse") for _ in letters]
    try:
        return await provider.send_many([letter.envelope for letter in letters])
    except Exception as error:
        log.exception("the provider %s failed with %d messages", provider.name, len(letters))
        if provider.honors_idempotency_key:
            return [Retry(AFTER_A_BUG, str(error)) for _ in letters]
        return [Unconfirmed(str(error)) for _ in letters]


def _outcome(channel: Channel, letter: Letter, result: Result, system_now: datetime) -> Outcome:
    match result:
        case Sent():
            done = _result(letter, DeliveryState.SENT, provider_id=result.provider_message_id)
            return Outcome(letter.row, done, _interaction(channel, letter, Kind.DELIVERED), result.output)
        case Refused():
            return _refused(channel, letter, result)
        case Retry():
            return _later(channel, letter, result, system_now)
        case Unconfirmed():
            return Outcome(letter.row, _result(letter, DeliveryState.UNCONFIRMED, reason=result.reason))


def _refused(channel: Channel, letter: Letter, refused: Refused) -> Outcome:
    done = _result(letter, DeliveryState.FAILED, reason=refused.reason)
    if refused.kind is Refusal.HARD_BOUNCE:
        bounced = _interaction(channel, letter, Kind.BOUNCED, {"Bounce Type": "Hard"})
        return Outcome(letter.row, done, bounced, refused.output)
    return Outcome(letter.row, done, _interaction(channel, letter, Kind.FAILED), refused.output)


def _later(channel: Channel, letter: Letter, retry: Retry, system_now: datetime) -> Outcome:
    attempts: int = letter.row["attempts"]
    if attempts >= MOST_ATTEMPTS:
        failed = _result(letter, DeliveryState.FAILED, sent=False, reason=UNABLE[channel])
        return Outcome(letter.row, failed, output=retry.output)
    pause = min(retry.after * 2 ** (attempts - 1), LONGEST_BACKOFF)
    queued = _result(letter, DeliveryState.QUEUED, sent=False, reason=retry.reason, not_before=system_now + pause)
    return Outcome(letter.row, queued)


def _result(
    letter: Letter,
    state: DeliveryState,
    *,
    sent: bool = True,
    reason: str | None = None,
    provider_id: str | None = None,
    not_before: datetime | None = None,
) -> DeliveryResult:
    row = letter.row
    return DeliveryResult(
        bucket=row["bucket"],
        account_id=row["account_id"],
        delivery_id=row["delivery_id"],
        state=state,
        due_at=row["due_at"],
        reason=reason,
        sent_at=letter.moment if sent else None,
        provider_id=provider_id,
        segments=letter.segments if sent else 0,
        not_before=not_before,
    )


def _interaction(channel: Channel, letter: Letter, kind: Kind, more: Mapping[str, str] | None = None) -> Interaction:
    row = letter.row
    properties = {**letter.properties, **(more or {})}
    return Interaction(kind, channel, row["bucket"], row["delivery_id"], letter.moment, properties=properties)


async def _record(core: Core, claim: Claim, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write down what came of a batch, trying again for a while: what was sent must not be forgotten.

    What the database refuses of one delivery does not take the others with it.
    """
    for pause in (*RECORDING_PAUSES, None):
        try:
            await _record_once(core, claim, outcomes, now)
            return
        except PASSING:
            if pause is None:
                raise
            log.exception("the results of %d deliveries are written once more", len(outcomes))
            await asyncio.sleep(pause)
        except Exception:
            if len(outcomes) <= 1:
                raise
            break
    await _record_singly(core, claim, outcomes, now)


async def _record_singly(core: Core, claim: Claim, outcomes: Sequence[Outcome], now: datetime) -> None:
    for outcome in outcomes:
        try:
            await _record(core, claim, [outcome], now)
        except PASSING:
            raise
        except Exception:
            log.exception("the result of delivery %s could not be written", outcome.result.delivery_id)


async def _record_once(core: Core, claim: Claim, outcomes: Sequence[Outcome], now: datetime) -> None:
    accounts = sorted({one.result.account_id for one in outcomes if one.interaction})
    batches = [await core.recorder.prepare(account_id, _interactions(outcomes, account_id)) for account_id in accounts]
    async with core.database.transaction() as transaction:
        ours = await record_results(transaction, claim.name, sorted((one.result for one in outcomes), key=_place))
        for batch in batches:
            await record_interactions(transaction, batch)
        await _tell_runs(transaction, [one for one in outcomes if one.result.delivery_id in ours], now)


async def _tell_runs(transaction: Connection, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Give answers to the runs that wait for them, and count as skipped what was counted as passed until now."""
    await settle_awaited(transaction, settled_by(outcomes, now))
    counts: Counter[Key] = Counter()
    for one in outcomes:
        if one.result.state == DeliveryState.SKIPPED:
            place = (one.row["account_id"], one.row["flow_id"], one.row["action_id"])
            counts[*place, "skipped", one.result.reason or ""] += 1
            counts[*place, "passed", ""] -= 1
    await add_counts(transaction, counts)


def settled_by(outcomes: Iterable[Outcome], now: datetime) -> list[Settled]:
    """Return what the runs get that may wait for these deliveries, those that are done with one way or another."""
    done = [one for one in outcomes if one.result.state != DeliveryState.QUEUED]
    found = [_settled(one.row, now, one.output or unanswered(one.result.reason)) for one in done]
    return [one for one in found if one]


def unanswered(reason: str | None) -> Output:
    """Return the output of a message that nobody answered."""
    return {"status": None, "body": None, "error": reason}


NO_ANSWER = unanswered("nobody knows whether it arrived")


def _settled(row: Row, now: datetime, output: Output) -> Settled | None:
    """Return what the run behind a webhook gets; other messages are not waited for."""
    if row["channel"] != Channel.WEBHOOK:
        return None
    names = ("bucket", "account_id", "run_id", "delivery_id", "action_id")
    bucket, account_id, run_id, delivery_id, action_id = (row[name] for name in names)
    return Settled(bucket, account_id, run_id, delivery_id, action_id, moment_of(row, now), output)


def _place(result: DeliveryResult) -> tuple[str, int, uuid.UUID]:
    """Return where a row stands in the order in which whoever records something locks deliveries."""
    return result.account_id, result.bucket, result.delivery_id


def _interactions(outcomes: Iterable[Outcome], account_id: str) -> list[Interaction]:
    return [one.interaction for one in outcomes if one.interaction and one.result.account_id == account_id]
