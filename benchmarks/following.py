"""Segments that follow events: what 50 of them cost the ingest, and how soon after its event a membership is visible.

Two API processes and two workers run, as in production. A rate counts from the first post until every event has been
worked off by the workers too, so that a backlog that grows would show. It stands beside the rate over the same data
while none of the segments is active. The definitions are all different: counts and sums over ten metrics, most of them
in a window of time, with properties of the event and of the person, and lists; each event is asked about by five.

A membership is visible when PostgreSQL has committed it, which the server notes for this; its lag counts from the
moment at which the client has read the 202 of the event. Both are told by the clock of one machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from benchmarks.api import player, post, serving
from benchmarks.audience import (
    BRANDS,
    METRICS,
    PLANS,
    Audience,
    add_segments,
    did,
    did_not,
    email,
    gather,
    groups,
    has,
    is_member,
)
from benchmarks.crew import crew, until
from benchmarks.harness import Bar, Figure, Rounds, fresh_database, server, settle
from benchmarks.lag import NOTED
from headrace.clock import SystemClock, stopwatch
from headrace.ids import RandomIds
from headrace.storage import embedded
from headrace.storage.keys import create_key
from headrace.storage.segments import list_segments, request_evaluation

BULK = 1_000
BULK_CONNECTIONS, CONNECTIONS = 8, 32
WORKERS = 2
RATE = 200
"""Events a second while lags are measured."""
MARK = "Marked"
"""The brand that the segment asks about whose memberships are timed."""

SINGLE_PATH, BULK_PATH = "/api/events", "/api/event-bulk-create-jobs"
EVALUATED = "SELECT NOT EXISTS (SELECT FROM profile_group WHERE kind = 'segment' AND evaluated_version <> version)"
WORKED_OFF = "SELECT NOT EXISTS (SELECT FROM pending)"
BACKLOG = "SELECT count(*) FROM pending"
SWITCH = "UPDATE profile_group SET is_active = $2 WHERE account_id = $1 AND kind = 'segment'"
JOINED = "SELECT count(*) >= $2 FROM membership WHERE group_id = $1"
WHEN = """
SELECT p.email, extract(epoch FROM pg_xact_commit_timestamp(m.xmin))::float8 AS at
FROM membership m JOIN profile p USING (bucket, account_id, profile_id) WHERE m.group_id = $1
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How many people and past events there are, how many are posted in a round, and seconds of the steady load."""

    people: int
    past: int
    single: int
    bulk: int
    rounds: int
    seconds: int


FULL = Size(100_000, 1_000_000, 50_000, 200_000, 3, 30)
SHORT = Size(10_000, 50_000, 4_000, 16_000, 1, 4)


@dataclass(frozen=True, slots=True)
class Stage:
    """An audience with segments, and API processes over it."""

    audience: Audience
    size: Size
    port: int
    key: str
    marked: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of posting: events per second until all were worked off, and how many were not when all were posted."""

    rate: float
    backlog: float


