"""Bugs while stepping: a run that fails is parked and holds up nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email, split
from headrace.conditions.condition import Verdict
from headrace.conditions.facts import Facts
from headrace.conditions.profile_sample import CompiledSample
from headrace.model import RunState
from headrace.storage.database import Database
from headrace.storage.facts import LoadedFacts
from headrace.storage.runs import retry_parked

HALF = {"type": "profile-sample", "percentage": 100}


async def shop_with_split(database: Database) -> EngineShop:
    """Return a shop whose flow waits an hour, asks a split and sends."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    mail = email("mail", await shop.template())
    await shop.flow(definition(metric, delay("wait", "ask"), split("ask", HALF, "mail", None), mail))
    await shop.events("Checkout Started", ["ana", "ben", "eve"])
    await shop.drain()
    return shop


async def test_a_run_that_fails_is_parked_and_the_others_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parked run keeps its place and its error; once the bug is gone it can be retried."""
    shop = await shop_with_split(database)
    with monkeypatch.context() as patch:
        sound = CompiledSample.holds

        def holds(self: CompiledSample, facts: Facts) -> Verdict:
            if facts.profile.profile_id == shop.people["ben"]:
                raise ZeroDivisionError("a bug")
            return sound(self, facts)

        patch.setattr(CompiledSample, "holds", holds)
        await shop.move(timedelta(hours=1))

    (parked,) = [run for run in await shop.runs() if run["state"] == RunState.PARKED]
    assert shop.people["ben"] == parked["profile_id"]
    assert "ZeroDivisionError: a bug in holds" in parked["error"]
    assert {"ana", "eve"} == {person for person, _ in await shop.sent()}
    assert "parked" == (await shop.story(parked))[-1][0]

    async with database.transaction() as transaction:
        assert await retry_parked(transaction, parked["bucket"], parked["account_id"], parked["run_id"])
    await shop.drain()

    assert {"ana", "ben", "eve"} == {person for person, _ in await shop.sent()}
    assert {"FINISHED"} == set(await shop.run_states())


async def test_a_batch_that_fails_as_a_whole_is_worked_through_run_by_run(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the database refuses of one run does not take the others with it."""
    shop = await shop_with_split(database)
    with monkeypatch.context() as patch:
        sound = CompiledSample.holds

        def holds(self: CompiledSample, facts: Facts) -> Verdict:
            told = sound(self, facts)
            unwritable = facts.profile.profile_id == shop.people["ben"]
            return Verdict(told.holds, "a NUL: \x00") if unwritable else told

        patch.setattr(CompiledSample, "holds", holds)
        await shop.move(timedelta(hours=1))

    (parked,) = [run for run in await shop.runs() if run["state"] == RunState.PARKED]
    assert shop.people["ben"] == parked["profile_id"]
    assert {"ana", "eve"} == {person for person, _ in await shop.sent()}


async def test_entering_that_fails_leaves_a_parked_run(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the entry filter shows as a parked run; the event's other consequences stand."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    asked = {"condition_groups": [{"conditions": [HALF]}]}
    await shop.flow(definition(metric, email("mail", await shop.template()), profile_filter=asked))
    with monkeypatch.context() as patch:

        def holds(self: CompiledSample, facts: LoadedFacts) -> Verdict:
            raise ZeroDivisionError("a bug")

        patch.setattr(CompiledSample, "holds", holds)
        await shop.event("Checkout Started", "ana")
        await shop.drain()

    assert ["PARKED"] == await shop.run_states()
    assert 0 == await database.fetch_value("SELECT count(*) FROM pending")
    assert MONDAY == (await shop.runs())[0]["entered_at"]


async def test_a_flow_whose_definition_cannot_be_read_parks_its_runs(database: Database) -> None:
    """A stored definition that no longer compiles is a bug that is shown, run by run."""
    shop = await shop_with_split(database)
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE flow_version SET definition = '{\"actions\": 3}'")
        await transaction.execute("UPDATE flow SET updated_at = updated_at + interval '1 second'")

    await shop.move(timedelta(hours=1))

    assert {"PARKED"} == set(await shop.run_states())
