"""The aggregates of a metric: events counted by dimensions and by hours, days, weeks or months."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from api_client import Api
from metric_events import AGGREGATES, ATTRIBUTES, END, START, Shop, body, moment, query, refused, rows, within

from headrace.api.revisions import SERVED
from headrace.model import Account, Channel
from headrace.storage.accounts import create_account

LONG = "x" * 900
"""More than a cursor holds of a group."""
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def shop(api: Api) -> Shop:
    """The shop of the account under test."""
    return Shop(api)


async def test_events_count_by_day(api: Api, shop: Shop) -> None:
    """Counts, sums and people of each day in UTC, zeros where there were no events; the end is excluded."""
    await shop.happen(
        (moment(2, 0), "ann", {"value": "10.5"}),
        (moment(2, 23, 59), "ann", {"value": "1"}),
        (moment(4), "bob", {}),
        (moment(4), "ann", {"value": "-2"}),
        (moment(5, 0), "ann", {"value": "100"}),
        (moment(1, 23, 59), "ann", {"value": "100"}),
    )
    shown = (await query(api, await shop.metric(), measurements=["count", "sum_value", "unique"]))["data"]
    assert {
        "dates": [f"2026-11-0{day}T00:00:00+00:00" for day in (2, 3, 4)],
        "data": [
            {
                "dimensions": [],
                "measurements": {"count": [2, 0, 2], "sum_value": [11.5, 0.0, -2.0], "unique": [1, 0, 2]},
            }
        ],
    } == shown["attributes"]
    assert shown["id"]
    assert "http://headrace.test/api/metric-aggregates" == shown["links"]["self"]


async def test_a_metric_without_events_has_a_row_of_zeros(api: Api, shop: Shop) -> None:
    """Without dimensions there is one row; with them there is none."""
    metric = await shop.metric()
    assert {(): [0, 0, 0]} == await rows(api, metric)
    assert {} == await rows(api, metric, by=["URL"])


async def test_other_metrics_and_accounts_do_not_count(api: Api, shop: Shop) -> None:
    """Only the events of the metric and of the account that asks."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    await Shop(api, other).happen((moment(2), "eve", {}))
    await shop.happen((moment(2), "ann", {}), name="Viewed Product")
    await shop.happen((moment(3), "ann", {}))
    assert {(): [0, 1, 0]} == await rows(api, await shop.metric())
    foreign = await Shop(api, other).metric()
    assert [f"{ATTRIBUTES}/metric_id"] == refused(await api.post(AGGREGATES, body(foreign)))


async def test_buckets_follow_the_clocks_of_the_zone(api: Api, shop: Shop) -> None:
    """On the day on which New York puts its clocks back there are 25 hours; dates are printed in UTC."""
    day = datetime(2026, 11, 1, tzinfo=NEW_YORK).astimezone(UTC)
    await shop.happen(*((day + timedelta(hours=hour), "ann", {}) for hour in range(-1, 26)))
    metric, filters = await shop.metric(), within("2026-10-31T00:00:00", "2026-11-03T00:00:00")
    asked = {"timezone": "America/New_York", "filter": filters}
    shown = (await query(api, metric, **asked))["data"]["attributes"]
    assert ["2026-10-31T04:00:00+00:00", "2026-11-01T04:00:00+00:00", "2026-11-02T05:00:00+00:00"] == shown["dates"]
    assert [1, 25, 1] == shown["data"][0]["measurements"]["count"]
    hours = (await query(api, metric, interval="hour", **asked))["data"]["attributes"]
    assert 24 + 25 + 24 == len(hours["dates"])
    assert [0] * 23 + [1] * 27 + [0] * 23 == hours["data"][0]["measurements"]["count"]


