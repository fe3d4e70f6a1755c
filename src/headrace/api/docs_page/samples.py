"""What example requests say: values by the names of members, and whole bodies where a schema does not tell enough.

What is here: words that an account without anything in it accepts, but for ids, which stand as METRIC_ID and the like.
What is not: how an example is made of a schema (`schema`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EMAIL = "ann@example.com"
TELEPHONE = "+15005550006"
VALUES: Mapping[str, Any] = {
    "action_id": "10000001",
    "app_build": "1",
    "body": "Hello",
    "churn_probability": 0.5,
    "country": "US",
    "editor_type": "CODE",
    "email": EMAIL,
    "endpoint_url": "https://example.com/hook",
    "from": TELEPHONE,
    "html": "<p>Hello {{ first_name|default:'you' }}</p>",
    "image": "https://example.com/ann.png",
    "import_from_url": "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
    "ip": "203.0.113.7",
    "latitude": 52.52,
    "locale": "en-US",
    "longitude": 13.4,
    "metric_id": "METRIC_ID",
    "name": "Example",
    "phone_number": TELEPHONE,
    "secret_key": "a secret of some length",
    "status": "live",
    "timezone": "Europe/Berlin",
}
"""By the name of a member that is text or a number."""

PERSON: Mapping[str, Any] = {"type": "profile", "attributes": {"email": EMAIL}}
"""Somebody, wherever a body names a person; a schema alone cannot say that one of several names is needed."""

_DELAY: Mapping[str, Any] = {
    "type": "time-delay",
    "links": {"next": None},
    "data": {"unit": "days", "value": 1, "secondary_value": 0},
}
_PEOPLE: Mapping[str, Any] = {"data": [PERSON]}
_REPORT: Mapping[str, Any] = {"statistics": ["opens", "clicks"], "timeframe": {"key": "last_30_days"}}


def _data(kind: str, attributes: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    return {"data": {"type": kind, "attributes": attributes, **more}}


def _consent(kind: str, consent: str) -> Mapping[str, Any]:
    marketing = {"email": {"marketing": {"consent": consent}}}
    person = {"type": "profile", "attributes": {"email": EMAIL, "subscriptions": marketing}}
    return _data(kind, {"profiles": {"data": [person]}})


_ANN = _data("profile", {"email": EMAIL, "first_name": "Ann", "properties": {"favorite_color": "green"}})
_REVIEWED = _data("headrace-review-decision", {"flow_id": "FLOW_ID", "action_id": "10000001"})
BODIES: Mapping[str, Mapping[str, Any]] = {
    "act_on_headrace_clock": _data("headrace-clock", {"action": "advance", "by": "1d"}),
    "bulk_import_profiles": _data("profile-bulk-import-job", {"profiles": _PEOPLE}),
    "bulk_subscribe_profiles": _consent("profile-subscription-bulk-create-job", "SUBSCRIBED"),
    "bulk_suppress_profiles": _data("profile-suppression-bulk-create-job", {"profiles": _PEOPLE}),
    "bulk_unsubscribe_profiles": _consent("profile-subscription-bulk-delete-job", "UNSUBSCRIBED"),
    "bulk_unsuppress_profiles": _data("profile-suppression-bulk-delete-job", {"profiles": _PEOPLE}),
    "cancel_headrace_review_messages": _REVIEWED,
    "create_client_profile": _ANN,
    "create_flow": _data(
        "flow",
        {
            "name": "After an order",
            "definition": {
                "triggers": [{"type": "metric", "id": "METRIC_ID"}],
                "entry_action_id": "wait",
                "actions": [{"temporary_id": "wait", **_DELAY}],
            },
        },
    ),
    "create_flow_action": _data(
        "flow-action",
        {"definition": {"temporary_id": "wait", **_DELAY}},
        relationships={"flow": {"data": {"type": "flow", "id": "FLOW_ID"}}},
    ),
    "create_headrace_fault": _data("headrace-fault", {"operation": "get_flows", "status": 503, "count": 3}),
    "create_or_update_profile": _ANN,
    "create_profile": _ANN,
    "create_webhook": _data(
        "webhook",
        {
            "name": "Opened",
            "endpoint_url": "https://example.com/hook",
            "secret_key": "a secret of some length",
        },
        relationships={
            "webhook-topics": {"data": [{"type": "webhook-topic", "id": "event:klaviyo.opened_email"}]},
        },
    ),
    "query_flow_series": _data(
        "flow-series-report", {**_REPORT, "conversion_metric_id": "METRIC_ID", "interval": "daily"}
    ),
    "query_flow_values": _data("flow-values-report", {**_REPORT, "conversion_metric_id": "METRIC_ID"}),
    "query_metric_aggregates": _data(
        "metric-aggregate",
        {
            "metric_id": "METRIC_ID",
            "measurements": ["count", "sum_value"],
            "filter": ["greater-or-equal(datetime,2026-01-01)", "less-than(datetime,2026-02-01)"],
        },
    ),
    "query_segment_series": _data(
        "segment-series-report",
        {"statistics": ["total_members"], "timeframe": {"key": "last_30_days"}, "interval": "daily"},
    ),
    "release_headrace_review_messages": _REVIEWED,
    "request_profile_deletion": _data("data-privacy-deletion-job", {"profile": {"data": PERSON}}),
    "update_flow_action": _data(
        "flow-action",
        {"definition": {"id": "FLOW_ACTION_ID", **_DELAY}},
        id="FLOW_ACTION_ID",
    ),
}
"""By the id of an operation."""
