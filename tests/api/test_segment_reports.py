"""The segment reports: values and series of who joined and left."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from api_client import NOW, Api
from httpx import Response
from people import made_profile, pointers

from headrace.storage.groups import join_group, leave_group
from headrace.storage.segments import NewSegment, create_segment

VALUES, SERIES = "/api/segment-values-reports", "/api/segment-series-reports"
ALL = ["members_added", "members_removed", "net_members_changed", "total_members"]
BERLIN = ZoneInfo("Europe/Berlin")
Change = tuple[datetime, str, bool]


async def segment(api: Api, name: str = "VIP") -> str:
    """Make a segment that asks nothing and return its id."""
    services = api.services
    new = NewSegment(name, {"condition_groups": []}, frozenset())
    async with services.database.transaction() as transaction:
        return await create_segment(transaction, api.account.account_id, services.ids, new, NOW, NOW)


async def happen(api: Api, segment_id: str, *changes: Change) -> None:
    """Let people join and leave a segment at some moments."""
    async with api.services.database.transaction() as transaction:
        for at, profile_id, joins in changes:
            change = join_group if joins else leave_group
            await change(transaction, api.account.account_id, segment_id, [profile_id], at, at)


def body(kind: str, timeframe: Any, **attributes: Any) -> dict[str, Any]:
    """Return a request for all statistics."""
    asked = {"statistics": ALL, "timeframe": timeframe, **attributes}
    return {"data": {"type": f"segment-{kind}-report", "attributes": asked}}


async def values(api: Api, timeframe: Any, **attributes: Any) -> dict[str, list[int]]:
    """Return the figures of the values report by segment, in the order of `ALL`."""
    answer = await api.post(VALUES, body("values", timeframe, **attributes))
    assert 200 == answer.status_code, answer.text
    results = answer.json()["data"]["attributes"]["results"]
    return {one["groupings"]["segment_id"]: [one["statistics"][name] for name in ALL] for one in results}


async def series(api: Api, timeframe: Any, interval: str, **attributes: Any) -> dict[str, Any]:
    """Return the attributes of the series report."""
    answer = await api.post(SERIES, body("series", timeframe, interval=interval, **attributes))
    assert 200 == answer.status_code, answer.text
    attributes_shown: dict[str, Any] = answer.json()["data"]["attributes"]
    return attributes_shown


def day(number: int, hour: int = 12) -> datetime:
    """Return an hour of a day of November 2026 in Berlin."""
    return datetime(2026, 11, number, hour, tzinfo=BERLIN).astimezone(UTC)


async def test_values_count_joins_and_leaves_of_the_timeframe(api: Api) -> None:
    """What lies in the days counts; the total is that of their end, whatever came later."""
    segment_id = await segment(api)
    ann, bob = await made_profile(api, email="a@b.co"), await made_profile(api, email="b@b.co")
    await happen(
        api,
        segment_id,
        (day(10), ann, True),
        (day(12), bob, True),
        (day(13), ann, False),
        (day(18), bob, False),
    )
    frame = {"start": "2026-11-11T00:00:00", "end": "2026-11-15T00:00:00"}
    assert {segment_id: [1, 1, 0, 1]} == await values(api, frame)
    assert {segment_id: [2, 2, 0, 0]} == await values(api, {"key": "last_30_days"})


async def test_a_series_has_a_figure_for_each_bucket(api: Api) -> None:
    """Days begin at the account's midnight; a total is that of the end of its day."""
    segment_id = await segment(api)
    ann, bob = await made_profile(api, email="a@b.co"), await made_profile(api, email="b@b.co")
    await happen(api, segment_id, (day(17, 0), ann, True), (day(18, 23), bob, True), (day(19, 1), ann, False))
    frame = {"start": "2026-11-16T00:00:00+00:00", "end": "2026-11-20T00:00:00+00:00"}
    shown = await series(api, frame, "daily")
    assert [f"2026-11-{number}T00:00:00+01:00" for number in (16, 17, 18, 19)] == shown["date_times"]
    [row] = shown["results"]
    assert {
        "members_added": [0, 1, 1, 0],
        "members_removed": [0, 0, 0, 1],
        "net_members_changed": [0, 1, 1, -1],
        "total_members": [0, 1, 2, 1],
    } == row["statistics"]