@pytest.mark.parametrize(
    ("interval", "dates"),
    [
        ("week", ["2026-10-26", "2026-11-02"]),
        ("month", ["2026-10-01", "2026-11-01"]),
        ("day", ["2026-10-31", "2026-11-01", "2026-11-02"]),
        (None, ["2026-10-31", "2026-11-01", "2026-11-02"]),
    ],
)
async def test_a_bucket_begins_with_its_unit(api: Api, shop: Shop, interval: str | None, dates: list[str]) -> None:
    """The first bucket begins with its week or month, though it counts only what lies inside the span."""
    await shop.happen(
        (datetime(2026, 10, 30, tzinfo=UTC), "ann", {}), (datetime(2026, 10, 31, 7, tzinfo=UTC), "ann", {})
    )
    filters = within("2026-10-31T06:00:00", "2026-11-02T06:00:00")
    shown = (await query(api, await shop.metric(), interval=interval, filter=filters))["data"]["attributes"]
    assert dates == [one[:10] for one in shown["dates"]]
    assert 1 == sum(shown["data"][0]["measurements"]["count"])


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-02T12:00:00", "2026-11-02T13:00:00"),
        ("2026-11-02 12:00:00", "2026-11-02 13:00:00"),
        ("2026-11-02T11:00:00Z", "2026-11-02T12:00:00.000Z"),
        ("2026-11-02T11:00:00+00:00", "2026-11-02T07:00:00-05:00"),
        ("2026-11-02T11:00:00+0000", "2026-11-02 12:00:00+00:00"),
        ("'2026-11-02T12:00:00'", '"2026-11-02T13:00:00.000000"'),
    ],
)
async def test_a_moment_without_an_offset_is_on_the_clocks_of_the_zone(
    api: Api, shop: Shop, start: str, end: str
) -> None:
    """Berlin is an hour ahead of UTC in November."""
    await shop.happen(*((moment(2, 10, minute), "ann", {}) for minute in (59,)), (moment(2, 11), "ann", {}))
    await shop.happen((moment(2, 11, 59), "bob", {}), (moment(2, 12), "bob", {}))
    found = await rows(api, await shop.metric(), filter=within(start, end), timezone="Europe/Berlin", interval="hour")
    assert {(): [2]} == found


async def test_a_day_alone_is_its_midnight(api: Api, shop: Shop) -> None:
    """In the zone that was asked for."""
    shown = await query(api, await shop.metric(), filter=within("2026-11-02", "2026-11-04"), timezone="US/Eastern")
    assert ["2026-11-02T05:00:00+00:00", "2026-11-03T05:00:00+00:00"] == shown["data"]["attributes"]["dates"]


async def test_rows_are_grouped_by_properties(api: Api, shop: Shop) -> None:
    """A property of any type is text; an event without it has the empty text."""
    await shop.happen(
        (moment(2), "ann", {"URL": "https://a", "Bot Click": False}),
        (moment(3), "bob", {"URL": "https://a", "Bot Click": True}),
        (moment(4), "bob", {"URL": "https://b", "Segment Count": 2}),
        (moment(4), "bob", {"value": "3", "currency": "EUR"}),
    )
    metric = await shop.metric()
    assert {
        ("",): [0, 0, 1],
        ("https://a",): [1, 1, 0],
        ("https://b",): [0, 0, 1],
    } == await rows(api, metric, by=["URL"])
    assert {
        ("", "", ""): [0, 0, 1],
        ("https://a", "false", ""): [1, 0, 0],
        ("https://a", "true", ""): [0, 1, 0],
        ("https://b", "", "2"): [0, 0, 1],
    } == await rows(api, metric, by=["URL", "Bot Click", "Segment Count"])
    assert {("",): [0.0, 0.0, 0.0], ("EUR",): [0.0, 0.0, 3.0]} == await rows(
        api, metric, "sum_value", by=["$value_currency"]
    )


