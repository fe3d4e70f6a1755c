"""Working out everybody's place in a segment, against the SQL that one would write for this question by hand.

The segment asks for a property of the person, for two events of a metric and a brand in 90 days, and for being on a
list. Measured is, first, the question alone, as the engine asks it and as one would by hand. Second, all that a job
does for a new segment: members, the record of who joined, and when to look at each of them again because time goes on.
The baseline writes the same rows by one statement. It knows the three conditions by heart and that nobody was a member,
and it is not disturbed: ours reads the definition, locks people bucket by bucket, so that what happens meanwhile is not
lost, and compares with who was a member.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from benchmarks.audience import NOW, Audience, add_segments, did, gather, groups, has, is_member
from benchmarks.harness import Bar, Figure, Rounds, fresh_database, settle
from headrace.clock import stopwatch
from headrace.conditions import ProfileFilter
from headrace.conditions.facts import Moment
from headrace.engine.core import Core
from headrace.engine.jobs import run_jobs
from headrace.engine.setup import build_core
from headrace.messages.rendered import Workshop
from headrace.messages.tokens import Signer
from headrace.storage import embedded
from headrace.storage.fact_query import matching
from headrace.storage.segments import delete_segment

FULL, SHORT = (500_000, 5_000_000, 5), (20_000, 200_000, 3)
"""People, events, rounds."""
WORKERS = 2
LONGEST = 120
"""Seconds without progress after which something must be wrong."""
WORKSHOP = Workshop(Signer([(1, b"a key that only benchmarks know.")]), "http://shop.test")
SINCE = NOW.replace(hour=0) - timedelta(days=90)
BAR = Bar(2.0, 1.5, at_most=True)

WHO = """
SELECT p.bucket, p.account_id, p.profile_id
FROM profile p JOIN membership m USING (bucket, account_id, profile_id)
JOIN (
    SELECT bucket, account_id, profile_id FROM event
    WHERE account_id = $1 AND metric_id = $3 AND occurred_at >= $4 AND occurred_at <= $5
        AND properties ->> 'brand' = 'Acme'
    GROUP BY bucket, account_id, profile_id HAVING count(*) >= 2
) AS bought USING (bucket, account_id, profile_id)
WHERE p.account_id = $1 AND m.group_id = $2 AND p.properties ->> 'plan' = 'gold'
"""
WHO_BY_PERSON = """
SELECT p.bucket, p.account_id, p.profile_id
FROM profile p JOIN membership m USING (bucket, account_id, profile_id)
CROSS JOIN LATERAL (
    SELECT count(*) FROM event e
    WHERE e.bucket = p.bucket AND e.account_id = $1 AND e.profile_id = p.profile_id AND e.metric_id = $3
        AND e.occurred_at >= $4 AND e.occurred_at <= $5 AND e.properties ->> 'brand' = 'Acme'
) AS bought
WHERE p.account_id = $1 AND m.group_id = $2 AND p.properties ->> 'plan' = 'gold' AND bought.count >= 2
"""
BY_HAND = "BYHAND"
"""The group that the statement by hand writes members of."""
KEEP = f"""
WITH bought AS (
    SELECT bucket, account_id, profile_id, (array_agg(occurred_at ORDER BY occurred_at DESC))[2] AS at FROM event
    WHERE account_id = $1 AND metric_id = $3 AND occurred_at >= $4 AND occurred_at <= $5
        AND properties ->> 'brand' = 'Acme'
    GROUP BY bucket, account_id, profile_id HAVING count(*) >= 2
),
who AS (
    SELECT bucket, account_id, profile_id, date_trunc('day', bought.at, 'UTC') + interval '91 days' AS due_at
    FROM profile p JOIN membership m USING (bucket, account_id, profile_id)
    JOIN bought USING (bucket, account_id, profile_id)
    WHERE p.account_id = $1 AND m.group_id = $2 AND p.properties ->> 'plan' = 'gold'
),
joined AS (
    INSERT INTO membership (bucket, account_id, profile_id, group_id, joined_at)
    SELECT bucket, account_id, profile_id, '{BY_HAND}', $5 FROM who
),
changed AS (
    INSERT INTO membership_change (bucket, account_id, profile_id, group_id, at, joined)
    SELECT bucket, account_id, profile_id, '{BY_HAND}', $5, true FROM who
)
INSERT INTO segment_due (bucket, account_id, profile_id, group_id, due_at, clock)
SELECT bucket, account_id, profile_id, '{BY_HAND}', due_at, 1 FROM who
"""
WRITTEN = ("membership", "membership_change", "segment_due")
DONE = "SELECT evaluated_version = version FROM profile_group WHERE group_id = $1"
FORGET = "DELETE FROM {} WHERE account_id = $1 AND group_id = $2"
MEMBERS = "SELECT profile_id FROM membership WHERE account_id = $1 AND group_id = $2"


@dataclass(frozen=True, slots=True)
class Stage:
    """An audience, an engine over it, and the statement that asks by hand."""

    audience: Audience
    core: Core
    who: str


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    people, events, rounds = FULL if full else SHORT
    async with fresh_database(server, "bench_segments") as database:
        audience = await gather(database, people, events, virtual=True)
        stage = Stage(audience, build_core(database, WORKSHOP, name="bench"), await _faster(audience))
        timed = [(await _by_hand(stage), await _work(stage, 1), await _work(stage, WORKERS)) for _ in range(rounds)]
        asked = [(await _ask_by_hand(stage), await _ask(stage)) for _ in range(rounds)]
    size = f"{people:,} people, {events:,} events"
    hand, name = _column(timed, 0), "one SQL statement"
    return [
        Figure(f"who belongs to a segment, {size}", "s", _column(asked, 1), _column(asked, 0), name, BAR, True),
        Figure("segment worked out and written", "s", _column(timed, 1), hand, name, None, True),
        Figure("segment worked out by two workers", "s", _column(timed, 2), hand, name, None, True),
    ]


def _column(rounds: Sequence[Sequence[float]], column: int) -> Rounds:
    return Rounds([one[column] for one in rounds])


def definition(audience: Audience) -> dict[str, Any]:
    """Return the definition of the segment."""
    bought = did(audience.metrics["Viewed Product"], 2, 90, "Acme")
    return groups(has("plan", "gold"), bought, is_member(audience.list_id))


# --- by hand ----------------------------------------------------------------------------------------------------------


def _arguments(audience: Audience) -> tuple[object, ...]:
    """Return what the statements by hand are given."""
    return audience.account_id, audience.list_id, audience.metrics["Viewed Product"], SINCE, NOW


async def _faster(audience: Audience) -> str:
    """Return the statement that asks faster here, of all events at once or person by person, after a look at both."""
    taken: dict[str, float] = {}
    for who in (WHO, WHO_BY_PERSON) * 2:
        began = stopwatch()
        await audience.database.fetch(who, *_arguments(audience))
        taken[who] = stopwatch() - began
    return min(taken, key=lambda who: taken[who])


async def _by_hand(stage: Stage) -> float:
    """Find the members and write all that follows by one statement; return the seconds."""
    audience = stage.audience
    await settle(audience.database)
    began = stopwatch()
    async with audience.database.transaction() as transaction:
        await transaction.execute(KEEP, *_arguments(audience))
    seconds = stopwatch() - began
    async with audience.database.transaction() as transaction:
        for table in WRITTEN:
            await transaction.execute(FORGET.format(table), audience.account_id, BY_HAND)
    return seconds


async def _ask_by_hand(stage: Stage) -> float:
    began = stopwatch()
    await stage.audience.database.fetch(stage.who, *_arguments(stage.audience))
    return stopwatch() - began


# --- by the engine ----------------------------------------------------------------------------------------------------


async def _work(stage: Stage, workers: int) -> float:
    """Let workers work out the segment after it was made; return the seconds. Its members must be the right ones."""
    audience = stage.audience
    [segment_id] = await add_segments(audience, [definition(audience)])
    await settle(audience.database)
    began = stopwatch()
    await asyncio.gather(*(_until_done(stage, segment_id) for _ in range(workers)))
    seconds = stopwatch() - began
    await _check(stage, segment_id)
    async with audience.database.transaction() as transaction:
        place = (transaction, audience.account_id, segment_id)
        await delete_segment(*place, stage.core.ids, stage.core.clock.now())
    while await run_jobs(stage.core):
        pass  # the members are taken out before the next round
    return seconds


async def _until_done(stage: Stage, segment_id: str) -> None:
    begun = stopwatch()
    while not await stage.audience.database.fetch_value(DONE, segment_id):
        if not await run_jobs(stage.core) and stopwatch() > begun + LONGEST:
            raise RuntimeError(f"the segment was not worked out in {LONGEST} seconds")


async def _ask(stage: Stage) -> float:
    condition = ProfileFilter.model_validate(definition(stage.audience)).compile("segment")
    began = stopwatch()
    await matching(stage.audience.database, stage.audience.account_id, condition, Moment(NOW, None, UTC))
    return stopwatch() - began


async def _check(stage: Stage, segment_id: str) -> None:
    """Raise unless the segment's members are those whom the statement by hand finds."""
    audience = stage.audience
    expected = {row["profile_id"] for row in await audience.database.fetch(stage.who, *_arguments(audience))}
    found = {row["profile_id"] for row in await audience.database.fetch(MEMBERS, audience.account_id, segment_id)}
    if not expected or expected != found:
        raise RuntimeError(f"{len(expected):,} people belong to the segment, but {len(found):,} are its members")
