"""What is wrong with a request for the aggregates of a metric is told where it is."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from metric_events import AGGREGATES, ATTRIBUTES, END, START, Shop, body, refused, within


@pytest.fixture
def shop(api: Api) -> Shop:
    """The shop of the account under test."""
    return Shop(api)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"metric_id": None}, "metric_id"),
        ({"metric_id": "NOSUCH"}, "metric_id"),
        ({"measurements": []}, "measurements"),
        ({"measurements": "count"}, "measurements"),
        ({"measurements": ["average"]}, "measurements"),
        ({"interval": "daily"}, "interval"),
        ({"by": ["Brand"]}, "by"),
        ({"by": "URL"}, "by"),
        ({"timezone": "america/new_york"}, "timezone"),
        ({"timezone": "Europe/Kyiv"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"page_size": 499}, "page_size"),
        ({"page_size": True}, "page_size"),
        ({"page_size": 10_001}, "page_size"),
        ({"page_cursor": 7}, "page_cursor"),
        ({"return_fields": ["count"]}, "return_fields"),
        ({"sort": "-timestamp"}, "sort"),
        ({"sort": "URL"}, "sort"),
        ({"sort": "unique"}, "sort"),
        ({"sort": 1}, "sort"),
        ({"group_by": ["URL"]}, "group_by"),
        ({"filter": None}, "filter"),
        ({"filter": "greater-or-equal(datetime,2026-11-02)"}, "filter"),
        ({"filter": []}, "filter"),
        ({"filter": ["less-than(datetime,2026-11-02)"]}, "filter"),
        ({"filter": within(END, START)}, "filter"),
        ({"filter": within(START, START)}, "filter"),
        ({"filter": within("2025-11-01T00:00:00", "2026-11-01T00:00:01")}, "filter"),
        ({"filter": ["equals(URL,'a')"] * 51}, "filter"),
        ({"filter": within("yesterday", END)}, "filter/0"),
        ({"filter": within("2026-11-31", END)}, "filter/0"),
        ({"filter": within("0001-01-01T00:00:00+14:00", END)}, "filter/0"),
        ({"filter": within(START, "9999-12-31T23:59:59-12:00")}, "filter/1"),
        ({"filter": within(START, END, "less-than(datetime,2026-11-03)")}, "filter/2"),
        ({"filter": within(START, END, "less-or-equal(datetime,2026-11-03)")}, "filter/2"),
        ({"filter": within(START, END, "not(less-than(datetime,2026-11-03))")}, "filter/2"),
        ({"filter": within(START, END, "equals(Brand,'Acme')")}, "filter/2"),
        ({"filter": within(START, END, "contains(URL,'a')")}, "filter/2"),
        ({"filter": within(START, END, "equals(URL,['a','b'])")}, "filter/2"),
        ({"filter": within(START, END, "any(URL,[])")}, "filter/2"),
        ({"filter": within(START, END, "equals(URL,null)")}, "filter/2"),
        ({"filter": within(START, END, "equals(URL,'a'")}, "filter/2"),
        ({"filter": within(START, END, "not(and(equals(URL,'a'),equals(URL,'b')))")}, "filter/2"),
        ({"filter": [*within(), 7]}, "filter/2"),
    ],
)
async def test_mistakes_are_told_where_they_are(api: Api, shop: Shop, changes: dict[str, Any], pointer: str) -> None:
    """Each is a 400 that points at the member."""
    answer = await api.post(AGGREGATES, body(**{"metric_id": await shop.metric(), **changes}))
    assert [f"{ATTRIBUTES}/{pointer}"] == refused(answer)


async def test_several_mistakes_are_told_at_once(api: Api) -> None:
    """Every member's."""
    asked = body("", measurements=["x", "count"], interval="year", by=["x"], filter=["x"], timezone=1, page_size="1")
    expected = ["measurements", "by", "timezone", "filter/0", "metric_id", "interval", "page_size"]
    assert [f"{ATTRIBUTES}/{one}" for one in expected] == refused(await api.post(AGGREGATES, asked))
