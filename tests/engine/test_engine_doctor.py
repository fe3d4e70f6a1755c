"""The doctor: each symptom is found, and repaired or left to a person."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from handwritten_flows import cart_flow

from engine_shop import EngineShop, definition, delay, member_of, segment_of, split
from headrace.engine.doctor import MEANINGS, SEGMENTS, Examination, examine, repair
from headrace.engine.simulate import START, Simulation
from headrace.model import DeliveryState, RunState
from headrace.storage.database import Database, Row
from headrace.storage.doctor import QUERIES, correct_gauges
from headrace.storage.groups import delete_list
from headrace.storage.step_counts import counts_of, recount_waiting, waiting_of

VAIN = uuid.UUID(int=7)


async def waiting(database: Database, people: int = 3) -> Simulation:
    """Let people wait in a flow's first delay."""
    simulation = await Simulation.open(database)
    await simulation.flow(cart_flow())
    for number in range(people):
        await simulation.event("Checkout Started", f"person{number}")
    await simulation.advance("1m")
    return simulation


async def execute(simulation: Simulation, statement: str, *values: object) -> None:
    """Change rows behind the engine's back."""
    async with simulation.core.database.transaction() as transaction:
        await transaction.execute(statement, *values)


def kinds(found: Examination) -> list[tuple[str, int]]:
    """Return the symptoms that were found and how often."""
    return [(one.symptom.kind, one.symptom.amount) for one in found.findings]


async def runs(simulation: Simulation) -> list[Row]:
    """Return every run."""
    return await simulation.core.database.fetch("SELECT * FROM run ORDER BY run_id")


def test_every_symptom_has_a_meaning() -> None:
    """What is looked for is explained, and what is explained is looked for."""
    assert sorted((*QUERIES, SEGMENTS)) == sorted(MEANINGS)


async def test_a_sound_installation_has_no_findings(database: Database) -> None:
    """People who wait for their time stand still for a reason."""
    simulation = await waiting(database)
    await simulation.advance("3d")
    found = await examine(simulation.core)
    assert ([], False) == (kinds(found), found.needs_person)


async def test_who_asks_about_a_deleted_list_is_told(database: Database) -> None:
    """A flow that begins with it, one that asks about it, and a segment that asks; drafts and the rest are left out."""
    shop = await EngineShop.open(database)
    kept, gone = await shop.list_("Kept"), await shop.list_("Gone")
    asking = await shop.made_segment("Asking", segment_of([member_of(gone, is_member=False)]))
    await shop.made_segment("Sound", segment_of([member_of(kept)]))
    wait = delay("wait", None, value=1, unit="days")
    begun = {**definition("", wait), "triggers": [{"type": "list", "id": gone}]}
    begins = await shop.flow(begun, name="Begins")
    await shop.flow(begun, status="draft", name="Draft")
    splits = definition(await shop.metric("Bought"), split("ask", member_of(gone, kept), "wait", None), wait)
    asks = await shop.flow(splits, name="Asks")
    await shop.drain()
    async with database.transaction() as transaction:
        place = (transaction, shop.account.account_id, gone, shop.ids)
        await delete_list(*place, await shop.now(), shop.core.clock.now())
    await shop.drain()
    found = await examine(shop.core)

    told = {(one.symptom.kind, one.symptom.flow_id, one.symptom.example) for one in found.findings}
    assert {("gone_group", one, one) for one in (begins, asks)} | {("gone_group", None, asking)} == told
    assert found.findings[0].symptom.detail in (f"Begins asks about {gone}", f"Asks asks about {gone}")
    assert (True, {False}) == (found.needs_person, {one.repairable for one in found.findings})


async def test_what_is_overdue_is_found_and_worked_off(database: Database) -> None:
    """The clock moved while nobody worked: the repair carries the runs on and sends what they lead to."""
    simulation = await waiting(database)
    await execute(simulation, "UPDATE account SET clock_now = $1", START + timedelta(hours=2))

    before = await examine(simulation.core)
    after = await repair(simulation.core)

    assert [("overdue_runs", 3)] == kinds(before)
    assert before.findings[0].symptom.since == START + timedelta(hours=1)
    assert ([], (("overdue_runs", 3),)) == (kinds(after), after.repaired)
    assert 3 == await database.fetch_value("SELECT count(*) FROM delivery WHERE state = 2")


