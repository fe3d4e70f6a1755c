"""The flow series report: the statistics of flows by hours, days, weeks or months of the send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from api_client import NOW, Api
from httpx import Response
from people import pointers

from headrace.api.commands import flow_series as commands
from headrace.api.revisions import SERVED
from headrace.model import Account, Channel
from headrace.storage.accounts import create_account
from headrace.storage.interactions import Kind, Recorder
from headrace.storage.metrics import Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.rollups import fold
from headrace.storage.serials import Serials
from report_factories import Sent, Shop

VALUES, SERIES = "/api/flow-values-reports", "/api/flow-series-reports"
ATTRIBUTES = "/data/attributes"
BERLIN = ZoneInfo("Europe/Berlin")
DAYS = {"start": "2026-11-16T00:00:00", "end": "2026-11-19T00:00:00"}
TAGGED = """
WITH made AS (
    INSERT INTO tag (tag_id, account_id, tag_group_id, name) VALUES ('t1', $1, 'g', 'cart'), ('t2', $1, 'g', 'money')
)
INSERT INTO tag_flow (account_id, tag_id, flow_id) VALUES ($1, 't1', 'FLOW01'), ($1, 't2', 'FLOW01')
"""


def shop_of(api: Api, account: Account) -> Shop:
    """Return the shop of an account."""
    services = api.services
    database, clock = services.database, services.system_clock
    metrics, serials = Metrics(database, clock, services.ids), Serials(database)
    return Shop(database, account, metrics, serials, Recorder(metrics, serials, Partitions(database, clock)))


@pytest.fixture
def shop(api: Api) -> Shop:
    """The shop of the account under test, whose clocks are Berlin's."""
    return shop_of(api, api.account)


async def delivered(shop: Shop, at: datetime, **rest: Any) -> Sent:
    """Send a message that arrives at once."""
    sent = await shop.send(at, **rest)
    await shop.record(sent.interaction(Kind.DELIVERED, at))
    return sent


async def order(shop: Shop, sent: Sent, at: datetime, value: str) -> None:
    """Let the person of a delivery open it and order."""
    await shop.record(sent.interaction(Kind.OPENED, at))
    await shop.attribute(await shop.candidate(at + timedelta(minutes=1), profile_id=sent.profile_id, value=value))


def day(number: int, hour: int = 12) -> datetime:
    """Return an hour of a day of November 2026 in Berlin."""
    return datetime(2026, 11, number, hour, tzinfo=BERLIN).astimezone(UTC)


async def body(shop: Shop, kind: str = "series", **attributes: Any) -> dict[str, Any]:
    """Return a request for three days of November, unless told otherwise."""
    asked = {
        "statistics": ["recipients", "open_rate", "conversion_value"],
        "timeframe": DAYS,
        "conversion_metric_id": await shop.metric(),
        **({"interval": "daily"} if kind == "series" else {}),
        **attributes,
    }
    return {"data": {"type": f"flow-{kind}-report", "attributes": asked}}


async def series(api: Api, shop: Shop, **attributes: Any) -> dict[str, Any]:
    """Return the document of a request."""
    answer = await api.post(SERIES, await body(shop, **attributes))
    assert 200 == answer.status_code, answer.text
    document: dict[str, Any] = answer.json()
    return document


def refused(answer: Response) -> list[str]:
    """Return the pointers of the errors of an answer that must be a 400."""
    assert 400 == answer.status_code, answer.text
    return pointers(answer)


