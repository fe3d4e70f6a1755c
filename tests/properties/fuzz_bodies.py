"""Bodies that are carried out, of operations whose bodies a schema alone does not tell well."""

from __future__ import annotations

from typing import Any

PERSON = {"data": {"type": "profile", "attributes": {"email": "p0@example.com"}}}
METRIC = {"data": {"type": "metric", "attributes": {"name": "Metric 0"}}}
NAMED = {"type": "profile-property", "property": "properties['tier']", "filter": {}}
NAMED["filter"] = {"type": "string", "operator": "equals", "value": "gold"}
MESSAGE = {
    "from_email": "shop@example.com",
    "from_label": "Shop",
    "subject_line": "Hello",
    "preview_text": "",
    "template_id": None,
    "smart_sending_enabled": True,
    "transactional": False,
    "add_tracking_params": False,
    "name": "Mail",
}
FLOW = {
    "triggers": [],
    "profile_filter": {"condition_groups": [{"conditions": [NAMED]}]},
    "actions": [
        {
            "temporary_id": "one",
            "type": "time-delay",
            "links": {"next": "two"},
            "data": {"unit": "hours", "value": 4, "secondary_value": 0, "timezone": "profile"},
        },
        {
            "temporary_id": "two",
            "type": "conditional-split",
            "links": {"next_if_true": "three", "next_if_false": None},
            "data": {"profile_filter": {"condition_groups": [{"conditions": [NAMED]}]}},
        },
        {
            "temporary_id": "three",
            "type": "send-email",
            "links": {"next": None},
            "data": {"message": MESSAGE, "status": "draft"},
        },
    ],
    "entry_action_id": "one",
}


def _of(kind: str, **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": kind, "attributes": attributes}}


EVENT = {"metric": METRIC, "properties": {"a": 1, "b": [1, {"c": "x"}]}, "value": 9.99, "time": "2026-11-01T00:00:00Z"}
STATISTICS = ["opens", "open_rate", "conversion_value"]
TIMEFRAME = {"key": "last_12_months"}
REPORT = {
    "statistics": STATISTICS,
    "timeframe": TIMEFRAME,
    "conversion_metric_id": "NOPE01",
    "filter": "equals(flow_id,'x')",
}
GOOD: dict[str, Any] = {
    "create_profile": _of(
        "profile",
        email="new@example.com",
        first_name="New",
        phone_number="+4917012345678",
        location={"city": "Berlin", "latitude": 52.5, "timezone": "Europe/Berlin"},
        properties={"tier": "gold", "list": [1, 2]},
    ),
    "update_profile": {"data": {"type": "profile", "id": "xxxx", "attributes": {"first_name": "Al", "properties": {}}}},
    "bulk_subscribe_profiles": _of(
        "profile-subscription-bulk-create-job",
        profiles={
            "data": [
                {
                    "type": "profile",
                    "attributes": {
                        "email": "p0@example.com",
                        "subscriptions": {"email": {"marketing": {"consent": "SUBSCRIBED"}}},
                    },
                }
            ]
        },
    ),
    "create_or_update_profile": _of("profile", email="p1@example.com", properties={"tier": "gold"}),
    "create_event": _of("event", **EVENT, profile=PERSON, unique_id="one"),
    "create_flow": _of("flow", name="Flow", definition=FLOW),
    "create_segment": _of("segment", name="S", definition={"condition_groups": [{"conditions": [NAMED]}]}),
    "create_list": _of("list", name="L"),
    "create_tag": _of("tag", name="T"),
    "create_template": _of("template", name="T", editor_type="CODE", html="<p>{{ first_name }}</p>", text="x"),
    "query_flow_values": _of("flow-values-report", **REPORT),
    "query_flow_series": _of("flow-series-report", **REPORT, interval="monthly"),
    "query_metric_aggregates": _of(
        "metric-aggregate",
        metric_id="NOPE01",
        measurements=["count", "sum_value"],
        interval="day",
        page_size=500,
        timezone="Europe/Berlin",
        filter=["greater-or-equal(datetime,2026-10-01T00:00:00)", "less-than(datetime,2026-11-01T00:00:00)"],
        by=["$attributed_flow"],
    ),
}