@pytest.mark.parametrize("interval", ["hourly", "daily", "weekly", "monthly"])
async def test_a_series_equals_a_recount(api: Api, interval: str) -> None:
    """Whatever happened, every figure is what counting change by change gives, and the buckets add up to the values."""
    draw = random.Random(interval)
    segments = [await segment(api, name) for name in "AB"]
    people = [await made_profile(api, email=f"p{number}@example.com") for number in range(5)]
    start, end = datetime(2026, 11, 12, 7, 20, tzinfo=BERLIN), datetime(2026, 11, 19, 3, 40, tzinfo=BERLIN)
    history = _history(draw, segments, people)
    for segment_id, changes in history.items():
        await happen(api, segment_id, *changes)
    frame = {"start": start.replace(tzinfo=None).isoformat(), "end": end.replace(tzinfo=None).isoformat()}
    shown = await series(api, frame, interval)
    starts = [datetime.fromisoformat(one) for one in shown["date_times"]]
    edges = [start, *starts[1:], end]
    figures = {one["groupings"]["segment_id"]: one["statistics"] for one in shown["results"]}
    assert {one: _recount(history[one], edges) for one in sorted(segments)} == figures
    sums = await values(api, frame)
    assert {one: [sum(figures[one]["members_added"]), figures[one]["total_members"][-1]] for one in segments} == {
        one: [sums[one][0], sums[one][3]] for one in segments
    }


def _history(draw: random.Random, segments: list[str], people: list[str]) -> dict[str, list[Change]]:
    """Return joins and leaves that really change something, in order, by segment."""
    history: dict[str, list[Change]] = {}
    for segment_id in segments:
        inside: set[str] = set()
        changes: list[Change] = []
        at = day(10)
        while (at := at + timedelta(minutes=draw.randint(1, 900))) < NOW:
            one = draw.choice(people)
            changes.append((at, one, one not in inside))
            inside ^= {one}
        history[segment_id] = changes
    return history


def _recount(changes: list[Change], edges: list[datetime]) -> dict[str, list[int]]:
    """Return every statistic by going through all changes for each bucket."""
    found: dict[str, list[int]] = {name: [] for name in ALL}
    for start, end in pairwise(edges):
        added = sum(1 for at, _, joins in changes if start <= at < end and joins)
        removed = sum(1 for at, _, joins in changes if start <= at < end and not joins)
        total = sum(1 if joins else -1 for at, _, joins in changes if at < end)
        for name, figure in zip(ALL, (added, removed, added - removed, total), strict=True):
            found[name].append(figure)
    return found


async def test_a_filter_names_segments(api: Api) -> None:
    """Without a filter every segment has a row; unknown ids have none."""
    first, second = await segment(api), await segment(api)
    assert {first, second} == set(await values(api, {"key": "today"}))
    assert {first} == set(await values(api, {"key": "today"}, filter=f'equals(segment_id,"{first}")'))
    assert {second} == set(await values(api, {"key": "today"}, filter=f'any(segment_id,["{second}","NOPE01"])'))


async def test_sparse_fields_choose_what_is_shown(api: Api) -> None:
    """`fields[segment-series-report]` leaves out the rest."""
    await segment(api)
    asked = body("series", {"key": "today"}, interval="hourly")
    answer = await api.post(f"{SERIES}?fields[segment-series-report]=date_times", asked)
    assert {"date_times"} == set(answer.json()["data"]["attributes"])


def _refused(answer: Response) -> list[str]:
    assert 400 == answer.status_code, answer.text
    return pointers(answer)


async def test_every_mistake_of_a_request_is_told(api: Api) -> None:
    """Unknown statistics, members, intervals and fields of the filter are told at once, each where it is."""
    asked = body("series", {"key": "someday"}, interval="yearly", filter='equals(name,"x")', group_by=["x"])
    asked["data"]["attributes"]["statistics"] = ["opens"]
    attributes = "/data/attributes"
    expected = [f"{attributes}/{one}" for one in ("group_by", "statistics", "timeframe", "filter", "interval")]
    assert expected == _refused(await api.post(SERIES, asked))


@pytest.mark.parametrize(
    ("interval", "key"), [("hourly", "last_30_days"), ("daily", "last_90_days"), ("daily", "last_12_months")]
)
async def test_an_interval_is_offered_for_short_timeframes(api: Api, interval: str, key: str) -> None:
    """Hours go with a week at most and days with sixty."""
    refused = await api.post(SERIES, body("series", {"key": key}, interval=interval))
    assert ["/data/attributes/timeframe"] == _refused(refused)


@pytest.mark.parametrize(
    ("interval", "key", "buckets"),
    [("hourly", "last_week", 168), ("daily", "last_30_days", 30), ("monthly", "last_12_months", 12)],
)
async def test_keys_have_their_buckets(api: Api, interval: str, key: str, buckets: int) -> None:
    """A week has 168 hours, thirty days as many days, and a year twelve months."""
    assert buckets == len((await series(api, {"key": key}, interval))["date_times"])


async def test_old_revisions_lack_the_reports(api: Api) -> None:
    """2024-02-15 has no segment reports."""
    answer = await api.post(VALUES, body("values", {"key": "today"}), revision="2024-02-15")
    assert ["revision"] == _refused(answer)
