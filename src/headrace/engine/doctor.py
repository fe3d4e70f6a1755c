"""The doctor: finds what stands still or does not add up, and repairs or explains each.

What is here: what every symptom means and what is done about it, as one table. What is not: finding them
(`storage.doctor`). A repair does what a worker would, or puts right what no worker looks at; running it twice, or
beside workers, does no harm. Source: DESIGN section 3 (a run is never stuck unseen).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from headrace.clock import stopwatch
from headrace.engine import segment_check
from headrace.engine.core import Core
from headrace.engine.deliver import resolve_leases
from headrace.engine.jobs import run_jobs
from headrace.engine.worker import Worker
from headrace.storage import doctor, jobs
from headrace.storage.account_clocks import read_clocks
from headrace.storage.doctor import Clocks, Symptom
from headrace.storage.flow_states import EXIT_RUNS
from headrace.storage.runs import retry_parked
from headrace.storage.segments import request_evaluation

SEGMENTS = "segment_members"
"""The symptom that is found by working segments out, not by a query."""
PATIENCE = timedelta(minutes=5)
"""Our choice: what is late by less than five minutes is on its way."""
MOST_RETRIES = 10_000
"""Parked runs that one repair lets try again."""
WORK_SECONDS = 60.0
"""How long a repair works off what is due."""

Repair: TypeAlias = Callable[[Core, Clocks, Sequence[Symptom]], Awaitable[int]]
"""Does something about the symptoms of one kind and returns to how many things."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a symptom means to whoever reads it, and what is done about it; without a repair a person must decide.

    A `mild` one is no more than told: it goes by itself.
    """

    told: str
    repair: Repair | None = None
    mild: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A symptom with its meaning.

    `needs_person` tells that it stays unless somebody does something, `repairable` that `repair` may be enough.
    """

    symptom: Symptom
    told: str
    needs_person: bool
    repairable: bool


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found; after a repair, what is left and (kind, how many) of what was done."""

    findings: tuple[Finding, ...]
    repaired: tuple[tuple[str, int], ...] = ()

    @property
    def needs_person(self) -> bool:
        """Whether something is left that somebody must look at."""
        return any(finding.needs_person for finding in self.findings)


async def examine(core: Core, patience: timedelta = PATIENCE) -> Examination:
    """Look for every symptom in all accounts."""
    clocks = await read_clocks(core.database, core.clock)
    symptoms = []
    for kind in MEANINGS:
        if kind == SEGMENTS:
            symptoms += await _segments(core)
        else:
            symptoms += await doctor.look(core.database, kind, clocks, patience, core.clock.now())
    return Examination(tuple(_finding(one) for one in symptoms))


async def _segments(core: Core) -> list[Symptom]:
    """Compare every segment with a full evaluation."""
    return [
        Symptom(SEGMENTS, one.account_id, None, len(wrong), None, f"{one.segment_id} {one.name}", wrong[0])
        for one in await segment_check.compare_all(core)
        if (wrong := (*one.missing, *one.extra))
    ]


async def repair(core: Core, patience: timedelta = PATIENCE) -> Examination:
    """Repair what can be repaired, work off what is due by that, and return what was done and what is left."""
    before = (await examine(core, patience)).findings
    clocks = await read_clocks(core.database, core.clock)
    done: list[tuple[str, int]] = []
    for kind, meaning in MEANINGS.items():
        symptoms = [one.symptom for one in before if one.symptom.kind == kind]
        if symptoms and meaning.repair is not None:
            done.append((kind, await meaning.repair(core, clocks, symptoms)))
    if done:
        await work_off(core, WORK_SECONDS)
        await _recount(core, clocks, ())  # what repairs made go on may have been counted wrongly before
    return Examination((await examine(core, patience)).findings, tuple(done))


async def work_off(core: Core, seconds: float) -> int:
    """Do what a worker does for so many seconds or until a round finds nothing; return how much that was."""
    worker, began, total = Worker(core), stopwatch(), 0
    while stopwatch() - began < seconds:
        done = await worker.plan() + await worker.enter_by_dates() + await worker.enter() + await worker.look()
        done += await worker.advance() + await worker.deliver() + await run_jobs(core)
        total += done
        if not done:
            break
    return total


def _finding(symptom: Symptom) -> Finding:
    meaning = MEANINGS[symptom.kind]
    return Finding(symptom, meaning.told, not meaning.mild, meaning.repair is not None)


async def _later(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    """Leave it to the work that follows every repair."""
    return sum(one.amount for one in symptoms)


async def _hurry(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    async with core.database.transaction() as transaction:
        return await doctor.hurry(transaction, symptoms[0].kind, clocks)


async def _retry(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    """Let parked runs try their step once more; those that fail again are parked again."""
    done = 0
    for row in await doctor.parked_runs(core.database, MOST_RETRIES):
        async with core.database.transaction() as transaction:
            done += await retry_parked(transaction, row["bucket"], row["account_id"], row["run_id"])
    return done


async def _let_out(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    """Let the people inside closed flows leave, by the job that closing a flow begins."""
    async with core.database.transaction() as transaction:
        for one in symptoms:
            if one.detail is not None:
                arguments = {jobs.FLOW: one.flow_id}
                await jobs.enqueue(transaction, one.account_id, core.ids, EXIT_RUNS, arguments, core.clock.now())
        await doctor.hurry(transaction, "closed_flow", clocks)
    return sum(one.amount for one in symptoms)


async def _resolve(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    return await resolve_leases(core)


async def _evaluate(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    """Let jobs work out segments anew."""
    comparisons = await segment_check.compare_all(core)
    return await segment_check.repair(core, comparisons)


async def _evaluate_again(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    async with core.database.transaction() as transaction:
        for one in symptoms:
            if one.example is not None:
                place = (transaction, one.account_id, one.example)
                await request_evaluation(*place, ids=core.ids, system_now=core.clock.now())
    return len(symptoms)


async def _forget(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    async with core.database.transaction() as transaction:
        return await doctor.forget_entries(transaction)


async def _recount(core: Core, clocks: Clocks, symptoms: Sequence[Symptom]) -> int:
    async with core.database.transaction() as transaction:
        return await doctor.correct_gauges(transaction)


MEANINGS = {
    "overdue_runs": Meaning("runs are due and nobody carries them on: no worker runs, or all are behind", _later),
    "overdue_deliveries": Meaning("messages are due and nobody sends them: no worker runs, or all are behind", _later),
    "pending": Meaning("what happened to people is not worked out yet: no worker runs, or all are behind", _later),
    "overdue_looks": Meaning("places in segments are due to be looked at and nobody does: no worker runs", _later),
    "stuck_job": Meaning("a job waits for a worker", _later),
    "lapsed_lease": Meaning("messages were in the hands of a worker that is gone", _resolve),
    "closed_flow": Meaning("people are inside a flow that is archived or deleted", _let_out),
    "vanished_action": Meaning("runs wait for an action that is not stored; they leave when they are due", _hurry),
    "awaiting_in_vain": Meaning("runs wait for the result of a message that has one, or is gone", _hurry),
    "planned_entry": Meaning("entries are planned into a flow that nobody enters", _forget),
    "planning": Meaning("people of a date-based flow are still to be planned", _later, mild=True),
    "unevaluated": Meaning("a segment was never worked out to the end: its job was given up", _evaluate_again),
    SEGMENTS: Meaning("the members of a segment are not those that a full evaluation finds", _evaluate),
    "parked": Meaning("runs were stopped by a bug; once it is mended they may try again", _retry),
    "gauges": Meaning("counts of who waits, is held or parked differ from a recount", _recount),
    "held": Meaning("too many people entered at once; let them in or not: headrace flow release-held or discard-held"),
    "gone_group": Meaning(
        "flows and segments ask about a list or segment that was deleted: nobody is in it, so nobody enters such a "
        "flow by it and 'is not in it' holds for everybody; edit or end them"
    ),
    "unconfirmed": Meaning("nobody knows whether the provider took these messages; they are not sent again"),
    "failed_job": Meaning("a job was given up within the last week"),
    "failing_webhook": Meaning(
        "a webhook's receiver does not take what it is told; after two days it is switched off: headrace webhook retry"
    ),
}
"""Symptom -> its meaning, in the order in which repairs are made: gauges are recounted after what moves runs."""
