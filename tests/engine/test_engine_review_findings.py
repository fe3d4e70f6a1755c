"""Scenarios of defects that a review of the engine found."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from job_runs import archive, back_populate, counts, settle, work_off

from engine_shop import MONDAY, EngineShop, definition, delay, email, split
from headrace.clock import SystemClock
from headrace.conditions.condition import Verdict
from headrace.conditions.facts import Facts
from headrace.conditions.profile_sample import CompiledSample
from headrace.engine.account_clock import advance
from headrace.engine.deliver import resolve_leases
from headrace.engine.review import Chosen, release
from headrace.engine.worker import Worker
from headrace.ids import bucket_of
from headrace.model import DeliveryState
from headrace.model.account import Settings
from headrace.storage import flows, jobs
from headrace.storage.buckets import buckets_with_runs, due_buckets
from headrace.storage.database import Database
from headrace.storage.flow_states import EXIT_RUNS
from headrace.storage.groups import delete_list
from headrace.storage.held import RELEASE
from headrace.storage.profile_changes import Moved, join_lists, keep_lists
from headrace.storage.runs import retry_parked
from headrace.storage.step_counts import flow_counts

PATIENCE = 20.0
"""Seconds after which something that should end counts as stuck."""
DUE_RUNS = ("run", "resume_at", "state = 0")


async def blocked(database: Database) -> None:
    """Return once somebody waits for a row that somebody else has locked."""
    async with asyncio.timeout(PATIENCE):
        while not await database.fetch_value("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            pass


async def dripping(database: Database, seed: int) -> EngineShop:
    """Return a shop with a person who gets an e-mail a day for a while."""
    shop = await EngineShop.open(database, seed=seed)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    actions = []
    for number in range(5):
        following = f"wait{number + 1}" if number < 4 else None
        actions.append(delay(f"wait{number}", f"mail{number}", unit="days", value=20))
        actions.append(email(f"mail{number}", template, following))
    await shop.flow(definition(metric, *actions))
    await shop.event("Checkout Started", "ana")
    return shop


async def test_more_clocks_than_connections_can_be_moved_at_once(database_dsn: str) -> None:
    """Who moves a clock keeps a connection for the lock, and must leave the others enough to get on with."""
    database = await Database.connect(database_dsn, size=4)
    shops = [await dripping(database, seed) for seed in range(6)]

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(shop.move(timedelta(days=101)) for shop in shops))

    assert [MONDAY + timedelta(days=101)] * 6 == [await shop.now() for shop in shops]
    assert 30 == await database.fetch_value("SELECT count(*) FROM delivery")
    await database.close()


async def test_what_a_transaction_needs_beside_itself_needs_no_connection_of_the_pool(database_dsn: str) -> None:
    """With every connection in a transaction, partitions, metrics and serials are there all the same."""
    database = await Database.connect(database_dsn, size=1)
    shop = await EngineShop.open(database)
    account_id = shop.account.account_id

    async with asyncio.timeout(PATIENCE), database.transaction():
        await shop.core.partitions.ensure("journal", {MONDAY})
        serials = await shop.core.serials.take(1)
        metrics = await shop.core.metrics.ids(account_id, ["Something New"])

    assert (1, ["Something New"]) == (len(serials), list(metrics))
    await database.close()


async def test_two_who_move_the_same_clock_both_get_there(database: Database) -> None:
    """A clock that somebody else moved beyond a portion of one's way is no mistake of one's own."""
    shop = await dripping(database, 7)
    to = MONDAY + timedelta(days=101)

    moved = await asyncio.gather(*(advance(shop.core, shop.account.account_id, to) for _ in range(2)))

    assert [True, True] == [one.complete for one in moved]
    assert to == await shop.now()


# --- polls --------------------------------------------------------------------------------------------------------

WAITING = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, entered_at, resume_at, clock, state, chain,
                 visited, steps)
SELECT number % 256, 'SHOP01', gen_random_uuid(), 'FLOW01', number::text, 1, $1, $1::timestamptz + interval '1 day', 0,
    0, 0, '{}', 0
FROM generate_series(1, 20000) AS n (number)
"""


async def test_a_poll_does_not_read_what_is_not_due(database: Database) -> None:
    """However many runs wait, looking which buckets have due ones costs some look-ups per bucket and account."""
    await database.fetch(WAITING, MONDAY)
    await database.fetch("ANALYZE run")

    plan = await database.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {due_buckets(*DUE_RUNS)}", [0, 1], [MONDAY, MONDAY])
    told = "\n".join(row["QUERY PLAN"] for row in plan)
    read = [float(rows) * int(loops) for rows, loops in re.findall(r"actual rows=([0-9.]+) loops=([0-9]+)", told)]
    removed = [int(rows) for rows in re.findall(r"Rows Removed by .*: ([0-9]+)", told)]

    assert [] == [rows for rows in [*read, *removed] if rows > 2000]
    assert {} == await buckets_with_runs(database, [(0, MONDAY), (1, MONDAY)])
    assert 256 == len((await buckets_with_runs(database, [(0, MONDAY + timedelta(days=1))]))[0])


