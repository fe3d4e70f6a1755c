"""Workers that die, as by kill -9, before and after each commit: what comes of a flow is the same as without.

The flow has a date, a list, a split, a change, an event that starts another flow, a webhook whose answer is awaited and
messages. The expected outcome is that of the same people on an account whose worker never dies.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine_shop import EngineShop, delay, email, split
from headrace.storage.account_clocks import move_clock
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.step_counts import counts_of, recount_waiting, waiting_of

SCRIPT = Path(__file__).parent / "worker_process.py"
LEASE = "2"
LONGEST_LIFE = 4.0
"""Seconds that a worker has for coming to the point where it dies."""
POINTS = (
    "advance: before commit",
    "advance: after commit",
    "enter: before commit",
    "enter: after commit",
    "deliver: claimed",
    "deliver: handed over",
    "deliver: before commit",
    "deliver: after commit",
    "dates: before commit",
    "dates: after commit",
    "jobs: slice done",
)
"""Where a worker may die; a test below sees to it that none is forgotten."""
ELSEWHERE = (
    *(
        f"{what}: {when} commit"
        for what in ("merge", "delete", "segments", "evaluating")
        for when in ("before", "after")
    ),
    "opt-in: claimed",
    "opt-in: handed over",
    "profile import: slice written",
    "sms: handing over",
    "subscriptions: before commit",
    "webhook: called",
    "webhook: claimed",
)
"""Points that this story does not have. Others die there: `test_engine_merge`, `test_engine_deletion`,
`test_engine_segments_crash`, `test_double_opt_in`, `test_profile_imports`, `test_sms_keywords`, `test_subscriptions`
and `test_engine_webhooks`."""


def test_every_point_of_the_engine_is_named() -> None:
    """The points of the list are those in the code."""
    found = set()
    for file in Path("src/headrace/engine").glob("*.py"):
        found |= {part.partition('"')[0] for part in file.read_text().split('core.at("')[1:]}
    assert {*POINTS, *ELSEWHERE} == found


@pytest.mark.timeout(240)
async def test_deaths_at_any_point_change_nothing(database: Database, database_dsn: str) -> None:
    """Five deaths at points drawn with a fixed seed."""
    await die_and_compare(database, database_dsn, deaths=5, people=40, seed=5)


@pytest.mark.soak
@pytest.mark.timeout(3000)
async def test_a_hundred_deaths_change_nothing(database: Database, database_dsn: str) -> None:
    """A hundred deaths, many times at every point."""
    await die_and_compare(database, database_dsn, deaths=100, people=400, seed=100)


async def die_and_compare(database: Database, dsn: str, *, deaths: int, people: int, seed: int) -> None:
    """Play the same story twice, once with deaths, and compare what came of it."""
    names = [f"person{number}" for number in range(people)]
    calm = await _open(database, names, seed=7)
    await calm.move(timedelta(days=3))
    rough = await _open(database, names, seed=8)
    opened = await rough.now()
    rng = random.Random(seed)
    points = [POINTS[number % len(POINTS)] for number in range(deaths)]
    rng.shuffle(points)
    for number, point in enumerate(points):
        span = timedelta(days=3) * (number + 1) / deaths
        async with database.transaction() as transaction:
            await move_clock(transaction, rough.account.account_id, opened + span)
        await _die(dsn, point, rng.randint(1, 3))
    await rough.drain()

    expected = await _outcome(calm)
    low = min(people, 30)
    assert len(expected["sent"]) == 4 * low + 3 * (people - low)
    assert expected == await _outcome(rough)
    await _check_gauges(rough)


async def _die(dsn: str, point: str, passes: int) -> None:
    """Let a worker run until it dies at a point, or for a while where it does not come there so often."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), dsn, LEASE, point, str(passes))
    try:
        await asyncio.wait_for(process.wait(), LONGEST_LIFE)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _open(database: Database, names: list[str], seed: int) -> EngineShop:
    shop = await EngineShop.open(database, seed=seed)
    metric, template, members = (
        await shop.metric("Checkout Started"),
        await shop.template(),
        await shop.list_("Rescued"),
    )
    await _flows(shop, metric, template, members)
    profiles = {
        name: IncomingProfile(email=f"{name}@example.com", properties={"number": number, "trial_ends": "2026-03-04"})
        for number, name in enumerate(names)
    }
    await shop.events("Checkout Started", names, profiles=profiles)
    return shop


