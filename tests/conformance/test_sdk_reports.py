"""The official SDK queries reports: flows by values and series, segments, and the aggregates of metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, document, has_property, made_profile, made_segment, profile, refused
from served import Served

GROUPED = ["flow_id", "flow_message_id", "send_channel", "tag_name", "variation"]
FILTER = "and(equals(send_channel,\"email\"),contains-any(tag_name,['x']))"
AROUND = ["greater-or-equal(datetime,2026-05-01T00:00:00)", "less-than(datetime,2026-06-01T00:00:00)"]


def ordered(klaviyo: KlaviyoAPI, email: str, value: float, **properties: Any) -> None:
    """Record an order on 3 May 2026."""
    attributes = {
        "properties": properties,
        "metric": body("metric", {"name": "Placed Order"}),
        "profile": profile(email=email),
        "time": "2026-05-03T10:00:00+00:00",
        "value": value,
        "value_currency": "EUR",
        "unique_id": f"{email}:{value}",
    }
    klaviyo.Events.create_event(body("event", attributes))


def metric_id(klaviyo: KlaviyoAPI) -> str:
    """Return the id of the metric of orders."""
    [one] = [row for row in data(klaviyo.Metrics.get_metrics()) if row["attributes"]["name"] == "Placed Order"]
    return str(one["id"])


def asked(klaviyo: KlaviyoAPI, kind: str, **rest: Any) -> dict[str, Any]:
    """Return the body of a request for a report on flows."""
    ordered(klaviyo, "sarah@example.com", 20)
    attributes = {
        "statistics": ["opens", "open_rate", "conversion_value", "text_message_spend"],
        "timeframe": {"key": "last_7_days"},
        "group_by": GROUPED,
        "filter": FILTER,
        "conversion_metric_id": metric_id(klaviyo),
    }
    return body(f"flow-{kind}-report", {**attributes, **rest})


def test_the_sdk_queries_the_values_of_flows(klaviyo: KlaviyoAPI) -> None:
    """Nothing was sent, so there are no rows; a mistake reaches the SDK."""
    request = asked(klaviyo, "values")
    report = data(klaviyo.Reporting.query_flow_values(request))
    assert ("flow-values-report", []) == (report["type"], report["attributes"]["results"])
    sparse = data(klaviyo.Reporting.query_flow_values(request, fields_flow_values_report=["id"]))
    assert {} == sparse.get("attributes", {})
    with refused(400, "/data/attributes/conversion_metric_id", "N0body"):
        klaviyo.Reporting.query_flow_values(asked(klaviyo, "values", conversion_metric_id="N0body"))


@pytest.mark.parametrize(("interval", "buckets"), [("daily", 7), ("hourly", None), ("weekly", None), ("monthly", None)])
def test_the_sdk_queries_the_series_of_flows(klaviyo: KlaviyoAPI, interval: str, buckets: int | None) -> None:
    """Every interval has its buckets; a timeframe that is too long for one is refused."""
    request = asked(klaviyo, "series", interval=interval)
    report = data(klaviyo.Reporting.query_flow_series(request))["attributes"]
    assert [] == report["results"]
    assert buckets in (None, len(report["date_times"]))
    sparse = klaviyo.Reporting.query_flow_series(request, fields_flow_series_report=["results"])
    assert {"results"} == {name for name, value in data(sparse)["attributes"].items() if value is not None}
    with refused(400, "/data/attributes/timeframe"):
        frame = {"start": "2024-01-01T00:00:00", "end": "2024-12-31T00:00:00"}
        klaviyo.Reporting.query_flow_series(asked(klaviyo, "series", interval=interval, timeframe=frame))


def test_the_sdk_queries_reports_on_segments(served: Served, klaviyo: KlaviyoAPI) -> None:
    """Who came into a segment is in its values and in its series."""
    made_profile(klaviyo, "gold@example.com", properties={"plan": "gold"})
    segment_id = made_segment(klaviyo, "Gold", has_property("plan", "gold"))
    served.work()
    attributes = {"statistics": ["total_members"], "timeframe": {"key": "today"}}
    values = data(klaviyo.Reporting.query_segment_values(body("segment-values-report", attributes)))
    [row] = values["attributes"]["results"]
    assert (segment_id, 1) == (row["groupings"]["segment_id"], row["statistics"]["total_members"])
    attributes["interval"] = "daily"
    series = data(klaviyo.Reporting.query_segment_series(body("segment-series-report", attributes)))["attributes"]
    assert [1] == [int(one) for one in series["results"][0]["statistics"]["total_members"]]
    assert 1 == len(series["date_times"])


def aggregate(klaviyo: KlaviyoAPI, **rest: Any) -> dict[str, Any]:
    """Return the body of a query for the orders of May 2026."""
    attributes = {"metric_id": metric_id(klaviyo), "measurements": ["count"], "filter": AROUND, **rest}
    return body("metric-aggregate", attributes)


def test_the_sdk_queries_the_aggregates_of_a_metric(served: Served, klaviyo: KlaviyoAPI) -> None:
    """Counts, sums and people by day, by dimensions in an order, with few fields; and what is wrong with a query."""
    for email, value, subject in (("ann", 20, "a"), ("ann", 5, "b"), ("bob", 1, "b")):
        ordered(klaviyo, f"{email}@example.com", value, Subject=subject)
    served.work()
    query = klaviyo.Metrics.query_metric_aggregates
    measurements = ["count", "sum_value", "unique"]
    found = data(query(aggregate(klaviyo, measurements=measurements, interval="day", timezone="Europe/Berlin")))
    assert 31 == len(found["attributes"]["dates"])
    assert datetime(2026, 4, 30, 22, tzinfo=UTC) == _moment(found["attributes"]["dates"][0])
    [row] = found["attributes"]["data"]
    assert {"count": 3, "sum_value": 26, "unique": 2} == {
        name: sum(figures) for name, figures in row["measurements"].items()
    }
    grouped = data(query(aggregate(klaviyo, by=["Subject"], sort="-count", interval="month", page_size=500)))
    assert [(["b"], [2]), (["a"], [1])] == [
        (one["dimensions"], one["measurements"]["count"]) for one in grouped["attributes"]["data"]
    ]
    only = [*AROUND, 'equals($attributed_flow,"")', "not(equals(Subject,'a'))"]
    [row] = data(query(aggregate(klaviyo, filter=only, interval="week")))["attributes"]["data"]
    assert 2 == sum(row["measurements"]["count"])
    sparse = document(query(aggregate(klaviyo), fields_metric_aggregate=["dates"]))["data"]["attributes"]
    assert {"dates"} == {name for name, value in sparse.items() if value is not None}
    with refused(400, "/data/attributes/filter", "less-than(datetime,...)"):
        query(aggregate(klaviyo, filter=AROUND[:1]))


def _moment(shown: Any) -> datetime:
    return shown if isinstance(shown, datetime) else datetime.fromisoformat(shown)
