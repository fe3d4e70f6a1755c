"""Experiments: measuring variations and ending with a winner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine_shop import MONDAY, EngineShop, definition
from headrace.clock import SystemClock
from headrace.engine import review
from headrace.engine.experiments import next_end, settle_experiments, show_experiments
from headrace.engine.trials import completed
from headrace.storage import flow_edits, flow_states, flows
from headrace.storage.database import Database, Row
from headrace.storage.rollups import fold

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_DELTA = """
INSERT INTO message_delta (account_id, slot, flow_id, message_id, variation, format, channel, delivered, opens_unique,
                           clicks_unique)
VALUES ($1, $2, $3, 'm', $4, '', 1, $5, $6, $7)
"""


def mail(subject: str, template: str) -> dict[str, Any]:
    """Return an e-mail inside an experiment."""
    message = {"name": subject, "subject_line": subject, "template_id": template, "smart_sending_enabled": False}
    return {"temporary_id": subject, "type": "send-email", "data": {"message": message, "status": "live"}}


def ab_test(template: str, **experiment: Any) -> dict[str, Any]:
    """Return a live test of two e-mails."""
    tried = {"name": "Subject", "variations": [mail("A", template), mail("B", template)], **experiment}
    data = {
        "status": "live",
        "experiment_status": "live",
        "main_action": mail("Main", template),
        "current_experiment": tried,
    }
    return {"temporary_id": "test", "type": "ab-test", "links": {"next": None}, "data": data}


class Trial:
    """A shop with a flow that holds a test, and the ids that the test got."""

    def __init__(self, shop: EngineShop, flow_id: str) -> None:
        self.shop = shop
        self.flow_id = flow_id

    @classmethod
    async def open(cls, database: Database, **experiment: Any) -> Trial:
        """Make the flow and begin its test."""
        shop = await EngineShop.open(database)
        metric, template = await shop.metric("Checkout Started"), await shop.template()
        trial = cls(shop, await shop.flow(definition(metric, ab_test(template, **experiment))))
        await trial.settle()
        return trial

    async def action(self) -> dict[str, Any]:
        """Return the test's document as it stands."""
        found: dict[str, Any] = await self.shop.database.fetch_value(
            "SELECT definition FROM flow_action WHERE flow_id = $1 AND type = 'ab-test'", self.flow_id
        )
        return found

    async def variations(self) -> list[str]:
        """Return the ids of the variations."""
        return [one["id"] for one in (await self.action())["data"]["current_experiment"]["variations"]]

    async def brought(self, place: int, delivered: int, opens: int = 0, clicks: int = 0) -> None:
        """Record what a variation brought."""
        variation = (await self.variations())[place]
        values = (self.shop.account.account_id, MONDAY, self.flow_id, variation, delivered, opens, clicks)
        async with self.shop.database.transaction() as transaction:
            await transaction.execute(_DELTA, *values)

    async def settle(self) -> int:
        """Look at the experiments once."""
        return await settle_experiments(self.shop.core, [self.shop.account.account_id])

    async def row(self) -> Row:
        """Return the only experiment."""
        (row,) = await self.shop.database.fetch("SELECT * FROM experiment")
        return row


async def test_a_live_test_begins_and_is_measured(database: Database) -> None:
    """The first look notes its beginning, later ones what its variations brought."""
    trial = await Trial.open(database)
    await trial.brought(0, 10, clicks=1)
    await trial.brought(1, 10, clicks=4)
    await trial.brought(1, 5)
    assert 0 == await trial.settle()
    row = await trial.row()
    assert (MONDAY, None, None) == (row["began_at"], row["ended_at"], row["winner"])
    first, second = row["figures"]["variations"]
    assert ([10, 1], [15, 4]) == tuple([one["recipients"], one["unique_clicks"]] for one in (first, second))
    assert first["win_probability"] + second["win_probability"] == 1.0
    assert (second["id"], False) == (row["figures"]["leader"], row["figures"]["significant"])


async def test_folded_figures_count_once(database: Database) -> None:
    """Roll-ups and what is not folded yet are added up."""
    trial = await Trial.open(database)
    await trial.brought(0, 10, clicks=1)
    await fold(database, trial.shop.account.account_id)
    await trial.brought(0, 7)
    (shown,) = await show_experiments(database, trial.shop.account.account_id, trial.flow_id)
    assert 17 == shown["figures"]["variations"][0]["recipients"]
    assert "live" == shown["state"]


async def test_significance_ends_the_test_where_that_is_switched_on(database: Database) -> None:
    """The winner's contents become the main action, which keeps its ids; everybody later gets them."""
    automatic = {"enabled": True, "automatic_end_statistical_certainty": True}
    trial = await Trial.open(database, automatic_winner_selection_settings=automatic)
    before = (await trial.action())["data"]["main_action"]
    await trial.brought(0, 2000, clicks=50)
    await trial.brought(1, 2000, clicks=150)
    assert 1 == await trial.settle()
    row, action = await trial.row(), await trial.action()
    assert ((await trial.variations())[1], "significant", MONDAY) == (row["winner"], row["reason"], row["ended_at"])
    main = action["data"]["main_action"]
    assert "completed" == action["data"]["experiment_status"]
    assert (before["id"], before["data"]["message"]["id"], "B") == (
        main["id"],
        main["data"]["message"]["id"],
        main["data"]["message"]["subject_line"],
    )
    await trial.shop.events("Checkout Started", [f"person-{number}" for number in range(10)])
    await trial.shop.move(HOUR)
    assert {("B", "")} == {
        tuple(one.values())
        for one in await database.fetch(
            "SELECT i.subject, d.variation FROM inbox_message i JOIN delivery d USING (bucket, account_id, delivery_id)"
        )
    }
    assert 0 == await trial.settle()