async def _flows(shop: EngineShop, metric: str, template: str, members: str) -> None:
    numbered = {"type": "numeric", "operator": "less-than", "value": 30}
    low = {"type": "profile-property", "property": "properties['number']", "filter": numbered}
    actions = [
        delay("wait", "low"),
        split("low", low, "mail", "hook"),
        email("mail", template, "change"),
        _action("change", "update-profile", "join", profile_operations=[_operation()]),
        _action("join", "list-update", "tell", name="Join", on_execution=True, list_id=members),
        _action("tell", "internal-service", None, service_configuration=_event()),
        _action(
            "hook", "send-webhook", "later", message={"url": "https://shop.test/hook", "headers": {}, "body": "{}"}
        ),
        delay("later", "last", value=20),
        email("last", template),
    ]
    await shop.flow(_flow({"type": "metric", "id": metric, "trigger_filter": None}, actions))
    await shop.flow(_flow({"type": "list", "id": members}, [delay("pause", "hello"), email("hello", template)]))
    rescued = await shop.metric("Cart Rescued")
    await shop.flow(_flow({"type": "metric", "id": rescued, "trigger_filter": None}, [email("thanks", template)]))
    dated = {
        "type": "date",
        "date_field_type": "profile-property",
        "date_profile_property": "properties['trial_ends']",
        "timedelta_value_before_date": 0,
        "timedelta_unit_before_date": "days",
        "recurrence_frequency": "never",
        "timezone": "profile",
        "trigger_time": "12:00:00",
    }
    await shop.flow(_flow(dated, [email("ends", template)]))


def _flow(trigger: Mapping[str, Any], actions: list[Any]) -> dict[str, Any]:
    return {
        "triggers": [dict(trigger)],
        "profile_filter": None,
        "actions": actions,
        "entry_action_id": actions[0]["temporary_id"],
    }


def _action(temporary_id: str, kind: str, following: str | None, **data: Any) -> dict[str, Any]:
    return {
        "temporary_id": temporary_id,
        "type": kind,
        "links": {"next": following},
        "data": {**data, "status": "live"},
    }


def _operation() -> dict[str, Any]:
    return {"operator": "update", "property_type": "string", "property_key": "rescued", "property_value": "yes"}


def _event() -> dict[str, Any]:
    return {"service_method_type": "track-event", "event_key": "Cart Rescued", "event_payload": {"source": "flow"}}


_SENT = """
SELECT p.email, f.name, d.state, d.sent_at, d.channel, count(i.delivery_id) AS kept
FROM delivery d JOIN profile p USING (bucket, account_id, profile_id) JOIN flow f USING (account_id, flow_id)
LEFT JOIN inbox_message i USING (bucket, account_id, delivery_id)
WHERE d.account_id = $1 GROUP BY d.delivery_id, 1, 2, 3, 4, 5 ORDER BY 1, 5, 4, 2
"""
_RUNS = """
SELECT p.email, r.state, r.exit_reason, r.entered_at, r.source, r.steps, r.outputs IS NOT NULL AS answered
FROM run r JOIN profile p USING (bucket, account_id, profile_id) WHERE r.account_id = $1 ORDER BY 1, 4, 5, 6
"""
_PEOPLE = """
SELECT p.email, p.properties, (SELECT count(*) FROM membership m WHERE m.profile_id = p.profile_id) AS lists,
    (SELECT count(*) FROM event e WHERE e.profile_id = p.profile_id) AS events
FROM profile p WHERE p.account_id = $1 ORDER BY 1
"""


async def _outcome(shop: EngineShop) -> dict[str, list[dict[str, Any]]]:
    """Return all that came of a story, without the ids that differ from shop to shop."""
    queries = {"sent": _SENT, "runs": _RUNS, "people": _PEOPLE}
    account_id = shop.account.account_id
    return {
        name: [dict(row) for row in await shop.database.fetch(query, account_id)] for name, query in queries.items()
    }


async def _check_gauges(shop: EngineShop) -> None:
    """Assert that the counts of waiting runs are what a recount says."""
    account_id = shop.account.account_id
    for row in await shop.database.fetch("SELECT flow_id FROM flow WHERE account_id = $1", account_id):
        shown = waiting_of(await counts_of(shop.database, account_id, row["flow_id"]))
        assert await recount_waiting(shop.database, account_id, row["flow_id"]) == shown
