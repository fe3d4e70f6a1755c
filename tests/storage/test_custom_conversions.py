"""Reports by custom metrics: what is counted, what is summed, and what an account's revenue is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from headrace.clock import SystemClock
from headrace.errors import Invalid
from headrace.ids import SeededIds
from headrace.model import Channel
from headrace.reports.flow_figures import flow_figures
from headrace.reports.flow_values import flow_values, recount
from headrace.reports.request import read_request
from headrace.storage.custom_metrics import check_definition, create_custom_metric
from headrace.storage.database import Database
from headrace.storage.events import NewEvent, insert_quietly
from headrace.storage.interactions import Kind
from headrace.storage.mapped_metrics import Mapped, map_metric
from headrace.storage.partitions import Partitions
from headrace.storage.report_query import Edges
from report_factories import NOON, Sent, Shop, minutes

STATISTICS = ["conversions", "conversion_uniques", "conversion_value"]
ONLINE = {"property": "Channel", "filter": {"type": "string", "operator": "equals", "value": "online"}}


@pytest.fixture
async def shop(database_dsn: str) -> AsyncIterator[Shop]:
    """A shop over a fresh database."""
    database = await Database.connect(database_dsn, size=4)
    yield await Shop.open(database)
    await database.close()


async def opened(shop: Shop, profile_id: str = "P1", channel: Channel = Channel.EMAIL) -> Sent:
    """Send a message that somebody clicks."""
    sent = await shop.send(profile_id=profile_id, channel=channel)
    await shop.record(sent.interaction(Kind.DELIVERED, NOON), sent.interaction(Kind.CLICKED, NOON + minutes(1)))
    return sent


async def bought(shop: Shop, metric: str, value: str, minute: int, profile_id: str = "P1", **properties: Any) -> None:
    """Record an event and attribute it."""
    at = NOON + minutes(minute)
    one = await shop.candidate(at, profile_id=profile_id, metric=metric, value=value)
    await Partitions(shop.database, SystemClock()).ensure("event", [at])
    event = NewEvent(one.bucket, profile_id, one.metric_id, str(one.number), one.number, at, properties, Decimal(value))
    async with shop.database.transaction() as transaction:
        assert {one.number} == await insert_quietly(transaction, shop.account.account_id, [event])
    assert {one.number} == await shop.attribute(one)


async def custom(shop: Shop, *groups: dict[str, Any], method: str = "value", name: str = "Net") -> str:
    """Keep a custom metric and return its id; each group names its metric by name."""
    made = [{**one, "metric_id": await shop.metric(one["metric_id"])} for one in groups]
    document = {"aggregation_method": method, "metric_groups": made}
    async with shop.database.transaction() as transaction:
        checked = await check_definition(transaction, shop.account.account_id, document, "")
        place = (transaction, shop.account.account_id, SeededIds(len(name)))
        return await create_custom_metric(*place, name, checked, NOON)


async def report(shop: Shop, conversion_metric_id: str) -> list[tuple[int | float, ...]]:
    """Return the conversions, uniques and value of each row of today's report, which a recount must agree with."""
    attributes = {"statistics": STATISTICS, "timeframe": {"key": "today"}, "conversion_metric_id": conversion_metric_id}
    place = (shop.database, shop.account, read_request(attributes), NOON + timedelta(hours=1))
    rows = await flow_values(*place)
    assert rows == await recount(*place)
    return [tuple(row.statistics[name] for name in STATISTICS) for row in rows]


async def test_several_metrics_are_added_together(shop: Shop) -> None:
    """Conversions and values add up; a message that led to both counts once among the uniques."""
    await opened(shop)
    await bought(shop, "Placed Order", "20", 2)
    await bought(shop, "Booked Table", "5.5", 3)
    await bought(shop, "Viewed Product", "99", 4)
    groups = [{"metric_id": "Placed Order"}, {"metric_id": "Booked Table"}]
    assert [(2, 1, 25.5)] == await report(shop, await custom(shop, *groups))
    assert [(2, 1, 0.0)] == await report(shop, await custom(shop, *groups, method="count", name="Count"))


async def test_events_are_filtered_by_their_properties(shop: Shop) -> None:
    """Only events that pass count, each group with the property it sums."""
    await opened(shop)
    await opened(shop, "P2")
    await bought(shop, "Placed Order", "20", 2, Channel="online", Tax=2)
    await bought(shop, "Placed Order", "30", 3, Channel="retail", Tax=3)
    await bought(shop, "Placed Order", "40", 3, "P2", Channel="online", Tax="4.25")
    filtered = {"metric_id": "Placed Order", "metric_filters": [ONLINE]}
    assert [(2, 2, 60.0)] == await report(shop, await custom(shop, filtered))
    assert [(2, 2, 6.25)] == await report(shop, await custom(shop, {**filtered, "value_property": "Tax"}, name="Taxes"))
    both = [filtered, {"metric_id": "Placed Order"}]
    assert [(5, 2, 150.0)] == await report(shop, await custom(shop, *both, name="Both"))


async def test_a_custom_metric_without_conversions_counts_nothing(shop: Shop) -> None:
    """Messages keep their rows; an id that is no metric of either kind is refused."""
    await opened(shop)
    assert [(0, 0, 0.0)] == await report(shop, await custom(shop, {"metric_id": "Placed Order"}))
    with pytest.raises(Invalid, match="not a metric"):
        await report(shop, "0" * 32)


async def test_revenue_is_what_an_account_maps(shop: Shop) -> None:
    """The metric, or custom metric, that is mapped to revenue takes the place of the usual one."""
    await opened(shop, channel=Channel.SMS)
    await bought(shop, "Placed Order", "20", 2)
    await bought(shop, "Booked Table", "5", 3)
    metric, account_id = await shop.metric(), shop.account.account_id
    both = await custom(shop, {"metric_id": "Placed Order"}, {"metric_id": "Booked Table"})
    targets = [
        Mapped(),
        Mapped(metric_id=await shop.metric("Booked Table")),
        Mapped(custom_metric_id=both),
    ]
    asked = {"statistics": ["text_message_roi"], "timeframe": {"key": "today"}, "conversion_metric_id": metric}
    found = []
    for target in targets:
        async with shop.database.transaction() as transaction:
            await map_metric(transaction, account_id, "revenue", target, NOON)
        edges = Edges([NOON - minutes(60), NOON + minutes(60)])
        rows = await flow_figures(shop.database, shop.account, read_request(asked), edges, recounted=False)
        found += [total.revenue_millionths // 1_000_000 for row in rows for total in row.totals.values()]
    assert [20, 5, 25] == found
