"""What a batch holds: one run per profile, turns for accounts, and the facts of many people at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.conditions.facts import EventTotal, Total
from headrace.engine import enter
from headrace.engine.advance import advance_batch
from headrace.engine.core import Limits
from headrace.engine.rings import LEAST_WIDTH
from headrace.engine.worker import Worker
from headrace.ids import BUCKETS, bucket_of
from headrace.storage.conversions import Candidate
from headrace.storage.database import Connection, Database
from headrace.storage.facts import load_memberships, load_profiles, load_totals
from headrace.storage.pending import claim_pending, oldest_pending
from headrace.storage.runs import claim_due

ALL = list(range(BUCKETS))


async def waiting_shop(database: Database, events: int, people: int, *, virtual: bool = True) -> EngineShop:
    """Return a shop in which each person has so many runs that wait for an hour."""
    shop = await EngineShop.open(database, virtual=virtual)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    await shop.flow(definition(metric, delay("wait", "mail"), email("mail", template)))
    names = [f"person{number}" for number in range(people)]
    for _ in range(events):
        await shop.events("Checkout Started", names)
    await shop.drain()
    return shop


async def test_a_batch_takes_one_run_of_each_profile(database: Database) -> None:
    """Three due runs of each of four people take three batches."""
    shop = await waiting_shop(database, events=3, people=4)
    later = MONDAY + timedelta(hours=1)

    counts = [await advance_batch(shop.core, shop.account.clock, ALL, later) for _ in range(4)]

    assert [4, 4, 4, 0] == counts


async def test_accounts_take_turns_in_a_batch(database: Database) -> None:
    """An account whose many runs were due earlier leaves half of a batch to another one."""
    crowd = await waiting_shop(database, events=1, people=40, virtual=False)
    few = await waiting_shop(database, events=1, people=5, virtual=False)
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE run SET resume_at = entered_at - interval '1 hour'")
        await transaction.execute("UPDATE run SET resume_at = entered_at WHERE account_id = $1", few.account.account_id)
        rows = await claim_due(transaction, 0, ALL, await few.now(), 10)

    found = [row["account_id"] for row in rows]
    assert (5, 5) == (found.count(crowd.account.account_id), found.count(few.account.account_id))


async def test_a_crowd_elsewhere_delays_nobody(database: Database) -> None:
    """Five runs that were due last are done within a round over the buckets, among thousands of another account."""
    crowd = await waiting_shop(database, events=1, people=3_000, virtual=False)
    few = await waiting_shop(database, events=1, people=5, virtual=False)
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE run SET resume_at = entered_at - interval '1 hour'")
        await transaction.execute("UPDATE run SET resume_at = entered_at WHERE account_id = $1", few.account.account_id)
    worker = Worker(replace(crowd.core, limits=Limits(advancing=64)))

    for _ in range(BUCKETS // LEAST_WIDTH):
        await worker.advance()

    states = await database.fetch("SELECT account_id, count(*) AS runs FROM run WHERE state = 0 GROUP BY 1")
    assert [crowd.account.account_id] == [row["account_id"] for row in states]
    assert states[0]["runs"] > 1_000


async def test_accounts_take_turns_among_accepted_events(database: Database) -> None:
    """The events of a flood and those of a trickle are worked out side by side, each account's in order."""
    crowd, few = await EngineShop.open(database), await EngineShop.open(database)
    await crowd.events("Active on Site", [f"person{number}" for number in range(40)])
    await few.events("Active on Site", [f"person{number}" for number in range(5)])

    async with database.transaction() as transaction:
        rows = await claim_pending(transaction, ALL, 10)

    found = [row["account_id"] for row in rows]
    assert (5, 5) == (found.count(crowd.account.account_id), found.count(few.account.account_id))
    order = [row["seq"] for row in rows if row["account_id"] == crowd.account.account_id]
    assert sorted(order) == order
    assert await oldest_pending(database) is not None


async def test_totals_of_many_people_and_spans_come_in_one_question(database: Database) -> None:
    """Counts and sums are those of the person, the metric and the span [since, until)."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Placed Order")
    for hours, person, value in ((0, "ana", "10.5"), (1, "ana", "20"), (2, "ana", None), (1, "ben", "7")):
        moment = MONDAY + timedelta(hours=hours)
        await shop.events("Placed Order", [person], occurred_at=moment, value=None if value is None else Decimal(value))

    def asked(person: str, need: EventTotal) -> tuple[int, str, str, EventTotal, object]:
        profile_id = shop.people[person]
        return bucket_of(profile_id), shop.account.account_id, profile_id, need, MONDAY

    hour = timedelta(hours=1)
    found = await load_totals(
        database,
        [
            asked("ana", EventTotal(metric)),
            asked("ben", EventTotal(metric)),
            asked("ana", EventTotal(metric, since=MONDAY + hour)),
            asked("ana", EventTotal(metric, until=MONDAY + hour)),
            asked("ana", EventTotal("NOMETR")),
        ],
    )

    assert [
        Total(3, Decimal("30.5")),
        Total(1, Decimal(7)),
        Total(2, Decimal(20)),
        Total(1, Decimal("10.5")),
        Total(0, Decimal(0)),
    ] == found


async def test_people_and_memberships_that_do_not_exist_are_left_out(database: Database) -> None:
    """Asking for somebody unknown is not an error."""
    shop = await EngineShop.open(database)
    vip = await shop.list_("VIP")
    ana = await shop.person("ana")
    await shop.join("ana", vip)
    account_id = shop.account.account_id

    people = await load_profiles(database, [(bucket_of(one), account_id, one) for one in (ana, "01NOBODY")])
    members = await load_memberships(
        database, [(bucket_of(one), account_id, one, group) for one in (ana, "01NOBODY") for group in (vip, "NOLIST")]
    )

    assert [(account_id, ana)] == list(people)
    assert "ana@example.com" == people[account_id, ana].email
    assert [(ana, vip, MONDAY)] == members


async def test_events_that_cannot_be_worked_out_hold_up_nobody_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many of them as fill a batch go behind those that arrived later, and stay."""
    shop = await EngineShop.open(database, limits=Limits(entering=2))
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    await shop.flow(definition(metric, delay("wait", "mail"), email("mail", template)))
    await shop.events("Checkout Started", ["bad1", "bad2", "ana"])
    sound, bad = enter.attribute_conversions, {shop.people["bad1"], shop.people["bad2"]}

    async def attribute(transaction: Connection, account_id: str, events: Sequence[Candidate], *rest: Any) -> set[int]:
        if any(event.profile_id in bad for event in events):
            raise ZeroDivisionError("a bug")
        return await sound(transaction, account_id, events, *rest)

    monkeypatch.setattr(enter, "attribute_conversions", attribute)
    with pytest.raises(ZeroDivisionError):
        await enter.enter_batch(shop.core, ALL)
    assert 1 == await enter.enter_batch(shop.core, ALL)

    assert [shop.people["ana"]] == [run["profile_id"] for run in await shop.runs()]
    waiting = await database.fetch("SELECT profile_id FROM pending")
    assert bad == {row["profile_id"] for row in waiting}