async def test_message_events_have_their_message(api: Api, shop: Shop) -> None:
    """Flow, message, variation, send cohort and channel of an open."""
    await shop.message("MESS01", Channel.EMAIL)
    await shop.message("MESS02", Channel.PUSH)
    of_email = {"$message": "MESS01", "$flow": "FLOW01", "Campaign Name": "Welcome"}
    of_email |= {"$variation": "VARI01", "$_cohort$message_send_cohort": "1793620800:MESS01"}
    await shop.happen(
        (moment(2), "ann", of_email), (moment(3), "ann", {"$message": "MESS02", "$flow": "FLOW01"}), name="Opened"
    )
    metric = await shop.metric("Opened")
    by = ["$message", "$flow", "$variation", "$message_send_cohort", "Message Name", "$flow_channel"]
    assert {
        ("MESS01", "FLOW01", "VARI01", "1793620800:MESS01", "Welcome", "$email_channel"): [1, 0, 0],
        ("MESS02", "FLOW01", "", "", "", "$mobile_push_channel"): [0, 1, 0],
    } == await rows(api, metric, by=by)
    only = within(START, END, 'equals($flow_channel,"$email_channel")')
    assert {(): [1, 0, 0]} == await rows(api, metric, filter=only)


async def test_orders_have_the_message_they_are_attributed_to(api: Api, shop: Shop) -> None:
    """What led to an order is asked for and filtered by; an order that nothing led to has the empty text."""
    await shop.opened(moment(2, 11), "ann", "FLOW01", "MESS01")
    await shop.opened(moment(2, 11), "bob", "FLOW02", "MESS02")
    orders = await shop.happen(
        (moment(2), "ann", {"value": "20"}), (moment(3), "bob", {"value": "5"}), (moment(3), "eve", {"value": "1"})
    )
    await shop.attribute(*orders)
    metric = await shop.metric()
    by = ["$attributed_flow", "$attributed_message", "$attributed_channel", "$attributed_variation"]
    assert {
        ("", "", "", ""): [0.0, 1.0, 0.0],
        ("FLOW01", "MESS01", "$email_channel", ""): [20.0, 0.0, 0.0],
        ("FLOW02", "MESS02", "$email_channel", ""): [0.0, 5.0, 0.0],
    } == await rows(api, metric, "sum_value", by=by)
    expected = {
        'not(equals($attributed_flow,""))': [20.0, 5.0, 0.0],
        'equals($attributed_flow,"")': [0.0, 1.0, 0.0],
        "any($attributed_message,['MESS01','MESS03'])": [20.0, 0.0, 0.0],
        "not(any($attributed_message,['MESS01','MESS03']))": [0.0, 6.0, 0.0],
    }
    found = {one: (await rows(api, metric, "sum_value", filter=within(START, END, one)))[()] for one in expected}
    assert expected == found


async def test_filters_join(api: Api, shop: Shop) -> None:
    """All must hold, in a list of texts, in one text, or nested; numbers and truth compare as text."""
    await shop.happen(
        (moment(2), "ann", {"Subject": "a, (b)", "Segment Count": 2, "Bot Click": True}),
        (moment(2), "ann", {"Subject": "a, (b)", "Segment Count": 3}),
        (moment(2), "ann", {"Subject": "c"}),
    )
    metric = await shop.metric()
    bounds = f"and({','.join(within())})"
    for filters in (
        within(START, END, 'equals(Subject,"a, (b)")', "equals(Segment Count,2)"),
        [bounds, 'equals(Subject,"a, (b)"),equals(Bot Click,true)'],
        [f'{bounds},not(equals(Subject,"c")),equals(Segment Count,2)'[: len(bounds)], "any(Segment Count,[2,5])"],
    ):
        assert {(): [1, 0, 0]} == await rows(api, metric, filter=filters)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, ["a", "b", "c"]),
        ("URL", ["a", "b", "c"]),
        ("-URL", ["c", "b", "a"]),
        ("count", ["c", "a", "b"]),
        ("-count", ["b", "a", "c"]),
        ("-sum_value", ["c", "a", "b"]),
    ],
)
async def test_rows_are_sorted(api: Api, shop: Shop, sort: str | None, expected: list[str]) -> None:
    """By the dimensions, or by the total of a measurement; equal ones by their dimensions."""
    events = [(moment(2 + at % 2), "ann", {"URL": url}) for at, url in enumerate("aabbbc")]
    await shop.happen(*events, (moment(4), "ann", {"URL": "c", "value": "9"}), (moment(4), "ann", {"URL": "b"}))
    asked = {"by": ["URL"], "measurements": ["count", "sum_value"], **({"sort": sort} if sort else {})}
    if sort in ("count", "-count"):
        await shop.happen((moment(2), "ann", {"URL": "a"}))
    shown = (await query(api, await shop.metric(), **asked))["data"]["attributes"]["data"]
    assert expected == [one["dimensions"][0] for one in shown]


