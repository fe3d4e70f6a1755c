"""Every action and trigger type is stored and returned unchanged, whether or not it runs yet."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from flow_samples import creation, definition, metric

from headrace.flows.actions import ACTIONS as KNOWN

NOT_LIVE = {
    "action-output-split": "asks for the output of '3'",
    "back-in-stock-delay": "does not run yet",
    "list-update": "names no list",
}
"""The samples that keep their flow from going live, and why."""


def groups(condition: dict[str, Any]) -> dict[str, Any]:
    """Return a filter of one condition."""
    return {"condition_groups": [{"conditions": [condition]}]}


def nested(kind: str, message: dict[str, Any]) -> dict[str, Any]:
    """Return the main action of an experiment."""
    return {"temporary_id": "main", "type": kind, "links": {"next": None}, "data": {"message": message}}


BOUGHT = groups(
    {
        "type": "profile-property",
        "property": "properties['plan']",
        "filter": {"type": "string", "operator": "equals", "value": "gold"},
    }
)
COLOR = {
    "type": "metric-property",
    "metric_id": "METRIC",
    "field": "Color",
    "filter": {"type": "string", "operator": "in", "value": ["red", "blue"]},
}
SIZE = {
    "type": "action-output",
    "output_config_id": 3,
    "field": "size",
    "filter": {"type": "numeric", "operator": "greater-than", "value": 2},
}
BRANCHES = [
    {"branch_id": "red", "order": 1, "is_else": False, "branch_filter": groups(COLOR), "links": {"next": None}},
    {"branch_id": "else", "order": 2, "is_else": True, "branch_filter": None, "links": {"next": None}, "name": "Rest"},
]
ONE_WAY = {"next": None}
TWO_WAYS = {"next_if_true": None, "next_if_false": None}

ACTIONS: dict[str, tuple[dict[str, Any] | None, Any]] = {
    "ab-test": (ONE_WAY, {"status": "draft", "main_action": nested("send-sms", {"body": "A or B?"})}),
    "action-output-split": (TWO_WAYS, {"action_output_filter": groups(SIZE)}),
    "back-in-stock-delay": (ONE_WAY, None),
    "code": (ONE_WAY, {"anything": [1, {"metric_id": "not one"}]}),
    "conditional-split": (TWO_WAYS, {"profile_filter": BOUGHT}),
    "content-experiment": (
        ONE_WAY,
        {"status": "draft", "main_action": nested("send-whatsapp", {"vendor_id": "v1", "name": "W"})},
    ),
    "countdown-delay": (ONE_WAY, {"unit": "weeks", "value": 2, "delay_until_time": "09:00:00"}),
    "internal-service": (
        ONE_WAY,
        {
            "service_configuration": {
                "service_method_type": "track-event",
                "event_key": "Reached",
                "event_payload": {"snake_key": 1, "camelKey": 2},
            },
            "status": "draft",
        },
    ),
    "list-update": (ONE_WAY, {"name": "Add", "on_execution": True, "list_id": None, "status": "manual"}),
    "multi-branch-split": (None, {"name": "By color", "branches": BRANCHES}),
    "send-email": (ONE_WAY, {"message": {"subject_line": "Hi", "additional_filters": BOUGHT}, "status": "draft"}),
    "send-internal-alert": (
        ONE_WAY,
        {
            "message": {
                "from_email": "a@example.com",
                "from_label": "A",
                "to_emails": ["b@example.com"],
                "subject_line": "Look",
            },
            "status": "live",
        },
    ),
    "send-mobile-push": (
        ONE_WAY,
        {"message": {"title": "T", "body": "B", "kv_pairs": {"some_key": "x"}, "sound": True}, "status": "draft"},
    ),
    "send-sms": (ONE_WAY, {"message": {"body": "Hi", "shorten_links": False}, "status": "disabled"}),
    "send-webhook": (
        ONE_WAY,
        {"message": {"url": "https://shop.example.com", "headers": {"X-Key_a": "1"}, "body": "{}"}, "status": "draft"},
    ),
    "send-whatsapp": (ONE_WAY, {"message": {"vendor_id": "v1", "transactional": True}, "status": "draft"}),
    "target-date": (ONE_WAY, {"timezone": "Europe/Berlin", "target_time": "10:00:00", "target_days": ["monday"]}),
    "time-delay": (ONE_WAY, {"unit": "days", "value": 1, "delay_until_weekdays": ["friday"], "timezone": "UTC"}),
    "trigger-split": (
        TWO_WAYS,
        {"trigger_filter": groups(COLOR), "trigger_id": "METRIC", "trigger_type": "metric", "trigger_subtype": None},
    ),
    "update-profile": (
        ONE_WAY,
        {
            "profile_operations": [
                {"operator": "update", "property_type": "numeric", "property_key": "visits", "property_value": 2.5},
                {"operator": "delete", "property_key": "old"},
            ],
            "status": "draft",
        },
    ),
}

DATED = {
    "timedelta_unit_before_date": "days",
    "timedelta_value_before_date": 3,
    "recurrence_frequency": "annually",
    "timezone": "profile",
    "trigger_time": "10:00:00",
}
TRIGGERS: list[tuple[str, dict[str, Any]]] = [
    ("Metric", {"type": "metric", "id": "METRIC", "trigger_filter": groups(COLOR)}),
    ("Added to List", {"type": "list", "id": None}),
    ("Added to List", {"type": "segment"}),
    (
        "Date Based",
        {"type": "date", "date_field_type": "profile-property", "date_profile_property": "birthday", **DATED},
    ),
    (
        "Date Based",
        {
            "type": "date",
            "date_field_type": "custom-object",
            "custom_object_label": "Pet",
            "custom_object_property_id": 4,
            "object_type_id": "01GDDKASAP8TKDDA2GRZDSVP4H",
            "object_type_relationship_id": "01GDDKASAP8TKDDA2GRZDSVP4J",
            **DATED,
        },
    ),
    (
        "Price Drop",
        {
            "type": "price-drop",
            "price_drop_amount_value": 10.5,
            "price_drop_amount_unit": "percent",
            "audience": ["viewed"],
            "trigger_filter": None,
        },
    ),
    (
        "Low Inventory",
        {
            "type": "low-inventory",
            "product_level": "variant",
            "inventory_count": 3,
            "audience": ["added-to-cart"],
            "trigger_filter": None,
        },
    ),
]


def naming(value: Any, metric_id: str) -> Any:
    """Return a document in which METRIC is the id of a metric that the account has."""
    if isinstance(value, dict):
        return {key: naming(below, metric_id) for key, below in value.items()}
    if isinstance(value, list):
        return [naming(below, metric_id) for below in value]
    return metric_id if value == "METRIC" else value


def without_ids(value: Any) -> Any:
    """Return an action without the ids of its own, its main action and their messages."""
    if not isinstance(value, dict):
        return value
    return {key: without_ids(below) for key, below in value.items() if key not in ("id", "temporary_id")}


async def store(api: Api, document: Any) -> dict[str, Any]:
    """Create a flow and return it with its definition."""
    answer = await api.post("/api/flows?additional-fields[flow]=definition", creation("One", document))
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


@pytest.mark.parametrize("kind", ACTIONS)
async def test_an_action_of_each_type_comes_back_unchanged(api: Api, kind: str) -> None:
    """The action, alone in its flow, is returned as it was given, and its flow goes live unless it lacks something."""
    metric_id = await metric(api)
    links, data = ACTIONS[kind]
    action = {"temporary_id": "only", "type": kind, "links": links, **({} if data is None else {"data": data})}
    action = naming(action, metric_id)
    flow = await store(api, definition(metric_id, action))
    [stored] = flow["attributes"]["definition"]["actions"]
    body = {"data": {"type": "flow", "id": flow["id"], "attributes": {"status": "live"}}}
    answer = await api.patch(f"/api/flows/{flow['id']}", body)
    assert without_ids(stored) == without_ids(action)
    assert answer.status_code == (409 if kind in NOT_LIVE else 200), answer.text
    assert kind not in NOT_LIVE or NOT_LIVE[kind] in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(("shown", "trigger"), TRIGGERS)
async def test_a_trigger_of_each_type_comes_back_unchanged(api: Api, shown: str, trigger: dict[str, Any]) -> None:
    """The trigger is returned as it was given, under the name that the API has for it."""
    metric_id = await metric(api)
    document = {"triggers": [naming(trigger, metric_id)], "actions": [], "entry_action_id": None}
    flow = await store(api, document)
    assert flow["attributes"]["trigger_type"] == shown
    assert flow["attributes"]["definition"] == document


def test_every_type_has_a_sample() -> None:
    """A new action type needs a row here."""
    assert set(KNOWN) == set(ACTIONS)
