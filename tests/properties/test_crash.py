"""A crash at any commit leaves the same deliveries, and nobody gets a message twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from engine_shop import MONDAY, WORKSHOP, EngineShop, definition, delay, email, split
from headrace.channels.port import Envelope, Result, Sent
from headrace.clock import SystemClock
from headrace.engine.core import Core, Limits
from headrace.engine.setup import build_core
from headrace.engine.virtual import advance_clock
from headrace.ids import SeededIds
from headrace.model import Channel, DeliveryState
from headrace.storage.database import Connection, Database

PEOPLE = [f"person{number}" for number in range(12)]
MOST_COMMITS = 60
"""More transactions than the story takes; a crash that never comes leaves the story as it is."""


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A pool over a fresh, migrated database."""
    pool = await Database.connect(database_dsn, size=8)
    yield pool
    await pool.close()


class Crash(BaseException):
    """The process is gone; no handler of errors may see it."""


class CrashingDatabase(Database):
    """A database whose process dies at one of its commits, just before it or just after."""

    __slots__ = ("_countdown", "_keeps")

    @classmethod
    def over(cls, database: Database, countdown: int, keeps: bool) -> CrashingDatabase:
        """Return a view of `database` that crashes at its `countdown`th commit; `keeps` commits it first."""
        made = cls(database.dsn, database._pool, database._errands, size=8)
        made._countdown, made._keeps = countdown, keeps
        return made

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a transaction; the one in question crashes."""
        self._countdown -= 1
        crashes = self._countdown == 0
        async with super().transaction() as connection:
            yield connection
            if crashes and not self._keeps:
                raise Crash
        if crashes:
            raise Crash


class Outbox:
    """A provider that remembers what it was given; `safe` ones promise to deliver each id once."""

    name = "outbox"

    def __init__(self, safe: bool) -> None:
        self.honors_idempotency_key = safe
        self.given: list[str] = []

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Take every message."""
        self.given += [envelope.to for envelope in envelopes]
        return [Sent(str(envelope.passage.delivery_id)) for envelope in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


class LateClock:
    """System time an hour on, when every lease of the crashed process has lapsed."""

    def now(self) -> object:
        """Return the moment."""
        return SystemClock().now() + timedelta(hours=1)


def engine(database: Database, outbox: Outbox) -> Core:
    """Return an engine that works in small batches, so that a story takes many commits."""
    limits = Limits(entering=5, advancing=5, delivering=3)
    providers = {Channel.EMAIL: outbox}
    return build_core(database, WORKSHOP, ids=SeededIds(3), name="crashing", providers=providers, limits=limits)


async def prepare(database: Database) -> EngineShop:
    """Return a shop in which an event has started nothing yet: delay, sample, e-mail or nothing, e-mail."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    sample = {"type": "profile-sample", "percentage": 50}
    await shop.flow(
        definition(
            metric,
            delay("wait", "half"),
            split("half", sample, "first", "second"),
            email("first", template, "second"),
            email("second", template, smart_sending_enabled=True),
        )
    )
    await shop.events("Checkout Started", PEOPLE)
    return shop


async def live(core: Core, shop: EngineShop) -> None:
    """Let two hours pass."""
    await advance_clock(core, shop.account.account_id, MONDAY + timedelta(hours=2))


async def deliveries(shop: EngineShop) -> list[tuple[str, str, int, object]]:
    """Return person, message, state and moment of every delivery."""
    rows = await shop.database.fetch(
        "SELECT d.profile_id, m.name, d.state, d.sent_at FROM delivery d JOIN flow_message m USING (message_id) "
    )
    names = {profile_id: name for name, profile_id in shop.people.items()}
    return sorted((names[row["profile_id"]], row["name"], row["state"], row["sent_at"]) for row in rows)


async def counts(shop: EngineShop) -> tuple[int, int, int, int]:
    """Return how many runs ended, events of delivery, interactions and counted deliveries there are."""
    async with shop.database.connection() as connection:
        values = [
            await connection.fetch_value(query)
            for query in (
                "SELECT count(*) FROM run WHERE state = 1",
                "SELECT count(*) FROM event JOIN metric USING (metric_id) WHERE name = 'Received Email'",
                "SELECT count(*) FROM interaction",
                "SELECT coalesce(sum(delivered), 0) FROM message_delta",
            )
        ]
    return values[0], values[1], values[2], values[3]


@pytest.mark.parametrize("keeps", [False, True], ids=["before the commit", "after the commit"])
async def test_a_crash_at_any_commit_leaves_the_same_deliveries(database: Database, keeps: bool) -> None:
    """Whichever commit the process dies at, another one ends the story alike, with a provider that takes ids."""
    shop = await prepare(database)
    template = await freeze(database)
    outbox = Outbox(safe=True)
    await live(engine(database, outbox), shop)
    expected, expected_counts = await deliveries(shop), await counts(shop)
    assert len(PEOPLE) == len(expected)

    for commit in range(1, MOST_COMMITS):
        await thaw(database, template)
        crashed = await run_until_crash(CrashingDatabase.over(database, commit, keeps), shop)
        survivor = replace(engine(database, Outbox(safe=True)), clock=LateClock())
        await live(survivor, shop)

        assert expected == await deliveries(shop), f"after a crash at commit {commit}"
        assert expected_counts == await counts(shop), f"after a crash at commit {commit}"
        if not crashed:
            break
    assert commit > 10


async def test_a_crash_never_mails_twice_over_a_provider_without_ids(database: Database) -> None:
    """Where a provider cannot tell a repetition, what was in flight stays unconfirmed and is not sent again."""
    shop = await prepare(database)
    template = await freeze(database)
    seen: set[int] = set()
    for commit in range(1, MOST_COMMITS):
        await thaw(database, template)
        outbox = Outbox(safe=False)
        crashed = await run_until_crash(CrashingDatabase.over(database, commit, False), shop, outbox)
        survivor = replace(engine(database, outbox), clock=LateClock())
        await live(survivor, shop)

        states = {state for _, _, state, _ in await deliveries(shop)}
        assert states <= {DeliveryState.SENT, DeliveryState.UNCONFIRMED}
        seen |= states
        per_person = {address: outbox.given.count(address) for address in outbox.given}
        asked = [person for person, *_ in await deliveries(shop)]
        assert all(count <= asked.count(address.partition("@")[0]) for address, count in per_person.items())
        assert len(PEOPLE) == len(asked), f"after a crash at commit {commit}"
        if not crashed:
            break
    assert commit > 10
    assert {DeliveryState.SENT, DeliveryState.UNCONFIRMED} == seen


async def run_until_crash(database: CrashingDatabase, shop: EngineShop, outbox: Outbox | None = None) -> bool:
    """Run an engine until its process dies; return whether it did."""
    try:
        await live(engine(database, outbox or Outbox(safe=True)), shop)
    except Crash:
        return True
    return False


TABLES = ("account", "event", "event_key", "pending", "run", "journal", "delivery", "interaction", "message_delta")


async def freeze(database: Database) -> dict[str, list[object]]:
    """Remember the rows of every table that the engine writes."""
    return {table: [dict(row) for row in await database.fetch(f"SELECT * FROM {table}")] for table in TABLES}


async def thaw(database: Database, rows: dict[str, list[object]]) -> None:
    """Put the remembered rows back."""
    async with database.transaction() as transaction:
        for table in TABLES:
            await transaction.execute(f"DELETE FROM {table}")
            for row in rows[table]:
                names = list(row)
                marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
                await transaction.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE VALUES ({marks})",
                    *row.values(),
                )