@pytest.mark.parametrize(
    ("sort", "padding"),
    [(None, ""), ("-URL", ""), ("count", ""), ("-sum_value", ""), (None, LONG), ("URL", LONG), ("sum_value", LONG)],
)
async def test_pages_hold_every_row_once(api: Api, shop: Shop, sort: str | None, padding: str) -> None:
    """The cursor of links.next goes into the body; rows with long dimensions are found again too."""
    urls = [f"{padding}{number:04}" for number in range(1_203)]
    await shop.happen(*((moment(2), "ann", {"URL": url, "value": str(at % 7)}) for at, url in enumerate(urls)))
    asked: dict[str, Any] = {"by": ["URL"], "measurements": ["count", "sum_value"]}
    asked |= {"sort": sort} if sort else {}
    metric, found, pages = await shop.metric(), [], 0
    cursor: str | None = ""
    while cursor is not None:
        document = await query(api, metric, **asked, page_cursor=cursor)
        found += [one["dimensions"][0] for one in document["data"]["attributes"]["data"]]
        cursor, pages = document["links"].get("next"), pages + 1
    assert 3 == pages
    assert sorted(urls) == sorted(found)
    if sort is None or sort.endswith("URL"):
        assert sorted(urls, reverse=sort == "-URL") == found


async def test_the_link_to_the_next_page_works(api: Api, shop: Shop) -> None:
    """The same body posted to it gives the next page; a page may be larger, and a cursor is good for its rows only."""
    await shop.happen(*((moment(2), "ann", {"URL": f"{number:04}"}) for number in range(600)))
    metric = await shop.metric()
    following = (await query(api, metric, by=["URL"]))["links"]["next"]
    answer = await api.post(following, body(metric, by=["URL"]))
    assert 100 == len(answer.json()["data"]["attributes"]["data"])
    assert "next" not in answer.json()["links"]
    assert 600 == len(await rows(api, metric, by=["URL"], page_size=600))
    cursor = following.partition("page_cursor=")[2]
    for asked in ({"by": ["URL", "Subject"], "page_cursor": cursor}, {"by": ["URL"], "page_cursor": "nonsense"}):
        assert [f"{ATTRIBUTES}/page_cursor"] == refused(await api.post(AGGREGATES, body(metric, **asked)))


async def test_fields_choose_what_is_shown(api: Api, shop: Shop) -> None:
    """`fields[metric-aggregate]` and `return_fields` leave out the rest; of both, what each of them names is shown."""
    metric, path = await shop.metric(), f"{AGGREGATES}?fields[metric-aggregate]"
    answer = await api.post(f"{path}=data", body(metric))
    assert {"data"} == set(answer.json()["data"]["attributes"])
    answer = await api.post(f"{path}=id,data,dates", body(metric, return_fields=["dates"]))
    assert {"dates"} == set(answer.json()["data"]["attributes"])