async def run(_: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    size = FULL if full else SHORT
    with server(NOTED) as own:
        async with AsyncExitStack() as opened:
            database = await opened.enter_async_context(fresh_database(own, "bench_following"))
            stage = await _stage(await gather(database, size.people, size.past, virtual=False), size, opened)
            posted = [await _round(stage, number) for number in range(size.rounds)]
            await _switch(stage.audience, True)
            lags = sorted(await _lags(stage))
    return [*_figures(posted), *_lag_figures(lags)]


def _figures(posted: Sequence[Sequence[Taken]]) -> list[Figure]:
    """Return the rates of (single, bulk) without and with segments, round by round."""
    found = []
    for kind, column in (("single posts", 0), ("bulk", 2)):
        bare, ours = ([one[column + place] for one in posted] for place in (0, 1))
        rates = Rounds([one.rate for one in ours]), Rounds([one.rate for one in bare])
        name = f"event ingest with 50 segments, {kind}"
        found.append(Figure(name, "events/s", *rates, "without any", Bar(0.6, 0.8)))
        backlogs, beside = (Rounds([one.backlog for one in some]) for some in (ours, bare))
        name = f"to be worked off when all was posted, {kind}"
        found.append(Figure(name, "events", backlogs, None, f"{beside} without any"))
    return found


def _lag_figures(lags: Sequence[float]) -> list[Figure]:
    places = (("p99", 99, Bar(1_000, 500, value=True, at_most=True)), ("median", 50, None))
    return [
        Figure(
            f"membership visible after its event, {name}",
            "ms",
            Rounds([lags[len(lags) * percent // 100] * 1000]),
            None,
            f"{RATE} events/s, {len(lags):,} joins",
            bar,
        )
        for name, percent, bar in places
    ]


async def _stage(audience: Audience, size: Size, opened: AsyncExitStack) -> Stage:
    """Start API processes and workers, and let the workers work out the segments."""
    place = (audience.database, RandomIds(), SystemClock(), audience.account_id)
    key, _ = await create_key(*place, "bench", ["*"])
    port = await opened.enter_async_context(serving(audience.database))
    await opened.enter_async_context(crew(audience.database, WORKERS))
    marked = groups(did(audience.metrics[METRICS[0]], 1, 90, MARK))
    segments = await add_segments(audience, [*definitions(audience), marked])
    await until(audience.database, EVALUATED)
    return Stage(audience, size, port, key, segments[-1])


def definitions(audience: Audience) -> list[dict[str, Any]]:
    """Return 50 definitions, five over each metric."""
    found = []
    for number, name in enumerate(METRICS):
        metric = audience.metrics[name]
        plan, brand = PLANS[number % len(PLANS)], BRANDS[number % len(BRANDS)]
        found += [
            groups(did(metric, 1 + number % 3, 30, brand)),
            groups(did(metric, 5, 7)),
            groups(did(metric, 200 + number, 90, measurement="sum"), has("plan", plan)),
            groups(did_not(metric, 14), is_member(audience.list_id)),
            groups(did(metric, 2), has("city", f"City {number}")),
        ]
    return found


# --- rates ------------------------------------------------------------------------------------------------------------


async def _round(stage: Stage, number: int) -> list[Taken]:
    """Post singly and in bulk, each without the segments and with them; the rounds begin with either in turn."""
    size, found = stage.size, []
    for path, count, connections in (
        (SINGLE_PATH, size.single, CONNECTIONS),
        (BULK_PATH, size.bulk, BULK_CONNECTIONS),
    ):
        taken: dict[bool, Taken] = {}
        for active in (False, True) if number % 2 == 0 else (True, False):
            events = [_event(stage, one, f"{number}-{path}-{active}-{one}") for one in range(count)]
            bodies = _bulk(events) if path == BULK_PATH else [_single(one) for one in events]
            await _switch(stage.audience, active)
            await settle(stage.audience.database)
            taken[active] = await _post(stage, path, bodies, connections, count)
        found += [taken[False], taken[True]]
    return found


async def _switch(audience: Audience, active: bool) -> None:
    """Switch the segments on or off; those that come on are worked out anew, so that nothing is left to catch up on."""
    database, ids, now = audience.database, RandomIds(), SystemClock().now()
    async with database.transaction() as transaction:
        await transaction.execute(SWITCH, audience.account_id, active)
        for row in await list_segments(transaction, audience.account_id) if active else ():
            await request_evaluation(transaction, audience.account_id, row["group_id"], ids=ids, system_now=now)
    await until(database, EVALUATED)


async def _post(stage: Stage, path: str, bodies: Sequence[bytes], connections: int, count: int) -> Taken:
    database = stage.audience.database
    began = stopwatch()
    await post(stage.port, stage.key, path, bodies, connections)
    backlog = await database.fetch_value(BACKLOG)
    await until(database, WORKED_OFF)
    return Taken(count / (stopwatch() - began), backlog)


def _event(stage: Stage, number: int, mark: str, brand: str | None = None) -> dict[str, Any]:
    """Return an event and its person, drawn as those of the past are; half of the events are of the first metric.

    With a brand, the events are each of another person.
    """
    at = SystemClock().now().replace(microsecond=0)
    one, two, three = (int.from_bytes(sha256(f"{mark}|{draw}".encode()).digest()[:4]) for draw in range(3))
    metric = METRICS[max(0, one % 20 - 10)]
    who = number if brand else int(stage.size.people * (three / 2**32) ** 2)
    attributes = {
        "properties": {"brand": brand or BRANDS[two % 5], "ProductName": f"Product {two % 50}", "step": one % 7},
        "time": at.isoformat(),
        "unique_id": mark,
        "value": 10 + number % 90,
        "metric": {"data": {"type": "metric", "attributes": {"name": METRICS[0] if brand else metric}}},
    }
    person = {"type": "profile", "attributes": {"email": email(who)}}
    return {"event": {"type": "event", "attributes": attributes}, "profile": {"data": person}}


def _single(one: dict[str, Any]) -> bytes:
    event = one["event"]
    return orjson.dumps({"data": {**event, "attributes": {**event["attributes"], "profile": one["profile"]}}})


def _bulk(events: Sequence[dict[str, Any]]) -> list[bytes]:
    rows = [
        {"type": "event-bulk-create", "attributes": {"profile": one["profile"], "events": {"data": [one["event"]]}}}
        for one in events
    ]
    return [
        orjson.dumps(
            {
                "data": {
                    "type": "event-bulk-create-job",
                    "attributes": {"events-bulk-create": {"data": rows[start : start + BULK]}},
                }
            }
        )
        for start in range(0, len(rows), BULK)
    ]


# --- lags -------------------------------------------------------------------------------------------------------------


async def _lags(stage: Stage) -> list[float]:
    """Post at an even rate events that each let another person join; return the seconds until each was a member."""
    count = RATE * stage.size.seconds
    events = [_event(stage, number, f"marked-{number}", MARK) for number in range(count)]
    addresses = [one["profile"]["data"]["attributes"]["email"] for one in events]
    await settle(stage.audience.database)
    bodies = [_single(one) for one in events]
    printed = await player("benchmarks.steady", bodies, (stage.port, CONNECTIONS, RATE), (stage.key,))
    accepted = [float(line) for line in printed.split()]
    if len(accepted) < count or not all(accepted):
        raise RuntimeError(f"{sum(map(bool, accepted)):,} of {count:,} events were accepted")
    await until(stage.audience.database, JOINED, stage.marked, count)
    joined = {row["email"]: row["at"] for row in await stage.audience.database.fetch(WHEN, stage.marked)}
    return [max(0.0, joined[address] - at) for address, at in zip(addresses, accepted, strict=True)]
