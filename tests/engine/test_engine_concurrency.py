"""Several workers over one database: nobody is mailed twice, nobody enters twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from engine_shop import WORKSHOP, EngineShop, definition, delay, email
from headrace.channels.port import Envelope, Result, Sent
from headrace.engine.setup import build_core
from headrace.engine.worker import Worker
from headrace.model import Channel
from headrace.storage.account_clocks import move_clock
from headrace.storage.database import Database

NEVER_AGAIN = {"duration": 1, "unit": "alltime"}


def workers(database: Database, count: int) -> list[Worker]:
    """Return several workers, each with an engine of its own as another process would have."""
    return [Worker(build_core(database, WORKSHOP, name=f"worker-{number}")) for number in range(count)]


async def drain_all(crew: list[Worker]) -> None:
    """Let every worker work side by side until nothing is due."""
    await asyncio.gather(*(worker.drain() for worker in crew))


async def test_two_runs_of_one_person_due_at_once_send_one_email(database: Database) -> None:
    """With smart sending on and four workers, two runs that are due together lead to one e-mail and one skip."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    template = await shop.template()
    for name in ("First", "Second"):
        mail = email("mail", template, smart_sending_enabled=True)
        await shop.flow(definition(metric, delay("wait", "mail"), mail), name=name)
    people = [f"person{number}" for number in range(20)]
    await shop.events("Checkout Started", people)
    await shop.drain()
    async with database.transaction() as transaction:
        await move_clock(transaction, shop.account.account_id, await shop.now() + timedelta(hours=1))

    await drain_all(workers(database, 4))

    assert sorted(people) == sorted(person for person, _ in await shop.sent())
    stories = [await shop.story(run) for run in await shop.runs()]
    skips = [detail["reason"] for story in stories for outcome, detail in story if outcome == "skipped"]
    assert ["Smart Sending"] * len(people) == skips
    assert {"FINISHED"} == set(await shop.run_states())


async def test_a_hundred_concurrent_events_start_one_run_where_nobody_re_enters(database: Database) -> None:
    """A hundred events of one person, taken in side by side and worked out by four workers, start one run."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    mail = email("mail", await shop.template())
    await shop.flow(definition(metric, delay("wait", "mail"), mail, reentry_criteria=NEVER_AGAIN))
    await shop.person("ana")
    crew = workers(database, 4)

    await asyncio.gather(
        *(shop.event("Checkout Started", "ana") for _ in range(100)), *(worker.drain() for worker in crew)
    )
    await drain_all(crew)

    assert ["WAITING"] == await shop.run_states()
    assert ["reentry"] * 99 == await shop.refusals()


class Noticed:
    """A provider that tells when it was given a message."""

    name = "noticed"
    honors_idempotency_key = True

    def __init__(self) -> None:
        self.given = asyncio.Event()

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Take every message."""
        self.given.set()
        return [Sent(str(envelope.passage.delivery_id)) for envelope in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_a_worker_that_runs_stops_after_its_batch(database: Database) -> None:
    """A running worker does what is due on the machine's clock and ends, its batch recorded, when it is told to."""
    provider = Noticed()
    shop = await EngineShop.open(database, virtual=False, providers={Channel.EMAIL: provider})
    metric = await shop.metric("Checkout Started")
    await shop.flow(definition(metric, email("mail", await shop.template())))
    await shop.event("Checkout Started", "ana")
    worker = Worker(shop.core)
    running = asyncio.create_task(worker.run())

    await provider.given.wait()
    worker.stop()
    await running

    assert ["ana"] == [person for person, _ in await shop.sent()]
