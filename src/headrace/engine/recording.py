"""Recording what came of a batch of deliveries, in one transaction.

    results -> interactions -> answers for the runs that wait for them -> counts -> segments that ask

A result counts only for its own claim; what was sent must not be forgotten, so that writing is tried again for a while.
Source: DESIGN section 3 (sending).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from headrace.channels.port import Output
from headrace.engine.core import Core
from headrace.engine.faults import LOST
from headrace.engine.letters import moment_of
from headrace.engine.merged import of_merged
from headrace.engine.segment_notes import SentMessage, note_sent
from headrace.model import Channel, DeliveryState
from headrace.storage.awaited import Settled, settle_awaited
from headrace.storage.database import Connection, Row
from headrace.storage.deliveries import Claim, DeliveryResult, record_results
from headrace.storage.interactions import Interaction, record_interactions
from headrace.storage.merge_rows import Move, move_inbox
from headrace.storage.step_counts import Key, add_counts

log = logging.getLogger(__name__)

PASSING = (*LOST, asyncpg.TransactionRollbackError)
"""Errors that say nothing about what was to be written: the server is away, or the transaction was in the way."""
RECORDING_PAUSES = (0.05, 0.2, 1.0, 2.0, 4.0)
"""Seconds between attempts to write results, which are shorter than any lease together."""
UNSENT = (DeliveryState.SKIPPED, DeliveryState.CANCELED)
"""The ends of messages that no provider was given."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one delivery: the row's result, the interaction where the person's history shows it, and what the
    receiver answered, for the run that may wait for it."""

    row: Row
    result: DeliveryResult
    interaction: Interaction | None = None
    output: Output | None = None


class Merged(Exception):
    """Deliveries moved with their person before their results were written: `outcomes` say where they are now.

    `moves` say who became whom, each with the deliveries that went along.
    """

    def __init__(self, outcomes: Sequence[Outcome], moves: Sequence[tuple[Move, uuid.UUID]]) -> None:
        super().__init__(f"{len(outcomes)} results are written once more, for people who were merged")
        self.outcomes = outcomes
        self.moves = moves


async def record(core: Core, claim: Claim, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write down what came of a batch, trying again for a while: what was sent must not be forgotten.

    What the database refuses of one delivery does not take the others with it.
    """
    for pause in (*RECORDING_PAUSES, None):
        try:
            await _record_once(core, claim, outcomes, now)
            return
        except Merged as merged:
            outcomes = merged.outcomes
            await _bring_inbox(core, merged)
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


async def _bring_inbox(core: Core, merged: Merged) -> None:
    """Let what the inbox kept under the old profile meanwhile follow its delivery."""
    async with core.database.transaction() as transaction:
        for move, delivery_id in merged.moves:
            await move_inbox(transaction, move, [delivery_id])


async def _record_singly(core: Core, claim: Claim, outcomes: Sequence[Outcome], now: datetime) -> None:
    for outcome in outcomes:
        try:
            await record(core, claim, [outcome], now)
        except PASSING:
            raise
        except Exception:
            log.exception("the result of delivery %s could not be written", outcome.result.delivery_id)


async def _record_once(core: Core, claim: Claim, outcomes: Sequence[Outcome], now: datetime) -> None:
    accounts = sorted({one.result.account_id for one in outcomes if one.interaction})
    batches = [await core.recorder.prepare(account_id, _interactions(outcomes, account_id)) for account_id in accounts]
    async with core.database.transaction() as transaction:
        ours = await record_results(transaction, claim.name, sorted((one.result for one in outcomes), key=_place))
        await _check_places(transaction, outcomes, ours)
        for batch in batches:
            await record_interactions(transaction, batch)
        told = [one for one in outcomes if one.result.delivery_id in ours]
        await _tell_runs(transaction, told, now)
        await note_sent(core, transaction, [sent for one in told if (sent := _sent(one))])
        core.at("deliver: before commit")
    core.at("deliver: after commit")


async def _check_places(transaction: Connection, outcomes: Sequence[Outcome], ours: Container[uuid.UUID]) -> None:
    """Raise `Merged` where a delivery was not found because its person has become another profile meanwhile."""
    lost = [one.row for one in outcomes if one.result.delivery_id not in ours]
    present = await of_merged(transaction, lost, ()) if lost else None
    if present is not None:
        rows = {row["delivery_id"]: row for row in present}
        moves = [
            (Move(one.row["account_id"], one.row["profile_id"], row["profile_id"]), one.result.delivery_id)
            for one in outcomes
            if (row := rows.get(one.result.delivery_id)) and row["profile_id"] != one.row["profile_id"]
        ]
        raise Merged([_placed(one, rows.get(one.result.delivery_id)) for one in outcomes], moves)


def _placed(outcome: Outcome, row: Row | None) -> Outcome:
    if row is None:
        return outcome
    interaction = outcome.interaction and replace(outcome.interaction, bucket=row["bucket"])
    return Outcome(row, replace(outcome.result, bucket=row["bucket"]), interaction, outcome.output)


async def _tell_runs(transaction: Connection, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Give answers to the runs that wait for them, and count as skipped what was counted as passed until now."""
    done = [one for one in outcomes if one.result.state != DeliveryState.QUEUED]
    pairs = [(one.row, one.output or unanswered(one.result.reason)) for one in done]
    await settle_awaited(transaction, settled(pairs, now))
    counts: Counter[Key] = Counter()
    for one in outcomes:
        if one.result.state in UNSENT:
            place = (one.row["account_id"], one.row["flow_id"], one.row["action_id"])
            counts[*place, "skipped", one.result.reason or ""] += 1
            counts[*place, "passed", ""] -= 1
    await add_counts(transaction, counts)


def _sent(outcome: Outcome) -> SentMessage | None:
    row, at = outcome.row, outcome.result.sent_at
    return SentMessage(row["account_id"], row["profile_id"], row["channel"], at) if at is not None else None


def settled(answers: Iterable[tuple[Row, Output]], now: datetime) -> list[Settled]:
    """Return what the runs get that may wait for these deliveries: those behind webhooks, nobody awaits the others."""
    return [
        Settled(
            bucket=row["bucket"],
            account_id=row["account_id"],
            run_id=row["run_id"],
            delivery_id=row["delivery_id"],
            action_id=row["action_id"],
            at=moment_of(row, now),
            output=output,
        )
        for row, output in answers
        if row["channel"] == Channel.WEBHOOK
    ]


def unanswered(reason: str | None) -> Output:
    """Return the output of a message that nobody answered."""
    return {"status": None, "body": None, "error": reason}


def _place(result: DeliveryResult) -> tuple[str, int, uuid.UUID]:
    """Return where a row stands in the order in which whoever records something locks deliveries."""
    return result.account_id, result.bucket, result.delivery_id


def _interactions(outcomes: Iterable[Outcome], account_id: str) -> list[Interaction]:
    return [one.interaction for one in outcomes if one.interaction and one.result.account_id == account_id]