# --- counts -------------------------------------------------------------------------------------------------------

EVERYBODY = {"type": "profile-sample", "percentage": 100}


async def of_action(shop: EngineShop, flow_id: str, name: str) -> dict[str, Any]:
    """Return the counters of an action, named by its message's name or its type, that are not zero or empty."""
    shown = await flow_counts(shop.database, shop.account.account_id, flow_id)
    (found,) = [one for one in shown["actions"] if name in (one["name"], one["type"])]
    return {key: value for key, value in found.items() if value and key not in ("id", "type", "name")}


def stumble(monkeypatch: pytest.MonkeyPatch, shop: EngineShop, *people: str) -> None:
    """Let a split fail for these people."""
    sound = CompiledSample.holds

    def holds(self: CompiledSample, facts: Facts) -> Verdict:
        if facts.profile.profile_id in {shop.people[one] for one in people}:
            raise ZeroDivisionError("a bug")
        return sound(self, facts)

    monkeypatch.setattr(CompiledSample, "holds", holds)


async def test_who_is_parked_after_a_delay_has_passed_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that a bug stops behind a delay, and that is let on later, counts as passed there like any other."""
    shop = await EngineShop.open(database)
    metric, mail = await shop.metric("Checkout Started"), email("mail", await shop.template())
    flow_id = await shop.flow(definition(metric, delay("wait", "ask"), split("ask", EVERYBODY, "mail", None), mail))
    await shop.events("Checkout Started", ["ana", "ben"])
    with monkeypatch.context() as patch:
        await shop.drain()
        stumble(patch, shop, "ben")
        await shop.move(timedelta(hours=1))
    (parked,) = [run for run in await shop.runs() if run["error"]]

    async with database.transaction() as transaction:
        assert await retry_parked(transaction, parked["bucket"], parked["account_id"], parked["run_id"])
    await shop.drain()

    assert {"passed": 2} == await of_action(shop, flow_id, "time-delay")
    assert {"passed": 2} == await of_action(shop, flow_id, "mail")


async def test_a_burst_of_entries_that_fail_is_parked_and_not_held(database: Database) -> None:
    """Whom a bug keeps from entering in a mass entry counts as parked only; nobody is left in the gauge of the held."""
    shop = await EngineShop.open(database, settings=Settings(mass_entry_limit=1))
    metric = await shop.metric("Checkout Started")
    flow_id = await shop.flow(definition(metric, delay("wait", "mail"), email("mail", await shop.template())))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace.engine.entry.Attempt.refusal", lambda *_: 1 / 0)
        await shop.events("Checkout Started", ["ana", "ben"])
        await shop.drain()

    assert {"entered": 2, "parked": 2} == await counts(shop, flow_id)
    for run in await shop.runs():
        async with database.transaction() as transaction:
            assert await retry_parked(transaction, run["bucket"], run["account_id"], run["run_id"])
    await settle(shop, flow_id, RELEASE)
    await shop.drain()
    assert {"entered": 2} == await counts(shop, flow_id)


async def test_a_run_retried_while_its_flow_is_closed_leaves_the_parked_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job that lets people out and somebody who retries a run never take it from the gauge twice."""
    shop = await EngineShop.open(database)
    metric, mail = await shop.metric("Checkout Started"), email("mail", await shop.template())
    flow_id = await shop.flow(definition(metric, split("ask", EVERYBODY, "mail", None), mail))
    await shop.events("Checkout Started", ["ana"])
    with monkeypatch.context() as patch:
        stumble(patch, shop, "ana")
        await shop.drain()
    (run,) = await shop.runs()
    job_id = await archive(shop, flow_id)

    async with database.transaction() as transaction:
        assert await retry_parked(transaction, run["bucket"], run["account_id"], run["run_id"])
        exiting = asyncio.create_task(work_off(shop, job_id))
        await blocked(database)
    await exiting
    await shop.drain()

    assert {"entered": 1, "exited": {"flow_archived": 1}} == await counts(shop, flow_id)


