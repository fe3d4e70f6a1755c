"""Moving a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.channels.port import Envelope, Result, Retry
from headrace.engine.rings import FIRST_WIDTH, BucketRing
from headrace.engine.virtual import advance_clock
from headrace.errors import CommandError
from headrace.model import Channel, DeliveryState, RunState
from headrace.storage.account_clocks import follow_system
from headrace.storage.database import Database


async def drip(shop: EngineShop, mails: int, gap: timedelta) -> None:
    """Store a flow that sends an e-mail after each gap."""
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    actions = []
    for number in range(mails):
        following = f"wait{number + 1}" if number + 1 < mails else None
        minutes = int(gap.total_seconds() // 60)
        actions.append(delay(f"wait{number}", f"mail{number}", unit="minutes", value=minutes))
        actions.append(email(f"mail{number}", template, following))
    await shop.flow(definition(metric, *actions))


async def test_thirty_days_pass_with_every_step_at_its_own_moment(database: Database) -> None:
    """Each message carries the moment at which its delay was over, however far the clock moves at once."""
    shop = await EngineShop.open(database)
    await drip(shop, 30, timedelta(days=1))
    await shop.events("Checkout Started", ["ana", "ben"])

    await shop.move(timedelta(days=40))

    moments = [MONDAY + timedelta(days=day) for day in range(1, 31)]
    sent = await shop.sent()
    assert moments == [at for person, at in sent if person == "ana"]
    assert moments == [at for person, at in sent if person == "ben"]
    assert MONDAY + timedelta(days=40) == await shop.now()


async def test_steps_closer_together_than_a_window_keep_a_persons_order(database: Database) -> None:
    """Delays of a minute fall into one window; the journal still tells them in order."""
    shop = await EngineShop.open(database)
    await drip(shop, 10, timedelta(minutes=1))
    await shop.event("Checkout Started", "ana")

    await shop.move(timedelta(hours=1))

    assert [MONDAY + timedelta(minutes=minute) for minute in range(1, 11)] == [at for _, at in await shop.sent()]
    events = await database.fetch(
        "SELECT occurred_at FROM event JOIN metric USING (metric_id) WHERE name = 'Received Email' ORDER BY number"
    )
    assert 10 == len({row["occurred_at"] for row in events})


async def test_a_clock_never_goes_back(database: Database) -> None:
    """A moment behind the clock is refused and named."""
    shop = await EngineShop.open(database)

    with pytest.raises(CommandError, match="cannot go back"):
        await advance_clock(shop.core, shop.account.account_id, MONDAY - timedelta(seconds=1))


async def test_only_an_account_with_a_clock_of_its_own_can_be_moved(database: Database) -> None:
    """The machine's clock cannot be moved, nor that of an account that does not exist."""
    shop = await EngineShop.open(database, virtual=False)

    with pytest.raises(CommandError, match="follows the machine's clock"):
        await advance_clock(shop.core, shop.account.account_id, MONDAY)
    with pytest.raises(CommandError, match="no account NOBODY"):
        await advance_clock(shop.core, "NOBODY", MONDAY)


class Busy:
    """A provider that asks for an hour of the machine's time, whatever it is given."""

    name = "busy"
    honors_idempotency_key = False

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Ask to wait."""
        return [Retry(timedelta(hours=1), "451 later") for _ in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_a_clock_moves_past_what_a_provider_asked_to_send_later(database: Database) -> None:
    """A message that waits for the machine's time holds nothing up; the runs after it have their own moments."""
    shop = await EngineShop.open(database, providers={Channel.EMAIL: Busy()})
    await drip(shop, 3, timedelta(days=1))
    await shop.event("Checkout Started", "ana")

    async with asyncio.timeout(20):
        await shop.move(timedelta(days=5))

    assert MONDAY + timedelta(days=5) == await shop.now()
    days = [MONDAY + timedelta(days=day) for day in (1, 2, 3)]
    assert days == [row["queued_at"] for row in await shop.deliveries()]


async def test_parked_runs_and_messages_for_review_follow_their_account_to_the_machines_clock(
    database: Database,
) -> None:
    """Whatever may go on later is on a clock that somebody looks at."""
    shop = await EngineShop.open(database)
    await drip(shop, 1, timedelta(minutes=0))
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE run SET state = $1", int(RunState.PARKED))
        await transaction.execute("UPDATE delivery SET state = $1", int(DeliveryState.REVIEW))

    async with database.transaction() as transaction:
        assert await follow_system(transaction, shop.account.account_id)

    assert [0] == [run["clock"] for run in await shop.runs()]
    assert [0] == [row["clock"] for row in await shop.deliveries()]


async def test_two_who_move_one_clock_wait_for_each_other(database: Database) -> None:
    """The clock ends where the later of the two wanted it, and every message went out once."""
    shop = await EngineShop.open(database)
    await drip(shop, 3, timedelta(hours=1))
    await shop.events("Checkout Started", [f"person{number}" for number in range(20)])

    await asyncio.gather(
        *(advance_clock(shop.core, shop.account.account_id, MONDAY + timedelta(hours=hours)) for hours in (2, 4))
    )

    assert MONDAY + timedelta(hours=4) == await shop.now()
    assert 60 == len(await shop.sent())


async def test_a_frozen_clock_keeps_its_runs_while_the_machines_clock_goes_on(database: Database) -> None:
    """Work on one account's clock leaves the runs of another alone."""
    frozen, live = await EngineShop.open(database), await EngineShop.open(database, virtual=False)
    for shop in (frozen, live):
        await drip(shop, 1, timedelta(minutes=1 if shop is frozen else 0))
        await shop.event("Checkout Started", "ana")

    await live.drain()

    assert [live.account.account_id] == [row["account_id"] for row in await live.deliveries()]
    states = {run["account_id"]: run["state"] for run in await frozen.runs()}
    assert {frozen.account.account_id: 0, live.account.account_id: 1} == states


def test_a_ring_visits_every_bucket_once_a_round() -> None:
    """Groups are ascending, disjoint and complete, and begin at the worker's own place."""
    ring, buckets = BucketRing("worker-1"), list(range(256))
    ring.fill(buckets)

    groups = []
    while ring:
        groups.append(ring.take())

    assert buckets == sorted(bucket for group in groups for bucket in group)
    assert all(group == sorted(group) for group in groups)


def test_a_ring_takes_fewer_buckets_at_once_while_batches_are_full_and_more_while_they_are_small() -> None:
    """Widths double and halve."""
    ring = BucketRing("worker-1")
    ring.fill(range(256))
    first = ring.take()

    ring.tell(first, found=1000, limit=1000)
    second = ring.take()
    ring.tell(second, found=1, limit=1000)

    assert FIRST_WIDTH == len(first)
    assert (FIRST_WIDTH // 2, FIRST_WIDTH) == (len(second), len(ring.take()))


def test_a_bucket_that_is_always_full_keeps_no_other_waiting() -> None:
    """A full group is visited again in the same round, but after the others."""
    ring = BucketRing("worker-1")
    ring.fill(range(256))
    full, seen = ring.take(), set[int]()

    ring.tell(full, found=1000, limit=1000)
    while not seen & set(full):
        seen |= set(ring.take())

    assert set(range(256)) - set(full) <= seen
