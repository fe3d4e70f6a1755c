"""Merging people in flows of a special kind: with awaited answers, dates, groups, parked and held runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from dated_flows import DAY, born, dated, greetings
from merging import METRIC, merge
from test_engine_channels import asks, kept, send

from engine_shop import EngineShop, definition, delay, email
from headrace.channels.port import Envelope, Result, Sent
from headrace.engine.merges import PROFILE_MERGED
from headrace.engine.setup import choose_providers
from headrace.engine.worker import Worker
from headrace.model import Channel, RunState
from headrace.storage.database import Database
from headrace.storage.step_counts import counts_of, flow_counts, recount_waiting, waiting_of


class Merging:
    """A provider of webhooks that merges Ana into Bea before it answers."""

    name = "merging"
    honors_idempotency_key = False
    shop: EngineShop

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Merge, and answer with a high score."""
        await merge(self.shop, "ana", "bea")
        return [Sent("taken", {"status": 200, "body": {"score": 9}, "error": None}) for _ in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_an_awaited_answer_reaches_the_run_where_it_is_now(database: Database) -> None:
    """The webhook answers after the merge: the run goes on at once, by the answer."""
    provider = Merging()
    providers = {**choose_providers(database), Channel.WEBHOOK: provider}
    shop = provider.shop = await EngineShop.open(database, providers=providers)
    template = await shop.template()
    high = {"type": "numeric", "operator": "greater-than", "value": 5}
    actions = (
        send("1", "webhook", {"url": "https://hooks.shop.test/"}, "asks"),
        asks("asks", "1", "body.score", high, "good", "poor"),
        email("good", template),
        email("poor", template),
    )
    await shop.flow(definition(await shop.metric(METRIC), *actions))
    await shop.person("ana")
    await shop.person("bea")
    await shop.event(METRIC, "ana")
    await shop.drain()
    assert [("good", "bea@example.com")] == [(row["subject"], row["recipient"]) for row in await kept(shop)]


async def test_one_birthday_is_one_message(database: Database) -> None:
    """Both are on the way to the same date: the destination's run stays."""
    shop = await EngineShop.open(database)
    for name in ("ana", "bea"):
        await shop.person(name, born(name, "1990-03-20"))
    template = await shop.template()
    actions = (delay("wait", "hello", unit="days", value=3), email("hello", template))
    await shop.flow(dated(*actions, timedelta_value_before_date=5))
    await shop.move(14 * DAY)
    assert 2 == len(await shop.runs())
    await merge(shop, "ana", "bea")
    await shop.move(20 * DAY)
    assert ["bea"] == [name for name, _ in await shop.sent()]
    assert {PROFILE_MERGED} == {row["exit_reason"] for row in await shop.runs()} - {None}


async def test_a_birthday_that_comes_with_the_merge_is_planned(database: Database) -> None:
    """The destination had none: it takes the source's, and is greeted on the day."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-03-20"))
    await shop.person("bea", born("bea", None))
    await greetings(shop, trigger_time="09:00:00")
    await shop.move(5 * DAY)
    await merge(shop, "ana", "bea")
    await shop.move(30 * DAY)
    assert ["bea"] == [name for name, _ in await shop.sent()]


async def test_of_two_members_in_a_flow_that_lets_in_again_one_goes_on(database: Database) -> None:
    """Both wait in the flow of one list: two runs would send everything twice."""
    shop = await EngineShop.open(database)
    members = await shop.list_("VIP")
    actions = (delay("wait", "hello"), email("hello", await shop.template()))
    again = {"duration": 0, "unit": "alltime"}
    flow = {**definition("", *actions, reentry_criteria=again), "triggers": [{"type": "list", "id": members}]}
    await shop.flow(flow)
    for name in ("ana", "bea"):
        await shop.person(name)
        await shop.join(name, members)
    await shop.drain()
    await merge(shop, "ana", "bea")
    await shop.move(timedelta(hours=2))
    assert ["bea"] == [name for name, _ in await shop.sent()]


async def _state(shop: EngineShop, person: str, state: RunState) -> None:
    """Let a person's waiting run be parked or held, in the counts too."""
    async with shop.database.transaction() as transaction:
        row: Any = await transaction.fetch_row(
            "UPDATE run SET state = $2, waiting_in = NULL WHERE profile_id = $1 AND state = 0 "
            "RETURNING account_id, flow_id",
            shop.people[person],
            int(state),
        )
        counter = {RunState.PARKED: "parked", RunState.HELD: "held"}[state]
        changes = [(counter, 1)] if state is RunState.PARKED else [(counter, 1), ("entered", -1)]
        for name, amount in changes:
            await transaction.execute(
                "INSERT INTO step_delta (account_id, flow_id, action_id, counter, detail, amount) "
                "VALUES ($1, $2, 0, $3, '', $4)",
                row["account_id"],
                row["flow_id"],
                name,
                amount,
            )


async def test_parked_and_held_runs_end_with_their_gauges(database: Database) -> None:
    """The source's of a flow entered once: whatever they wait for, they end and are counted."""
    for state in (RunState.PARKED, RunState.HELD):
        shop = await EngineShop.open(database)
        actions = (email("hello", await shop.template()),)
        never = {"duration": 1, "unit": "alltime"}
        flow_id = await shop.flow(definition(await shop.metric(METRIC), *actions, reentry_criteria=never))
        await shop.events(METRIC, ["ana", "bea"])
        worker = Worker(shop.core)
        while await worker.enter():
            pass
        await _state(shop, "ana", state)
        await merge(shop, "ana", "bea")
        await shop.drain()
        counts = await flow_counts(database, shop.account.account_id, flow_id)
        assert (2, 1, {PROFILE_MERGED: 1}) == (counts["entered"], counts["finished"], counts["exited"])
        assert (0, 0) == (counts["parked"], counts["held"])
        place = (database, shop.account.account_id, flow_id)
        assert await recount_waiting(*place) == waiting_of(await counts_of(*place))