async def test_without_automatic_selection_a_test_goes_on(database: Database) -> None:
    """However sure the result is."""
    trial = await Trial.open(database)
    await trial.brought(0, 2000, clicks=50)
    await trial.brought(1, 2000, clicks=150)
    assert 0 == await trial.settle()
    row = await trial.row()
    assert (None, True) == (row["ended_at"], row["figures"]["significant"])


async def test_the_winner_metric_decides(database: Database) -> None:
    """The variation with more opens leads by opens, though the other has more clicks."""
    trial = await Trial.open(database, winner_metric="unique-opens")
    await trial.brought(0, 100, opens=60, clicks=1)
    await trial.brought(1, 100, opens=20, clicks=9)
    await trial.settle()
    assert (await trial.variations())[0] == (await trial.row())["figures"]["leader"]


async def test_a_test_ends_on_its_date(database: Database) -> None:
    """The leader wins however unsure that is; without any data it is the first variation."""
    automatic = {
        "enabled": True,
        "automatic_end_statistical_certainty": False,
        "automatic_end_date": (MONDAY + DAY).isoformat(),
    }
    trial = await Trial.open(database, automatic_winner_selection_settings=automatic)
    account_id = trial.shop.account.account_id
    assert MONDAY + DAY == await next_end(database, account_id, MONDAY)
    assert None is await next_end(database, account_id, MONDAY + DAY)
    await trial.shop.move(DAY - HOUR)
    assert None is (await trial.row())["ended_at"]
    await trial.shop.move(2 * HOUR)
    row = await trial.row()
    assert ((await trial.variations())[0], "end_date") == (row["winner"], row["reason"])
    assert "A" == (await trial.action())["data"]["main_action"]["data"]["message"]["subject_line"]


async def test_switching_the_action_off_ends_the_test(database: Database) -> None:
    """A draft action's leader becomes the main action; the action stays a draft."""
    trial = await Trial.open(database)
    await trial.brought(0, 10, clicks=1)
    await trial.brought(1, 10, clicks=4)
    async with database.transaction() as transaction:
        place = (transaction, trial.shop.account.account_id, trial.flow_id)
        await flows.set_status(*place, "draft", await trial.shop.now())
    assert 1 == await trial.settle()
    row, action = await trial.row(), await trial.action()
    assert ((await trial.variations())[1], "switched_off") == (row["winner"], row["reason"])
    assert ("draft", "completed", "B") == (
        action["data"]["status"],
        action["data"]["experiment_status"],
        action["data"]["main_action"]["data"]["message"]["subject_line"],
    )


async def test_what_a_user_ends_is_left_as_they_saved_it(database: Database) -> None:
    """A test that was set to completed has no winner of ours, and its main action stays."""
    trial = await Trial.open(database)
    action = await trial.action()
    action["data"]["experiment_status"] = "completed"
    async with database.transaction() as transaction:
        place = (transaction, trial.shop.account.account_id, trial.shop.ids, int(action["id"]), action)
        await flow_edits.update_action(*place, await trial.shop.now())
    assert 1 == await trial.settle()
    row = await trial.row()
    assert (None, "completed_by_user") == (row["winner"], row["reason"])
    assert "Main" == (await trial.action())["data"]["main_action"]["data"]["message"]["subject_line"]


async def test_an_archived_flow_ends_its_tests(database: Database) -> None:
    """Nothing is edited; opened again, the test begins anew."""
    trial = await Trial.open(database)
    async with database.transaction() as transaction:
        place = (transaction, trial.shop.account.account_id, trial.shop.ids, trial.flow_id)
        await flow_states.archive(*place, await trial.shop.now(), SystemClock().now())
    assert 1 == await trial.settle()
    assert "flow_closed" == (await trial.row())["reason"]
    await trial.shop.drain()
    async with database.transaction() as transaction:
        place_of = (transaction, trial.shop.account.account_id, trial.flow_id)
        await flow_states.unarchive(*place_of, await trial.shop.now())
    await trial.settle()
    row = await trial.row()
    assert (None, None) == (row["ended_at"], row["reason"])


async def test_messages_that_wait_for_a_user_outlive_the_test(database: Database) -> None:
    """A variation that is under review when the test ends goes out as it is once it is released."""
    trial = await Trial.open(database)
    shop, account_id = trial.shop, trial.shop.account.account_id
    async with database.transaction() as transaction:
        await flows.set_status(transaction, account_id, trial.flow_id, "manual", await shop.now())
    await shop.events("Checkout Started", [f"person-{number}" for number in range(8)])
    await shop.drain()
    action = await trial.action()
    async with database.transaction() as transaction:
        place = (transaction, account_id, shop.ids, int(action["id"]))
        await flow_edits.update_action(*place, completed(action, (await trial.variations())[0]), await shop.now())
    released = await review.release(shop.core, account_id, review.Chosen())
    await shop.drain()
    assert (8, {}) == (released.released, released.skipped)
    subjects = {row["subject"] for row in await database.fetch("SELECT subject FROM inbox_message")}
    assert {"A", "B"} == subjects


async def test_a_draft_holds_no_running_test(database: Database) -> None:
    """A flow that nobody enters begins no experiment."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    await shop.flow(definition(metric, ab_test(template)), status="draft")
    assert 0 == await settle_experiments(shop.core)
    assert [] == await database.fetch("SELECT * FROM experiment")