async def test_what_is_a_little_late_is_on_its_way(database: Database) -> None:
    """Patience is five minutes unless it is told otherwise."""
    simulation = await waiting(database)
    await execute(simulation, "UPDATE account SET clock_now = $1", START + timedelta(hours=1, minutes=4))
    assert [] == kinds(await examine(simulation.core))
    assert [("overdue_runs", 3)] == kinds(await examine(simulation.core, timedelta(minutes=3)))


async def test_messages_that_nobody_sends_are_found_and_sent(database: Database) -> None:
    """A queued message that is long due goes out."""
    simulation = await waiting(database)
    await simulation.advance("1h")
    await execute(simulation, "UPDATE delivery SET state = 0, due_at = $1, sent_at = NULL", START)

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([("overdue_deliveries", 3)], []) == (kinds(before), kinds(after))


async def test_parked_runs_try_again_and_those_that_fail_again_need_a_person(database: Database) -> None:
    """The error is told; once it is mended a repair lets everybody go on."""
    simulation = await waiting(database)
    await execute(simulation, "UPDATE run SET state = 3, error = 'KeyError: x', waiting_in = NULL")
    await repair_gauges(simulation)

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([("parked", 3)], "KeyError: x", True) == (
        kinds(before),
        before.findings[0].symptom.detail,
        before.needs_person,
    )
    assert [] == kinds(after)
    assert {RunState.WAITING} == {RunState(run["state"]) for run in await runs(simulation)}


@pytest.mark.parametrize(("waits", "amount"), [("waiting_in", 3), ("NULL", 0)])
async def test_runs_that_were_parked_by_hand_are_counted_right_after_one_repair(
    database: Database, waits: str, amount: int
) -> None:
    """Whatever their counts said before, and whether or not the runs remember where they waited."""
    simulation = await waiting(database)
    await execute(simulation, f"UPDATE run SET state = 3, error = 'by hand', waiting_in = {waits}")

    after = await repair(simulation.core)

    assert [] == kinds(after)
    every = "SELECT counter, amount FROM step_count UNION ALL SELECT counter, amount FROM step_delta"
    shown = f"SELECT counter, sum(amount) AS amount FROM ({every}) AS every GROUP BY counter"
    counted = {row["counter"]: int(row["amount"]) for row in await simulation.core.database.fetch(shown)}
    assert (amount, 0) == (counted["waiting"], counted.get("parked", 0))


async def test_people_inside_a_closed_flow_are_let_out(database: Database) -> None:
    """A flow that was closed without the job that empties it."""
    simulation = await waiting(database)
    await execute(simulation, "UPDATE flow SET archived = true")

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([("closed_flow", 3)], []) == (kinds(before), kinds(after))
    assert {RunState.EXITED} == {RunState(run["state"]) for run in await runs(simulation)}


async def test_runs_on_an_action_that_is_gone_leave(database: Database) -> None:
    """They do not wait until they are due."""
    simulation = await waiting(database)
    await execute(simulation, "UPDATE run SET action_id = 77, visited = '{}'")

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([("vanished_action", 3)], []) == (kinds(before), kinds(after))
    assert {"action_deleted"} == {run["exit_reason"] for run in await runs(simulation)}


async def test_runs_that_await_a_message_that_is_gone_go_on(database: Database) -> None:
    """Nobody would ever tell them its result."""
    simulation = await waiting(database)
    await execute(simulation, "UPDATE run SET awaits = $1", VAIN)

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([("awaiting_in_vain", 3)], []) == (kinds(before), kinds(after))
    assert {None} == {run["awaits"] for run in await runs(simulation)}


