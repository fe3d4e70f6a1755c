"""Reading a flow-values request: what is legal, and what each mistake is told."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Invalid, Problems
from headrace.jsonapi.filters import Comparison
from headrace.reports.request import FlowSeriesRequest, FlowValuesRequest, read_request, read_series_request
from headrace.reports.timeframes import CustomFrame

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def attributes(**changes: Any) -> dict[str, Any]:
    """Return the attributes of a legal request, with changes; None leaves a member out."""
    whole = {"statistics": ["opens"], "timeframe": {"key": "today"}, "conversion_metric_id": "RESQ6t", **changes}
    return {name: value for name, value in whole.items() if value is not None}


def problem(**changes: Any) -> Invalid:
    """Return the one problem of a request."""
    with pytest.raises(Invalid) as caught:
        read_request(attributes(**changes))
    return caught.value


def test_a_plain_request_is_grouped_by_default() -> None:
    """Flow, message and channel; no filter."""
    expected = FlowValuesRequest(("opens",), "today", "RESQ6t", ("flow_id", "flow_message_id", "send_channel"), ())
    assert read_request(attributes()) == expected
    assert read_request({**attributes(), "group_by": None, "filter": None}) == expected


def test_the_offset_of_a_custom_frame_is_ignored() -> None:
    """The wall clock counts. Source: the description of the operation."""
    frame = {"start": "2022-11-08T00:00:00+05:00", "end": "2022-12-08T10:30:00Z"}
    expected = CustomFrame(datetime(2022, 11, 8), datetime(2022, 12, 8, 10, 30))
    assert read_request(attributes(timeframe=frame)).timeframe == expected


def test_names_given_twice_count_once() -> None:
    """Statistics and groupings keep their order without repeats."""
    request = read_request(attributes(statistics=["opens", "clicks", "opens"]))
    assert request.statistics == ("opens", "clicks")


def test_a_filter_is_parsed() -> None:
    """The sample of the description is legal."""
    text = 'and(equals(flow_id,"abc123"),contains-any(send_channel,["email","sms"]))'
    expected = (
        Comparison("equals", "flow_id", "abc123"),
        Comparison("contains-any", "send_channel", ("email", "sms")),
    )
    assert read_request(attributes(filter=text)).filter == expected


@pytest.mark.parametrize(
    ("member", "value", "says"),
    [
        ("statistics", [], "at least one"),
        ("statistics", ["opened"], "'opened' is not allowed"),
        ("statistics", "opens", "must be a list"),
        ("statistics", [["opens"]], "is not allowed"),
        ("group_by", ["flow_id"], "it lacks flow_message_id"),
        ("group_by", [], "it lacks flow_id, flow_message_id"),
        ("group_by", ["flow_id", "flow_message_id", "campaign_id"], "'campaign_id' is not allowed"),
        ("timeframe", {"key": "tomorrow"}, "'tomorrow' is not a key"),
        ("timeframe", {"key": "today", "start": "2022-11-08"}, "either key, or start and end"),
        ("timeframe", {"start": "2022-11-08"}, "either key, or start and end"),
        ("timeframe", {}, "either key, or start and end"),
        ("timeframe", "today", "an object with a key"),
        ("timeframe", {"start": "2022-11-08", "end": "2022-11-08"}, "must lie before its end"),
        ("timeframe", {"start": "2022-11-08", "end": "2023-11-09"}, "longer than one year"),
        ("timeframe", {"start": "2022-13-08T00:00:00", "end": "2023-01-01"}, "not a date that exists"),
        ("timeframe", {"start": 5, "end": "2023-01-01"}, "start of the timeframe must be a date"),
        ("conversion_metric_id", 7, "must be the id of a metric"),
        ("filter", "equals(flow_id", "Unbalanced"),
        ("filter", 'equals(send_channel,"fax")', "must be one of email, sms, push-notification, whatsapp"),
        ("filter", 'contains(flow_name,"a")', "not a filter operator"),
        ("filter", 'equals(tag_id,"a")', "not a filter operator"),
        ("filter", 'equals(status,"live")', "not a filterable field"),
        ("filter", 'and(equals(flow_id,"a"),equals(flow_id,"b"))', "filtered twice"),
        ("filter", f"contains-any(flow_id,{['a'] * 101})".replace("'", '"'), "at most 100"),
        ("filter", 5, "must be a text"),
        ("interval", "daily", "not a member of this request"),
    ],
)
def test_a_mistake_names_the_member_and_the_rule(member: str, value: Any, says: str) -> None:
    """One mistake gives one problem with the member's pointer."""
    found = problem(**{member: value})
    assert found.pointer == f"/data/attributes/{member}"
    assert says in found.detail


def test_several_mistakes_are_told_at_once() -> None:
    """Missing members and a wrong grouping are three problems."""
    with pytest.raises(Problems) as caught:
        read_request({"group_by": ["flow_id"], "statistics": ["opens"]})
    assert [each.pointer for each in caught.value.problems] == [
        "/data/attributes/timeframe",
        "/data/attributes/conversion_metric_id",
        "/data/attributes/group_by",
    ]


@pytest.mark.parametrize("year", ["0001", "1899", "9001", "9999"])
def test_a_timeframe_lies_in_years_that_calendars_reach(year: str) -> None:
    """Both of its ends, whatever the zone."""
    for frame in ({"start": f"{year}-01-01", "end": f"{year}-02-01"}, {"start": "2026-01-01", "end": f"{year}-02-01"}):
        assert "lies outside the years 1900 to 9000" in problem(timeframe=frame).detail


def test_a_series_has_an_interval() -> None:
    """The rest is a request for values."""
    request = read_series_request({**attributes(), "interval": "hourly"}, BERLIN, NOW)
    assert FlowSeriesRequest(read_request(attributes()), "hourly") == request


def test_a_timeframe_that_is_too_long_is_told_with_its_interval() -> None:
    """Only where the rest is legal, for the length depends on it."""
    asked = {**attributes(timeframe={"key": "last_90_days"}), "interval": "daily"}
    with pytest.raises(Invalid, match="longer than 60 days, the most of daily") as caught:
        read_series_request(asked, BERLIN, NOW)
    assert "/data/attributes/timeframe" == caught.value.pointer
    with pytest.raises(Invalid, match='"x" is not a member of this request'):
        read_series_request({**asked, "x": 1}, BERLIN, NOW)