async def test_each_statistic_has_a_figure_per_bucket(api: Api, shop: Shop) -> None:
    """What came later counts on the day of the send; days without sends are zeros; rates are those of their day."""
    first = await delivered(shop, day(16))
    await delivered(shop, day(16, 23), profile_id="P2")
    last = await delivered(shop, day(18, 0), profile_id="P3")
    await order(shop, first, day(18, 5), "20")
    await order(shop, last, day(19, 5), "5")
    expected = {
        "results": [
            {
                "groupings": {"flow_id": "FLOW01", "flow_message_id": "MESS01", "send_channel": "email"},
                "statistics": {
                    "recipients": [2, 0, 1],
                    "open_rate": [0.5, 0.0, 1.0],
                    "conversion_value": [20.0, 0.0, 5.0],
                },
            }
        ],
        "date_times": [f"2026-11-{number}T00:00:00+01:00" for number in (16, 17, 18)],
    }
    assert expected == (await series(api, shop))["data"]["attributes"]
    await fold(shop.database, shop.account.account_id)
    shown = (await series(api, shop))["data"]
    assert expected == shown["attributes"]
    assert {
        "flows": {"data": [{"type": "flow", "id": "FLOW01"}]},
        "flow-messages": {"data": [{"type": "flow-message", "id": "MESS01"}]},
    } == shown["relationships"]


async def test_a_report_without_sends_has_buckets_and_no_rows(api: Api, shop: Shop) -> None:
    """Nothing is shown of groups that nothing was counted for."""
    shown = (await series(api, shop))["data"]["attributes"]
    assert ([], 3) == (shown["results"], len(shown["date_times"]))


async def test_hours_follow_the_clocks(api: Api, shop: Shop) -> None:
    """The day on which Berlin puts its clocks back has 25 hours, two of which are called 02:00."""
    night = datetime(2026, 10, 25, 0, tzinfo=UTC)
    for hour in range(3):
        await delivered(shop, night + timedelta(hours=hour, minutes=59))
    frame = {"start": "2026-10-25T00:00:00", "end": "2026-10-26T00:00:00"}
    for folded in (False, True):
        if folded:
            await fold(shop.database, shop.account.account_id)
        shown = (await series(api, shop, interval="hourly", timeframe=frame))["data"]["attributes"]
        assert 25 == len(shown["date_times"])
        names = [f"2026-10-25T{name}" for name in ("01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00")]
        assert names == shown["date_times"][1:4]
        assert [0, 0, 1, 1, 1, 0] == shown["results"][0]["statistics"]["recipients"][:6]


@pytest.mark.parametrize(
    ("interval", "starts", "recipients"),
    [
        ("weekly", ["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16"], [1, 0, 0, 2]),
        ("monthly", ["2026-10-01", "2026-11-01"], [1, 2]),
    ],
)
async def test_weeks_and_months_are_cut_at_the_ends(
    api: Api, shop: Shop, interval: str, starts: list[str], recipients: list[int]
) -> None:
    """The first bucket begins with its week or month, and counts what lies inside the timeframe."""
    for at in (
        datetime(2026, 10, 28, 12, tzinfo=UTC),
        datetime(2026, 10, 30, tzinfo=UTC),
        day(16, 0),
        day(17),
        day(19),
    ):
        await delivered(shop, at)
    await fold(shop.database, shop.account.account_id)
    frame = {"start": "2026-10-29T10:07:00", "end": "2026-11-18T09:53:00"}
    shown = (await series(api, shop, interval=interval, timeframe=frame))["data"]["attributes"]
    assert starts == [one[:10] for one in shown["date_times"]]
    assert recipients == shown["results"][0]["statistics"]["recipients"]


async def test_groups_and_filters_are_those_of_values(api: Api, shop: Shop) -> None:
    """A flow with two tags is in two rows; a filter leaves channels out; rows are ordered alike."""
    await delivered(shop, day(16))
    await delivered(shop, day(17), channel=Channel.SMS, message_id="MESS02", format="sms")
    async with shop.database.transaction() as transaction:
        await transaction.execute(TAGGED, shop.account.account_id)
    asked = {
        "group_by": ["flow_id", "flow_message_id", "tag_name"],
        "filter": 'and(equals(send_channel,"email"),contains-any(tag_name,["cart"]))',
        "statistics": ["delivered"],
    }
    rows = (await series(api, shop, **asked))["data"]["attributes"]["results"]
    assert [("cart", [1, 0, 0]), ("money", [1, 0, 0])] == [
        (one["groupings"]["tag_name"], one["statistics"]["delivered"]) for one in rows
    ]
    values = (await api.post(VALUES, await body(shop, "values", **asked))).json()["data"]["attributes"]["results"]
    assert [one["groupings"] for one in values] == [one["groupings"] for one in rows]