async def test_a_message_whose_action_became_a_draft_did_not_pass(database: Database) -> None:
    """What is canceled between its step and its sending is skipped for that reason in the counts of its action."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    flow_id = await shop.flow(definition(metric, email("mail", await shop.template())))
    await shop.event("Checkout Started", "ana")
    await shop.core.partitions.ensure("journal", {MONDAY})
    worker = Worker(shop.core)
    while await worker.enter() or await worker.advance():
        pass
    async with database.transaction() as transaction:
        await flows.set_status(transaction, shop.account.account_id, flow_id, "draft", await shop.now())
    await shop.drain()

    assert {"skipped": {"Action Not Live": 1}} == await of_action(shop, flow_id, "mail")


# --- journals -----------------------------------------------------------------------------------------------------


async def test_who_is_placed_at_the_start_on_a_stopped_clock_has_a_whole_journal(database: Database) -> None:
    """The first step comes at the moment of the placing, and is written beside it."""
    shop = await EngineShop.open(database)
    group = await shop.list_("Newsletter")
    await shop.person("ana")
    await shop.join("ana", group)
    await shop.drain()
    flow = definition("", email("mail", await shop.template()))
    flow_id = await shop.flow({**flow, "triggers": [{"type": "list", "id": group}]})

    await back_populate(shop, flow_id, "at_start")
    await shop.drain()

    (run,) = await shop.runs()
    assert ["placed", "queued"] == [outcome for outcome, _ in await shop.story(run)]


# --- one bad row --------------------------------------------------------------------------------------------------


async def test_a_message_under_review_that_cannot_be_judged_holds_up_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays under review, and the others are released."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    asked = {"condition_groups": [{"conditions": [EVERYBODY]}]}
    message = email("mail", await shop.template(), None, additional_filters=asked)
    await shop.flow(definition(metric, message), "manual")
    await shop.events("Checkout Started", ["ana", "ben", "cem"])
    await shop.drain()
    stumble(monkeypatch, shop, "ben")

    done = await release(shop.core, shop.account.account_id, Chosen())
    await shop.drain()

    assert 2 == done.released
    assert {"ana", "cem"} == {person for person, _ in await shop.sent()}
    assert 1 == await database.fetch_value("SELECT count(*) FROM delivery WHERE state = 6")


async def test_an_event_of_the_past_that_cannot_be_asked_about_holds_up_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom the flow's filter or trigger fails for is shown as a parked run, and the job goes on to its end."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.events("Checkout Started", ["ana", "ben", "cem"])
    await shop.drain()
    asked = {"condition_groups": [{"conditions": [EVERYBODY]}]}
    waits = [delay("wait", "mail"), email("mail", await shop.template())]
    flow_id = await shop.flow({**definition(metric, *waits), "profile_filter": asked})
    stumble(monkeypatch, shop, "ben")

    job = await back_populate(shop, flow_id)

    assert (jobs.JobState.COMPLETE, 3) == (job.state, job.progress["placed"])
    assert ["PARKED", "WAITING", "WAITING"] == sorted(await shop.run_states())


async def test_a_server_without_room_parks_nobody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the server has no room for a moment is no bug of a run."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(definition(metric, delay("wait", "mail"), email("mail", await shop.template())))
    await shop.event("Checkout Started", "ana")
    with monkeypatch.context() as patch:
        patch.setattr("headrace.engine.advance.insert_deliveries", full_disk)
        with pytest.raises(asyncpg.DiskFullError):
            await shop.drain()
    await shop.drain()
    await shop.move(timedelta(hours=1))

    assert ["ana"] == [person for person, _ in await shop.sent()]


async def full_disk(*_: object) -> None:
    """Fail as a server does whose disk is full."""
    raise asyncpg.DiskFullError("could not extend file")


# --- other people's work ------------------------------------------------------------------------------------------


async def test_moving_a_clock_works_off_no_other_accounts_jobs(database: Database) -> None:
    """A developer's test does not wait for another account's long job."""
    shop = await EngineShop.open(database)
    other = await EngineShop.open(database, seed=8)
    async with database.transaction() as transaction:
        for one in (shop, other):
            place = (transaction, one.account.account_id, one.ids, EXIT_RUNS, {jobs.FLOW: "NOFLOW"})
            await jobs.enqueue(*place, SystemClock().now())

    await shop.move(timedelta(hours=1))

    rows = await database.fetch("SELECT account_id, state FROM job")
    states = {row["account_id"]: row["state"] for row in rows}
    assert {shop.account.account_id: "complete", other.account.account_id: "queued"} == states


async def test_nobody_stays_on_a_list_that_is_deleted_meanwhile(database: Database) -> None:
    """A flow that puts somebody on a list just before it is deleted leaves no membership behind."""
    shop = await EngineShop.open(database)
    group, person = await shop.list_("Buyers"), await shop.person("ana")
    account_id = shop.account.account_id

    async with database.transaction() as step:
        assert await keep_lists(step, {(account_id, group)})
        deleting = asyncio.create_task(_delete(shop, group))
        await blocked(database)
        await join_lists(step, [Moved(bucket_of(person), account_id, person, group, MONDAY)])
    await deleting

    assert 0 == await database.fetch_value("SELECT count(*) FROM membership")


async def _delete(shop: EngineShop, group_id: str) -> None:
    async with shop.database.transaction() as transaction:
        await delete_list(transaction, shop.account.account_id, group_id, shop.ids, MONDAY, SystemClock().now())


async def test_a_message_that_is_never_recorded_is_given_up(database: Database) -> None:
    """A lease that lapses again and again, however safe a repetition is, ends as unconfirmed."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(definition(metric, email("mail", await shop.template())))
    await shop.event("Checkout Started", "ana")
    worker = Worker(shop.core)
    while await worker.enter() or await worker.advance():
        pass
    await database.fetch("UPDATE delivery SET state = 1, claimed_by = 'gone', lease_until = $1, attempts = 10", MONDAY)

    assert 1 == await resolve_leases(shop.core)

    assert [DeliveryState.UNCONFIRMED] == [row["state"] for row in await shop.deliveries()]