async def test_leases_of_workers_that_are_gone_are_settled(database: Database) -> None:
    """What may be sent once more is; the inbox honors our ids, so that nobody gets a message twice."""
    simulation = await waiting(database)
    await simulation.advance("1h")
    lapsed = "state = 1, claimed_by = 'gone', lease_until = '2020-01-01Z', due_at = $1"
    await execute(simulation, f"UPDATE delivery SET {lapsed}", START + timedelta(hours=1))

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([("lapsed_lease", 3)], []) == (kinds(before), kinds(after))
    assert 3 == await database.fetch_value("SELECT count(*) FROM inbox_message")


async def test_messages_of_which_nobody_knows_are_left_to_a_person(database: Database) -> None:
    """A repair does not touch them."""
    simulation = await waiting(database)
    await simulation.advance("1h")
    await execute(simulation, "UPDATE delivery SET state = $1", int(DeliveryState.UNCONFIRMED))

    after = await repair(simulation.core)

    assert ([("unconfirmed", 3)], True, ()) == (kinds(after), after.needs_person, after.repaired)


async def test_held_runs_are_left_to_a_person(database: Database) -> None:
    """A user confirms or discards a mass entry."""
    simulation = await waiting(database)
    await execute(simulation, "UPDATE run SET state = 4, waiting_in = NULL")
    await repair_gauges(simulation)
    assert [("held", 3)] == kinds(await repair(simulation.core))


async def test_planned_entries_of_flows_that_nobody_enters_are_forgotten(database: Database) -> None:
    """Drafts, archived and deleted flows, and those that are gone."""
    simulation = await waiting(database)
    row = "INSERT INTO planned_entry VALUES (1, $1, $2, 'P', '2026-05-01Z', '2026-05-01', 1)"
    await execute(simulation, row, simulation.account.account_id, "GONE01")
    await execute(simulation, "INSERT INTO planning VALUES (1, $1, 'GONE01')", simulation.account.account_id)

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([("planned_entry", 1), ("planning", 1)], []) == (kinds(before), kinds(after))


async def test_gauges_are_made_what_a_recount_says(database: Database) -> None:
    """Counts that were lost, doubled or of runs that are gone."""
    simulation = await waiting(database)
    account_id, flow_id = simulation.account.account_id, simulation.flow_ids[0]
    await execute(simulation, "UPDATE step_delta SET amount = amount + 4 WHERE counter = 'waiting'")

    before = await examine(simulation.core)
    after = await repair(simulation.core)

    assert [("gauges", 1)] == kinds(before)
    assert [] == kinds(after)
    assert await recount_waiting(database, account_id, flow_id) == waiting_of(
        await counts_of(database, account_id, flow_id)
    )


@pytest.mark.parametrize(
    ("state", "kind", "left"), [("queued", "stuck_job", []), ("failed", "failed_job", [("failed_job", 1)])]
)
async def test_jobs_that_wait_are_done_and_those_given_up_are_told(
    database: Database, state: str, kind: str, left: list[tuple[str, int]]
) -> None:
    """A job that no worker took is worked off; one that failed needs a person."""
    simulation = await waiting(database)
    job = """
        INSERT INTO job (job_id, account_id, kind, state, arguments, error, created_at, updated_at, finished_at)
        VALUES ('job', $1, 'exit-runs', $2, $3, 'why', $4, $4, $4)
    """
    at = simulation.core.clock.now() - timedelta(hours=1)
    await execute(simulation, job, simulation.account.account_id, state, {"flow_id": simulation.flow_ids[0]}, at)

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert ([(kind, 1)], left) == (kinds(before), kinds(after))


async def test_what_happened_long_ago_and_is_not_worked_out_is_found(database: Database) -> None:
    """Nobody enters people: the repair does."""
    simulation = await waiting(database)
    await simulation.event("Checkout Started", "late")
    await execute(simulation, "UPDATE pending SET received_at = '2020-01-01Z'")

    before, after = await examine(simulation.core), await repair(simulation.core)

    assert [("pending", 1)] == kinds(before)
    assert [] == kinds(after)
    assert 4 == len(await runs(simulation))


async def repair_gauges(simulation: Simulation) -> None:
    """Make the gauges right after runs were changed behind the engine's back."""
    async with simulation.core.database.transaction() as transaction:
        await correct_gauges(transaction)
