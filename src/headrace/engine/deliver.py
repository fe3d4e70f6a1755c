"""Delivering: claim what is due, hand it to providers, record what came of it.

    claim (committed, with a lease) -> check and render -> provider -> result (one transaction, in `recording`)

A process that dies in between leaves a lease that lapses; only then somebody else decides (`resolve_leases`). Nobody
is mailed twice: a result counts only for its own claim, and a message whose lease is about to lapse is not handed over.
Source: DESIGN section 3 (sending).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from headrace.channels.port import Refusal, Refused, Result, Retry, Sent, Unconfirmed
from headrace.engine.core import Core
from headrace.engine.faults import LOST
from headrace.engine.letters import UNABLE, Letter, write_letters
from headrace.engine.recording import Outcome, record, settled, unanswered
from headrace.engine.segment_notes import SentMessage, note_sent
from headrace.model import Channel, DeliveryState
from headrace.storage.awaited import settle_awaited
from headrace.storage.database import Row
from headrace.storage.deliveries import Claim, DeliveryResult, claim_deliveries, resolve_lapsed
from headrace.storage.interactions import Interaction, Kind

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 10
LONGEST_BACKOFF = timedelta(hours=1)
"""Our choice: a provider that asks to wait is asked ten times, each wait twice as long as the one before."""
AFTER_A_BUG = timedelta(minutes=1)
LAPSED_AT_ONCE = 1000
NO_ANSWER = unanswered("nobody knows whether it arrived")


async def deliver_batch(core: Core, clock: int, buckets: Sequence[int], now: datetime) -> int:
    """Deliver at most one batch of what is due by `now` on a clock and return how many deliveries that was."""
    claim = _claim(core)
    async with core.database.transaction() as transaction:
        rows = await claim_deliveries(transaction, clock, buckets, now, core.limits.delivering, claim)
    if not rows:
        return 0
    core.at("deliver: claimed")
    decided = await _decided(core, rows, now)
    pairs = zip(rows, decided, strict=True)
    outcomes = [Outcome(row, one) for row, one in pairs if isinstance(one, DeliveryResult)]
    outcomes += await _hand_over(core, [one for one in decided if isinstance(one, Letter)], claim)
    core.at("deliver: handed over")
    await record(core, claim, outcomes, now)
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

    They are queued again where the provider honors our delivery id, up to `MOST_ATTEMPTS`, else they are unconfirmed,
    shown and left alone.
    """
    safe = [channel for channel, provider in core.providers.items() if provider.honors_idempotency_key]
    now = core.clock.now()
    async with core.database.transaction() as transaction:
        lapsed = await resolve_lapsed(transaction, now, safe, LAPSED_AT_ONCE, MOST_ATTEMPTS)
        given_up = [(row, NO_ANSWER) for row in lapsed if row["state"] == DeliveryState.UNCONFIRMED]
        await settle_awaited(transaction, settled(given_up, now))
        names = ("account_id", "profile_id", "channel", "due_at")
        await note_sent(core, transaction, [SentMessage(*(row[name] for name in names)) for row, _ in given_up])
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
