"""The laws of series: at every moment they equal a recount of raw rows, and add up to the values of their timeframe."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from headrace.model import Channel
from headrace.reports.flow_series import flow_series, recount
from headrace.reports.flow_values import Row, flow_values
from headrace.reports.intervals import INTERVALS, buckets_of
from headrace.reports.request import FlowSeriesRequest, FlowValuesRequest
from headrace.reports.statistics import STATISTICS
from headrace.reports.timeframes import CustomFrame, span_of
from headrace.storage.database import Database
from headrace.storage.message_events import Kind
from headrace.storage.rollups import fold
from headrace.storage.slots import Span
from report_factories import Sent, Shop

ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "Africa/Cairo")
CHANGES = [datetime.fromisoformat(f"{text}+00:00") for text in (
    "2025-10-04T15:30", "2025-11-02T06:00", "2025-10-30T21:00", "2025-12-31T18:15", "2026-03-08T07:00",
)]  # fmt: skip
"""Where the clocks of the zones change, or a year ends."""
ALL = tuple(statistic.name for statistic in STATISTICS)
ADDITIVE = tuple(
    name
    for name in ALL
    if not name.endswith(("_rate", "_roi")) and name not in ("average_order_value", "revenue_per_recipient")
)
LENGTHS = {"hourly": 7 * 24, "daily": 60 * 24, "weekly": 364 * 24, "monthly": 364 * 24}
"""Hours of the longest timeframe of an interval."""

moments = st.builds(
    lambda at, minutes, seconds: at + timedelta(minutes=15 * minutes, seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-300, 300),
    st.sampled_from((0, 0, 1, 899)),
)
histories = st.lists(
    st.tuples(moments, st.sampled_from(("send", "send", "open", "order", "fold")), st.integers(0, 2)), max_size=14
)


async def happen(shop: Shop, history: list[tuple[datetime, str, int]]) -> None:
    """Let messages be sent, opened, followed by orders, and their deltas folded, in this order."""
    sent: list[tuple[Sent, datetime]] = []
    for at, what, which in history:
        one = sent[which % len(sent)] if sent else None
        match what:
            case "send":
                channel = Channel.EMAIL if which else Channel.SMS
                delivery = await shop.send(at, message_id=f"MESS{which}", channel=channel, profile_id=f"P{which}")
                await shop.record(delivery.interaction(Kind.DELIVERED, at))
                sent.append((delivery, at))
            case "open" if one:
                await shop.record(one[0].interaction(Kind.CLICKED, one[1] + timedelta(minutes=3)))
            case "order" if one:
                moment = (one[1] + timedelta(minutes=4)).replace(microsecond=0)
                await shop.attribute(await shop.candidate(moment, profile_id=one[0].profile_id, value="19.99"))
            case _:
                assert await fold(shop.database, shop.account.account_id)


@st.composite
def asked(draw: st.DrawFn) -> tuple[str, CustomFrame]:
    """An interval and a timeframe that it is offered for, often with cut quarter-hours, around the changes."""
    interval = draw(st.sampled_from(sorted(INTERVALS)))
    longest = LENGTHS[interval] * 3600
    start = draw(moments).replace(tzinfo=None) - timedelta(seconds=draw(st.integers(0, longest // 2)))
    return interval, CustomFrame(start, start + timedelta(seconds=draw(st.integers(1, longest))))


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
    history=histories,
    after=st.sampled_from((None, None, "fold", *ZONES)),
    requests=st.lists(asked(), min_size=1, max_size=3),
)
async def test_a_series_equals_a_recount_and_adds_up(
    database: Database,
    zone: str,
    history: list[tuple[datetime, str, int]],
    after: str | None,
    requests: list[tuple[str, CustomFrame]],
) -> None:
    """Folded or not, or while the roll-ups hold the days of another zone: every bucket is what values say of it."""
    shop = await Shop.open(database, zone, f"ACC{next(numbers)}")
    metric = await shop.metric()
    await happen(shop, [(CHANGES[0], "send", 1), (CHANGES[1], "send", 0), *history])
    if after == "fold":
        await fold(database, shop.account.account_id)
    elif after is not None:
        await _move(shop, after)
    for interval, frame in requests:
        await _check(shop, FlowSeriesRequest(FlowValuesRequest(ALL, frame, metric), interval))


async def _move(shop: Shop, zone: str) -> None:
    async with shop.database.transaction() as transaction:
        statement = "UPDATE account SET timezone = $2 WHERE account_id = $1"
        await transaction.execute(statement, shop.account.account_id, zone)
    shop.account = replace(shop.account, timezone=zone)


async def _check(shop: Shop, request: FlowSeriesRequest) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    found = await flow_series(shop.database, shop.account, request, now)
    assert await recount(shop.database, shop.account, request, now) == found
    values = await flow_values(shop.database, shop.account, request.values, now)
    assert [row.groupings for row in values] == [groupings for groupings, _ in found.rows()]
    for row, (_, figures) in zip(values, found.rows(), strict=True):
        sums = {name: sum(figures[name]) for name in ADDITIVE}
        assert {name: row.statistics[name] for name in ADDITIVE} == pytest.approx(sums)
        rates = [one for name in ALL if name.endswith("_rate") for one in figures[name]]
        assert all(0 <= one <= 1 for one in rates)
    await _check_some_buckets(shop, request, now)


async def _check_some_buckets(shop: Shop, request: FlowSeriesRequest, now: datetime) -> None:
    """Compare the first buckets that something was sent in, and the last, with the values between their edges."""
    zone = ZoneInfo(shop.account.timezone)
    found = await flow_series(shop.database, shop.account, request, now)
    edges = buckets_of(span_of(request.values.timeframe, zone, now), request.interval, zone).edges
    filled = sorted({place for group in found.groups for place in group.totals})
    spans = list(pairwise(edges))
    for place in {*filled[:3], len(spans) - 1}:
        frame = CustomFrame(*(edge.astimezone(zone).replace(tzinfo=None) for edge in spans[place]))
        if not found.date_times or span_of(frame, zone, now) != Span(*spans[place]):
            # A wall clock that shows a time twice cannot name the later one.
            continue
        values = await flow_values(shop.database, shop.account, replace(request.values, timeframe=frame), now)
        shown = [
            Row(groupings, {name: figures[name][place] for name in ALL})
            for (groupings, figures), group in zip(found.rows(), found.groups, strict=True)
            if place in group.totals
        ]
        assert values == shown
