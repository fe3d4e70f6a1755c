"""Roll-ups: folding deltas, once and completely, in the account's zone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from headrace.storage.database import Database
from headrace.storage.interactions import Kind
from headrace.storage.rollups import FOLD_LOCK, fold, fold_all
from headrace.storage.slots import Grain
from report_factories import NOON, Shop, minutes


@pytest.fixture
async def shop(database_dsn: str) -> AsyncIterator[Shop]:
    """A shop in New York over a fresh database."""
    database = await Database.connect(database_dsn, size=8)
    yield await Shop.open(database, "America/New_York")
    await database.close()


async def deliver(shop: Shop, *moments: datetime) -> None:
    """Record one delivered e-mail per moment, in one batch."""
    sent = [await shop.send(at, profile_id=f"P{number}") for number, at in enumerate(moments)]
    await shop.record(*(each.interaction(Kind.DELIVERED, at) for each, at in zip(sent, moments, strict=True)))


async def test_folding_makes_quarters_days_and_months_and_leaves_no_delta(shop: Shop) -> None:
    """A send late in the evening of New York belongs to its local day and month, whatever UTC says."""
    late = datetime(2026, 4, 1, 3, 50, tzinfo=UTC)
    await deliver(shop, late, late + minutes(20))
    assert await fold(shop.database, shop.account.account_id)
    assert await shop.rows("message_delta") == []
    assert await shop.rows("message_rollup", "grain, slot, delivered", "grain, slot") == [
        (Grain.QUARTER, datetime(2026, 4, 1, 3, 45, tzinfo=UTC), 1),
        (Grain.QUARTER, datetime(2026, 4, 1, 4, 0, tzinfo=UTC), 1),
        (Grain.DAY, datetime(2026, 3, 31, 4, tzinfo=UTC), 1),
        (Grain.DAY, datetime(2026, 4, 1, 4, tzinfo=UTC), 1),
        (Grain.MONTH, datetime(2026, 3, 1, 5, tzinfo=UTC), 1),
        (Grain.MONTH, datetime(2026, 4, 1, 4, tzinfo=UTC), 1),
    ]


async def test_folding_adds_to_what_was_folded(shop: Shop) -> None:
    """Three folds, one of them without deltas, sum up."""
    for _ in range(2):
        await deliver(shop, NOON)
        await fold(shop.database, shop.account.account_id)
    await fold(shop.database, shop.account.account_id)
    assert await shop.rows("message_rollup", "grain, delivered", "grain") == [(0, 2), (1, 2), (2, 2)]


async def test_a_new_zone_derives_days_anew(shop: Shop) -> None:
    """After the account has moved, days and months start at its new midnight and no old ones are left."""
    await deliver(shop, NOON)
    await fold(shop.database, shop.account.account_id)
    async with shop.database.transaction() as transaction:
        await transaction.execute("UPDATE account SET timezone = 'Asia/Kathmandu'")
    assert await fold_all(shop.database) == 1
    assert await shop.rows("message_rollup", "grain, slot", "grain") == [
        (Grain.QUARTER, NOON),
        (Grain.DAY, datetime(2026, 3, 9, 18, 15, tzinfo=UTC)),
        (Grain.MONTH, datetime(2026, 2, 28, 18, 15, tzinfo=UTC)),
    ]
    assert await shop.rows("rollup_zone", "timezone") == [("Asia/Kathmandu",)]


async def test_one_folder_at_a_time(shop: Shop) -> None:
    """While somebody else holds the account's lock, folding says False and touches nothing."""
    await deliver(shop, NOON)
    async with shop.database.transaction() as other:
        await other.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", FOLD_LOCK, shop.account.account_id)
        assert not await fold(shop.database, shop.account.account_id)
    assert len(await shop.rows("message_delta")) == 1


async def test_folders_and_recorders_at_once_lose_nothing(shop: Shop) -> None:
    """Batches recorded while folders are at work are all there in the end, once."""

    async def record(number: int) -> None:
        sent = await shop.send(NOON + timedelta(hours=number), profile_id=f"Q{number}")
        await shop.record(sent.interaction(Kind.DELIVERED, NOON))

    folders = (fold(shop.database, shop.account.account_id) for _ in range(10))
    await asyncio.gather(*(record(number) for number in range(20)), *folders)
    await fold(shop.database, shop.account.account_id)
    assert await shop.rows("message_rollup", "grain, sum(delivered)", "grain", "grain") == [(0, 20), (1, 20), (2, 20)]


async def test_folding_all_takes_only_accounts_with_something_to_fold(shop: Shop) -> None:
    """An account without deltas is passed over, and one that does not exist is no error."""
    await Shop.open(shop.database, "UTC", "BBBBBB")
    await deliver(shop, NOON)
    assert await fold_all(shop.database) == 1
    assert await fold_all(shop.database) == 0
    assert not await fold(shop.database, "NOBODY")


async def test_an_account_that_cannot_be_folded_holds_up_no_other(shop: Shop) -> None:
    """The one whose sums no longer fit keeps its deltas; the accounts after it are folded."""
    other = await Shop.open(shop.database, "UTC", "ZZZZZZ")
    await deliver(shop, NOON)
    await deliver(shop, NOON)
    await deliver(other, NOON)
    async with shop.database.transaction() as transaction:
        own = shop.account.account_id
        most = 2**63 - 1
        await transaction.execute("UPDATE message_delta SET spend_millionths = $2 WHERE account_id = $1", own, most)

    assert await fold_all(shop.database) == 1
    with pytest.raises(asyncpg.NumericValueOutOfRangeError):
        await fold_all(shop.database)
    assert await shop.rows("message_rollup", "DISTINCT account_id") == [("ZZZZZZ",)]
    assert await shop.rows("message_delta", "account_id, count(*)", group="account_id") == [(own, 2)]
