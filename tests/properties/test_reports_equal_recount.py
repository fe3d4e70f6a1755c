"""The law of reports: at every moment a report equals a recount of raw rows."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from headrace.model import Channel
from headrace.reports.flow_values import flow_values, recount
from headrace.reports.request import FlowValuesRequest
from headrace.reports.statistics import STATISTICS
from headrace.reports.timeframes import KEYS, CustomFrame
from headrace.storage.database import Database
from headrace.storage.message_events import METRIC_NAMES
from headrace.storage.rollups import fold
from headrace.storage.slots import quarter_of
from report_factories import Sent, Shop

ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "Pacific/Chatham", "Africa/Cairo")
EPOCH = datetime(2025, 9, 1, tzinfo=UTC)
CHANGES = [datetime.fromisoformat(text + "+00:00") for text in (
    "2025-10-04T15:30", "2025-11-02T06:00", "2025-10-30T21:00", "2026-01-01T00:00", "2025-12-31T18:15",
    "2026-03-08T07:00", "2026-04-04T15:00", "2026-04-23T22:00",
)]  # fmt: skip
"""Where the clocks of the zones change, or a year ends."""
KINDS = {channel: [kind for of, kind in METRIC_NAMES if of is channel] for channel in (Channel.EMAIL, Channel.SMS)}
ALL = tuple(statistic.name for statistic in STATISTICS)


@dataclass
class World:
    """A shop under test and what was sent in it."""

    shop: Shop
    zone: str
    metric: str
    sent: list[tuple[Sent, datetime]] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """A present that everything was sent before."""
        return max([EPOCH, *(at for _, at in self.sent)])

    async def send(self, at: datetime, person: int, message: int, channel: Channel) -> None:
        """Attempt a delivery."""
        rest: dict[str, Any] = {"format": "sms", "segments": 2} if channel is Channel.SMS else {}
        sent = await self.shop.send(
            at,
            profile_id=f"P{person}",
            message_id=f"MESS{message}",
            channel=channel,
            flow_id=f"FLOW{message % 2}",
            **rest,
        )
        self.sent.append((sent, at))

    async def record(self, picks: list[tuple[int, int, int]]) -> None:
        """Record a batch: (delivery, kind, minutes after the send)."""
        items = []
        for which, kind, delay in picks if self.sent else []:
            sent, at = self.sent[which % len(self.sent)]
            kinds = KINDS[sent.channel]
            items.append(sent.interaction(kinds[kind % len(kinds)], at + timedelta(minutes=delay)))
        await self.shop.record(*items)

    async def convert(self, picks: list[tuple[int, int, str]]) -> None:
        """Attribute a batch of orders: (delivery whose person orders, minutes after its send, value)."""
        events = []
        for which, delay, value in picks if self.sent else []:
            sent, at = self.sent[which % len(self.sent)]
            moment = (at + timedelta(minutes=delay)).replace(microsecond=0)
            events.append(await self.shop.candidate(moment, profile_id=sent.profile_id, value=value))
        await self.shop.attribute(*events)

    async def fold(self) -> None:
        """Fold what there is."""
        assert await fold(self.shop.database, self.shop.account.account_id)

    async def move(self, zone: str) -> None:
        """Give the account another zone."""
        async with self.shop.database.transaction() as transaction:
            await transaction.execute(
                "UPDATE account SET timezone = $2 WHERE account_id = $1", self.shop.account.account_id, zone
            )
        self.shop.account = replace(self.shop.account, timezone=zone)

    async def check(self, frame: str | CustomFrame) -> None:
        """Compare both ways to a report."""
        request = FlowValuesRequest(ALL, frame, self.metric, ("flow_id", "flow_message_id", "send_channel"))
        account, database = self.shop.account, self.shop.database
        fast = await flow_values(database, account, request, self.now)
        assert fast == await recount(database, account, request, self.now)
        for row in fast:
            assert all(0 <= value <= 1 for name, value in row.statistics.items() if name.endswith("_rate"))

    async def check_around(self, which: int) -> None:
        """Compare frames whose edges lie on the quarter-hour, day and month of a send, or just beside them."""
        local = (
            self.sent[which % len(self.sent)][1].astimezone(ZoneInfo(self.shop.account.timezone)).replace(tzinfo=None)
        )
        day = datetime(local.year, local.month, local.day)
        month, quarter = day.replace(day=1), quarter_of(local)
        await self.check(CustomFrame(day, day + timedelta(days=1)))
        await self.check(CustomFrame(month, (month + timedelta(days=32)).replace(day=1)))
        await self.check(CustomFrame(month - timedelta(days=3), month + timedelta(days=70)))
        await self.check(CustomFrame(quarter, day + timedelta(days=2, minutes=7)))


Action = Callable[[World], Awaitable[None]]

moments = st.one_of(
    st.builds(lambda at, shift: at + timedelta(minutes=15 * shift), st.sampled_from(CHANGES), st.integers(-120, 120)),
    st.builds(lambda seconds: EPOCH + timedelta(seconds=seconds), st.integers(0, 250 * 86_400)),
    st.builds(
        lambda at, seconds: at + timedelta(seconds=seconds), st.sampled_from(CHANGES), st.integers(-2_000, 2_000)
    ),
)


@st.composite
def custom_frames(draw: st.DrawFn) -> CustomFrame:
    """A custom timeframe of at most a year, often with cut quarter-hours."""
    start = draw(moments).replace(tzinfo=None) - timedelta(days=draw(st.sampled_from((0, 0, 1, 40))))
    length = draw(st.one_of(st.integers(1, 4_000), st.integers(1, 364 * 86_400)))
    return CustomFrame(start, start + timedelta(seconds=length))


frames = st.one_of(st.sampled_from(sorted(KEYS)), custom_frames())
small = st.integers(0, 20)
amounts = st.sampled_from(("19.99", "0.1", "-3"))
actions = st.one_of(
    st.builds(
        lambda at, person, message, channel: lambda world: world.send(at, person, message, channel),
        moments,
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from((Channel.EMAIL, Channel.EMAIL, Channel.SMS)),
    ),
    st.builds(
        lambda picks: lambda world: world.record(picks),
        st.lists(st.tuples(small, small, st.integers(0, 9_000)), min_size=1, max_size=6),
    ),
    st.builds(
        lambda picks: lambda world: world.convert(picks),
        st.lists(
            st.tuples(small, st.integers(0, 9_000), st.sampled_from(("19.99", "0.1", "-3"))), min_size=1, max_size=3
        ),
    ),
    st.just(lambda world: world.fold()),
    st.builds(lambda zone: lambda world: world.move(zone), st.sampled_from(ZONES)),
    st.builds(lambda frame: lambda world: world.check(frame), frames),
)


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A database that serves every example, each with an account of its own."""
    database = await Database.connect(database_dsn, size=4)
    yield database
    await database.close()


numbers = itertools.count()


PATIENT = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""No shrinking: every example costs a database some tenths of a second, and they are short."""


@settings(deadline=None, suppress_health_check=PATIENT, phases=PHASES)
@given(
    zone=st.sampled_from(ZONES),
    sends=st.lists(moments, min_size=1, max_size=5),
    steps=st.lists(actions, max_size=12),
    last=st.lists(frames, max_size=2),
)
async def test_a_report_equals_a_recount_at_every_moment(
    database: Database, zone: str, sends: list[datetime], steps: list[Action], last: list[str | CustomFrame]
) -> None:
    """Whatever was sent, recorded, bought and folded in whatever order and zone, both ways give the same rows."""
    shop = await Shop.open(database, zone, f"ACC{next(numbers)}")
    world = World(shop, zone, await shop.metric())
    for at in sends:
        await world.send(at, 0, 0, Channel.EMAIL)
        await world.record([(len(world.sent) - 1, 0, 0), (len(world.sent) - 1, 3, 1)])
    for step in steps:
        await step(world)
    await world.check_around(0)
    await world.fold()
    await world.check_around(0)
    await world.check_around(1)
    for frame in last:
        await world.check(frame)