async def test_pages_hold_every_row_once(api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of many figures has fewer rows; `page_cursor` of links.next gives the next one."""
    for number in range(5):
        await delivered(shop, day(16), message_id=f"MESS0{number}")
    monkeypatch.setattr(commands, "PAGE_FIGURES", 2 * 3 * 3 + 1)
    asked, found, sizes = await body(shop), [], []
    following: str | None = SERIES
    while following:
        document = (await api.post(following, asked)).json()
        page = [one["groupings"]["flow_message_id"] for one in document["data"]["attributes"]["results"]]
        found, following = found + page, document["links"]["next"]
        sizes.append(len(document["data"]["relationships"]["flow-messages"]["data"]))
    assert ([f"MESS0{number}" for number in range(5)], [2, 2, 1]) == (found, sizes)
    refusal = await api.post(f"{SERIES}?page_cursor=nonsense", asked)
    assert ["page_cursor"] == [one["source"]["parameter"] for one in refusal.json()["errors"]]


async def test_sparse_fields_choose_what_is_shown(api: Api, shop: Shop) -> None:
    """`fields[flow-series-report]` leaves out the rest."""
    answer = await api.post(f"{SERIES}?fields[flow-series-report]=date_times", await body(shop))
    assert {"date_times"} == set(answer.json()["data"]["attributes"])


async def test_other_accounts_do_not_count(api: Api, shop: Shop) -> None:
    """Neither their messages nor their metrics."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    foreign = shop_of(api, other)
    await delivered(foreign, day(16))
    assert [] == (await series(api, shop))["data"]["attributes"]["results"]
    answer = await api.post(SERIES, await body(shop, conversion_metric_id=await foreign.metric()))
    assert [f"{ATTRIBUTES}/conversion_metric_id"] == refused(answer)


@pytest.mark.parametrize(
    ("interval", "timeframe"),
    [
        ("hourly", {"key": "last_30_days"}),
        ("hourly", {"start": "2026-11-01T00:00:00", "end": "2026-11-08T00:00:01"}),
        ("daily", {"key": "last_90_days"}),
        ("daily", {"start": "2026-09-01T00:00:00", "end": "2026-11-01T00:00:00"}),
        ("weekly", {"start": "2025-11-01T00:00:00", "end": "2026-10-31T00:00:01"}),
        ("monthly", {"start": "2025-11-01T00:00:00", "end": "2026-11-01T00:00:00"}),
    ],
)
async def test_an_interval_is_offered_for_short_timeframes(api: Api, shop: Shop, interval: str, timeframe: Any) -> None:
    """Hours go with 7 days at most, days with 60, weeks and months with 52 weeks."""
    answer = await api.post(SERIES, await body(shop, interval=interval, timeframe=timeframe))
    assert [f"{ATTRIBUTES}/timeframe"] == refused(answer)


@pytest.mark.parametrize(
    ("interval", "timeframe", "buckets"),
    [
        ("hourly", {"start": "2026-11-01T00:00:00", "end": "2026-11-08T00:00:00"}, 168),
        ("daily", {"start": "2026-09-01T00:00:00", "end": "2026-10-31T00:00:00"}, 60),
        ("weekly", {"start": "2025-11-03T00:00:00", "end": "2026-11-02T00:00:00"}, 52),
        ("monthly", {"key": "last_12_months"}, 12),
        ("weekly", {"key": "last_365_days"}, 53),
        ("monthly", {"key": "last_year"}, 12),
        ("hourly", {"key": "today"}, 14),
        ("daily", {"key": "last_7_days"}, 7),
    ],
)
async def test_the_longest_timeframes_are_taken(
    api: Api, shop: Shop, interval: str, timeframe: Any, buckets: int
) -> None:
    """Those that a key stands for too."""
    shown = await series(api, shop, interval=interval, timeframe=timeframe)
    assert buckets == len(shown["data"]["attributes"]["date_times"])


async def test_every_mistake_of_a_request_is_told(api: Api, shop: Shop) -> None:
    """At once, each where it is."""
    asked = {"statistics": ["x"], "timeframe": {"key": "someday"}, "interval": "day", "group_by": ["x"], "by": 1}
    found = refused(await api.post(SERIES, await body(shop, **asked, conversion_metric_id=7, filter="x")))
    names = ("by", "statistics", "timeframe", "conversion_metric_id", "group_by", "group_by", "filter", "interval")
    assert [f"{ATTRIBUTES}/{one}" for one in names] == found


@pytest.mark.parametrize("interval", [None, "day", 7, ["daily"]])
async def test_an_interval_is_required(api: Api, shop: Shop, interval: Any) -> None:
    """One of the four."""
    assert [f"{ATTRIBUTES}/interval"] == refused(await api.post(SERIES, await body(shop, interval=interval)))


@pytest.mark.parametrize("revision", SERVED)
async def test_a_series_links_where_the_revision_says(api: Api, shop: Shop, revision: str) -> None:
    """As values do: inside the data up to 2024-06-15, nowhere up to 2025-10-15, at the top since."""
    document = (await api.post(SERIES, await body(shop), revision=revision)).json()
    inside, top = "links" in document["data"], "links" in document
    assert (inside, top) == (revision < "2024-07-15", revision >= "2026-01-15")


@pytest.mark.parametrize(
    ("member", "value", "first"),
    [
        ("group_by", ["flow_id", "flow_message_id"], "2025-10-15"),
        ("group_by", ["flow_id", "flow_message_id", "tag_name"], "2026-01-15"),
        ("statistics", ["text_message_roi"], "2025-10-15"),
        ("filter", "equals(variation,'x')", "2026-01-15"),
        ("filter", "equals(send_channel,'whatsapp')", "2026-01-15"),
        ("filter", "equals(send_channel,'sms')", "2024-02-15"),
    ],
)
async def test_a_series_takes_what_the_revision_knows(
    api: Api, shop: Shop, member: str, value: Any, first: str
) -> None:
    """Each grouping, statistic and filter is refused before the revision that brought it and taken since."""
    asked = await body(shop, **{member: value})
    statuses = {one: (await api.post(SERIES, asked, revision=one)).status_code for one in SERVED}
    assert statuses == {one: 200 if one >= first else 400 for one in SERVED}


@pytest.mark.parametrize("revision", ["2024-02-15", "2026-01-15", "2026-04-15"])
async def test_fields_are_taken_from_2026_04_15_on(api: Api, shop: Shop, revision: str) -> None:
    """Before, a report takes no `fields[...]`."""
    answer = await api.post(f"{SERIES}?fields[flow-series-report]=results", await body(shop), revision=revision)
    assert (200 if revision >= "2026-04-15" else 400) == answer.status_code


async def test_the_number_of_statements_does_not_grow(api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many for one bucket and message as for seven days of hours and twenty messages."""
    from headrace.storage.database import Connection

    asked: list[str] = []
    fetch = Connection.fetch

    async def counted(self: Connection, query: Any, *args: Any) -> Any:
        asked.append(json.dumps(str(query)))
        return await fetch(self, query, *args)

    monkeypatch.setattr(Connection, "fetch", counted)
    few = {"interval": "daily", "timeframe": {"start": "2026-11-16T00:00:00", "end": "2026-11-17T00:00:00"}}
    await delivered(shop, day(16), message_id="MESS01")
    asked.clear()
    await series(api, shop, **few)
    before = len(asked)
    for number in range(20):
        await delivered(shop, day(14 + number % 5, number), message_id=f"MESS{number}", flow_id=f"FLOW{number}")
    asked.clear()
    shown = await series(api, shop, interval="hourly", timeframe={"key": "last_7_days"})
    assert 20 < len(shown["data"]["attributes"]["results"]) + 1
    assert before >= len(asked)


def test_the_present_is_a_friday() -> None:
    """The tests above count on it."""
    assert "2026-11-20 Friday" == NOW.strftime("%Y-%m-%d %A")