@pytest.mark.parametrize("end", ["2026-11-01T00:00:00", "2025-11-02T00:00:00"])
async def test_a_year_is_allowed(api: Api, shop: Shop, end: str) -> None:
    """A calendar year, also with a day of 25 hours inside, by the hour too."""
    start = "2025-11-01T00:00:00"
    asked = {"filter": within(start, end), "interval": "hour", "timezone": "America/New_York"}
    days = (date.fromisoformat(end[:10]) - date.fromisoformat(start[:10])).days
    shown = (await query(api, await shop.metric(), **asked))["data"]["attributes"]
    assert days * 24 + (1 if days == 1 else 0) >= len(shown["dates"]) - 1 >= days * 24 - 1


@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
async def test_aggregates_equal_a_recount(api: Api, shop: Shop, interval: str) -> None:
    """Whatever happened, every figure is what counting event by event gives."""
    draw = random.Random(interval)
    zone = ZoneInfo("Australia/Lord_Howe")
    start, end = datetime(2026, 10, 1, 7, 20), datetime(2026, 10, 7, 3, 40)
    first = start.replace(tzinfo=zone).astimezone(UTC)
    events = [
        (
            first + timedelta(seconds=draw.randint(-90_000, 700_000)),
            draw.choice(("ann", "bob", "eve")),
            {"value": draw.choice(("1.25", "7", "-3")), "URL": draw.choice("xyz")},
        )
        for _ in range(400)
    ]
    await shop.happen(*events)
    metric, measurements = await shop.metric(), ["count", "sum_value", "unique"]
    filters = within(start.isoformat(), end.isoformat(), "not(equals(URL,'z'))")
    asked = {"interval": interval, "timezone": zone.key, "by": ["URL"], "measurements": measurements}
    shown = (await query(api, metric, filter=filters, **asked))["data"]["attributes"]
    edges = [first, *(datetime.fromisoformat(one) for one in shown["dates"][1:]), end.replace(tzinfo=zone)]
    assert {url: _recount(events, url, edges) for url in "xy"} == {
        one["dimensions"][0]: one["measurements"] for one in shown["data"]
    }


def _recount(events: list[Any], url: str, edges: list[datetime]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"count": [], "sum_value": [], "unique": []}
    for start, end in pairwise(edges):
        inside = [one for one in events if start <= one[0] < end and one[2]["URL"] == url]
        found["count"].append(len(inside))
        found["sum_value"].append(sum(float(one[2]["value"]) for one in inside))
        found["unique"].append(len({one[1] for one in inside}))
    return found


async def test_the_scope_is_needed(api: Api, shop: Shop) -> None:
    """A key that may not read metrics may not count their events."""
    secret = await api.another_key(["events:read"])
    answer = await api.post(
        AGGREGATES, body(await shop.metric()), headers={"Authorization": f"Klaviyo-API-Key {secret}"}
    )
    assert 403 == answer.status_code


@pytest.mark.parametrize("revision", SERVED)
async def test_every_revision_has_the_query(api: Api, shop: Shop, revision: str) -> None:
    """Its own link stands inside the data in all of them, and at the top since 2026-01-15."""
    await shop.happen((moment(2), "ann", {"value": "2"}))
    answer = await api.post(AGGREGATES, body(await shop.metric(), measurements=["sum_value"]), revision=revision)
    shown = answer.json()["data"]
    assert [2.0, 0.0, 0.0] == shown["attributes"]["data"][0]["measurements"]["sum_value"]
    assert shown["links"]["self"].rstrip("/").endswith(AGGREGATES)
    assert ("links" in answer.json()) == (revision >= "2026-01-15")


@pytest.mark.parametrize("revision", ["2024-02-15", "2024-07-15"])
async def test_the_oldest_revision_has_fewer_dimensions(api: Api, shop: Shop, revision: str) -> None:
    """Six came later than 2024-02-15."""
    asked = body(await shop.metric(), by=["URL", "Bot Click"])
    answer = await api.post(AGGREGATES, asked, revision=revision)
    assert (400 if revision == "2024-02-15" else 200) == answer.status_code
