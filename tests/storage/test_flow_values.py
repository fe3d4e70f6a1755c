"""The flow-values report over a database: rows, groups, names and what it refuses."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from headrace.errors import Invalid
from headrace.model import Channel
from headrace.reports.flow_values import Row, flow_values
from headrace.reports.request import read_request
from headrace.storage.database import Database
from headrace.storage.interactions import Kind
from headrace.storage.rollups import fold
from report_factories import NOON, Shop, minutes

NAMED = """
INSERT INTO flow (flow_id, account_id, name, status, trigger_type, version, created_at, updated_at)
VALUES ('FLOW01', 'AAAAAA', 'Abandoned Cart', 'live', 'Metric', 1, $1, $1)
"""
TAGGED = """
WITH made AS (
    INSERT INTO tag (tag_id, account_id, tag_group_id, name)
    VALUES ('t1', 'AAAAAA', 'g', 'cart'), ('t2', 'AAAAAA', 'g', 'money')
)
INSERT INTO tag_flow (account_id, tag_id, flow_id) VALUES ('AAAAAA', 't1', 'FLOW01'), ('AAAAAA', 't2', 'FLOW01')
"""


@pytest.fixture
async def shop(database_dsn: str) -> AsyncIterator[Shop]:
    """A shop over a fresh database that sent two messages; one was opened and led to an order."""
    database = await Database.connect(database_dsn, size=4)
    shop = await Shop.open(database)
    opened, ignored = await shop.send(), await shop.send(profile_id="P2", channel=Channel.SMS, message_id="MESS02")
    await shop.record(*(each.interaction(Kind.DELIVERED, NOON) for each in (opened, ignored)))
    await shop.record(opened.interaction(Kind.OPENED, NOON + minutes(1)))
    await shop.attribute(await shop.candidate(NOON + minutes(2), value="20"))
    yield shop
    await database.close()


async def report(shop: Shop, **changes: Any) -> list[Row]:
    """Return the report of today, as the API asks for it."""
    attributes = {"statistics": ["recipients", "open_rate", "conversion_value"], "timeframe": {"key": "today"}}
    request = read_request({**attributes, "conversion_metric_id": await shop.metric(), **changes})
    return await flow_values(shop.database, shop.account, request, NOON)


async def test_each_message_has_a_row_before_and_after_folding(shop: Shop) -> None:
    """The figures are the same from deltas and from roll-ups, ordered by flow and message."""
    expected = [
        Row(
            {"flow_id": "FLOW01", "flow_message_id": "MESS01", "send_channel": "email"},
            {"recipients": 1, "open_rate": 1.0, "conversion_value": 20.0},
        ),
        Row(
            {"flow_id": "FLOW01", "flow_message_id": "MESS02", "send_channel": "sms"},
            {"recipients": 1, "open_rate": 0.0, "conversion_value": 0.0},
        ),
    ]
    assert await report(shop) == expected
    await fold(shop.database, shop.account.account_id)
    assert await report(shop) == expected


async def test_a_frame_without_sends_has_no_rows(shop: Shop) -> None:
    """Empty groups are not shown, and opens count on the day of the send only."""
    assert await report(shop, timeframe={"key": "yesterday"}) == []


async def test_another_metric_converts_nothing(shop: Shop) -> None:
    """Conversions are those of the metric asked for."""
    rows = await report(shop, conversion_metric_id=await shop.metric("Viewed Product"))
    assert [row.statistics["conversion_value"] for row in rows] == [0.0, 0.0]


async def test_an_unknown_conversion_metric_is_refused(shop: Shop) -> None:
    """A metric that the account does not have gives a problem with its pointer."""
    with pytest.raises(Invalid, match='"NOSUCH" is not a metric of this account') as caught:
        await report(shop, conversion_metric_id="NOSUCH")
    assert caught.value.pointer == "/data/attributes/conversion_metric_id"


async def test_names_and_tags_come_from_the_definitions(shop: Shop) -> None:
    """A flow with two tags is in two rows, with its name."""
    async with shop.database.transaction() as transaction:
        await transaction.execute(NAMED, NOON)
        await transaction.execute(TAGGED)
    rows = await report(
        shop,
        group_by=["flow_id", "flow_message_id", "flow_name", "tag_name"],
        filter='and(equals(send_channel,"email"),contains-any(tag_name,["cart"]))',
    )
    assert [list(row.groupings.values()) for row in rows] == [
        ["FLOW01", "MESS01", "Abandoned Cart", "cart"],
        ["FLOW01", "MESS01", "Abandoned Cart", "money"],
    ]
