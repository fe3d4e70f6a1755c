"""What each served revision shows of flows, actions, messages and reports."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from flow_samples import cart_flow, metric

from headrace.api.revisions import SERVED

OLD_ACTION = {
    *("action_type", "status", "created", "updated", "settings"),
    *("tracking_options", "send_options", "render_options"),
}
OLD_MESSAGE = {"name", "channel", "content", "created", "updated"}
NEW_ACTION = {"created", "updated", "definition"}


async def email_of(api: Api, flow_id: str, revision: str) -> dict[str, Any]:
    """Return the flow's e-mail action."""
    path = f"/api/flows/{flow_id}/flow-actions?filter=equals(action_type,'SEND_EMAIL')"
    return dict((await api.get(path, revision=revision)).json()["data"][0])


@pytest.mark.parametrize("revision", SERVED)
async def test_actions_and_messages_have_the_attributes_of_the_revision(api: Api, revision: str) -> None:
    """The parts of an action and a message gave way to definitions in 2025-10-15; the channel was away for one."""
    flow_id = await cart_flow(api)
    action = await email_of(api, flow_id, revision)
    path = f"/api/flow-actions/{action['id']}/flow-messages"
    message = (await api.get(path, revision=revision)).json()["data"][0]
    channel = {"channel"} if revision >= "2026-01-15" else set()
    badge = {"badge_options"} if revision == "2025-07-15" else set()
    assert set(action["attributes"]) == (NEW_ACTION if revision >= "2025-10-15" else OLD_ACTION | badge)
    assert set(message["attributes"]) == (NEW_ACTION | channel if revision >= "2025-10-15" else OLD_MESSAGE)


@pytest.mark.parametrize("revision", SERVED)
async def test_relationships_carry_data_from_2026_04_15_on(api: Api, revision: str) -> None:
    """Before, only included relationships name their resources."""
    action = await email_of(api, await cart_flow(api), revision)
    shown = {name: "data" in one for name, one in action["relationships"].items()}
    assert shown == dict.fromkeys(("flow", "flow-messages"), revision >= "2026-04-15")


@pytest.mark.parametrize("revision", SERVED)
async def test_links_and_media_types_changed_in_2024_10_15(api: Api, revision: str) -> None:
    """Links end in a slash and answers are plain JSON before it."""
    await cart_flow(api)
    answer = await api.get("/api/flows", revision=revision)
    link = answer.json()["data"][0]["links"]["self"]
    media_type = answer.headers["content-type"].split(";")[0]
    modern = revision >= "2024-10-15"
    assert (link.endswith("/"), media_type == "application/vnd.api+json") == (not modern, modern)


@pytest.mark.parametrize("revision", SERVED)
async def test_definitions_came_in_2025_01_15(api: Api, revision: str) -> None:
    """additional-fields[flow] is unknown before it; re-entry criteria are shown from 2026-01-15 on."""
    reentry = {"duration": 2, "unit": "day"}
    document = {
        "triggers": [{"type": "metric", "id": await metric(api)}],
        "actions": [],
        "entry_action_id": None,
        "reentry_criteria": reentry,
    }
    body = {"data": {"type": "flow", "attributes": {"name": "Again", "definition": document}}}
    flow_id = (await api.post("/api/flows", body)).json()["data"]["id"]
    answer = await api.get(f"/api/flows/{flow_id}?additional-fields[flow]=definition", revision=revision)
    if revision < "2025-01-15":
        assert answer.status_code == 400
    else:
        shown = answer.json()["data"]["attributes"]["definition"]
        assert shown.get("reentry_criteria") == (reentry if revision >= "2026-01-15" else None)


@pytest.mark.parametrize("revision", [one for one in SERVED if one >= "2025-01-15"])
async def test_a_split_into_branches_was_several_actions_before_2026_01_15(api: Api, revision: str) -> None:
    """A split, whose link is an array, and a branch for each way; it is created and shown so."""
    named = {"name": "Who", "branches": [{"branch_id": "b1", "is_else": False}, {"branch_id": "b2", "is_else": True}]}
    one = {"temporary_id": "s", "type": "multi-branch-split", "data": named}
    several = [
        {"temporary_id": "s", "type": "split", "links": {"next": ["b1", "b2"]}, "data": {"name": "Who"}},
        {"temporary_id": "b1", "type": "branch", "links": {"next": None}, "data": {"is_else": False}},
        {"temporary_id": "b2", "type": "branch", "links": {"next": None}, "data": {"is_else": True}},
    ]
    old = revision < "2026-01-15"
    trigger = {"type": "metric", "id": await metric(api)}
    document = {"triggers": [trigger], "actions": several if old else [one], "entry_action_id": "s"}
    body = {"data": {"type": "flow", "attributes": {"name": "Branches", "definition": document}}}
    made = await api.post("/api/flows", body, revision=revision)
    assert made.status_code == 201, made.text
    path = f"/api/flows/{made.json()['data']['id']}?additional-fields[flow]=definition"
    shown, newest = [
        (await api.get(path, revision=asked)).json()["data"]["attributes"]["definition"]["actions"]
        for asked in (revision, SERVED[-1])
    ]
    assert [action["type"] for action in shown] == (["split", "branch", "branch"] if old else ["multi-branch-split"])
    assert shown[0]["links"] == {"next": ["b1", "b2"]} if old else shown == newest
    assert [branch["branch_id"] for branch in newest[0]["data"]["branches"]] == ["b1", "b2"]


@pytest.mark.parametrize("revision", SERVED)
async def test_reports_link_where_the_revision_says(api: Api, revision: str) -> None:
    """Inside the data up to 2024-06-15, nowhere up to 2025-10-15, at the top since."""
    attributes = {
        "statistics": ["opens"],
        "timeframe": {"key": "today"},
        "conversion_metric_id": await metric(api),
    }
    body = {"data": {"type": "flow-values-report", "attributes": attributes}}
    document = (await api.post("/api/flow-values-reports", body, revision=revision)).json()
    inside, top = "links" in document["data"], "links" in document
    assert (inside, top) == (revision < "2024-07-15", revision >= "2026-01-15")


@pytest.mark.parametrize(
    ("member", "value", "first"),
    [
        ("group_by", ["flow_id", "flow_message_id"], "2025-10-15"),
        ("group_by", ["flow_id", "flow_message_id", "tag_name"], "2026-01-15"),
        ("statistics", ["message_segment_count_sum"], "2025-10-15"),
        ("filter", "equals(variation,'x')", "2026-01-15"),
        ("filter", "equals(send_channel,'whatsapp')", "2026-01-15"),
        ("filter", "equals(send_channel,'sms')", "2024-02-15"),
    ],
)
async def test_reports_take_what_the_revision_knows(api: Api, member: str, value: Any, first: str) -> None:
    """Each grouping, statistic and filter is refused before the revision that brought it and taken since."""
    attributes = {
        "statistics": ["opens"],
        "timeframe": {"key": "today"},
        "conversion_metric_id": await metric(api),
        member: value,
    }
    body = {"data": {"type": "flow-values-report", "attributes": attributes}}
    statuses = {
        revision: (await api.post("/api/flow-values-reports", body, revision=revision)).status_code
        for revision in SERVED
    }
    assert statuses == {revision: 200 if revision >= first else 400 for revision in SERVED}


@pytest.mark.parametrize(
    ("method", "path", "first"),
    [
        ("DELETE", "/api/flows/{flow}", "2024-07-15"),
        ("POST", "/api/flows", "2025-01-15"),
        ("PATCH", "/api/flow-actions/{action}", "2025-10-15"),
        ("DELETE", "/api/flow-actions/{action}", "2026-04-15"),
    ],
)
async def test_operations_exist_from_their_revision_on(api: Api, method: str, path: str, first: str) -> None:
    """An operation that came later is a 400 at `revision` in every revision before it."""
    flow_id = await cart_flow(api)
    action = await email_of(api, flow_id, SERVED[-1])
    refused = []
    for revision in SERVED:
        body = None if method == "DELETE" else {"data": {}}
        answer = await api.send(method, path.format(flow=flow_id, action=action["id"]), body, revision=revision)
        if answer.status_code == 400 and answer.json()["errors"][0]["source"] == {"parameter": "revision"}:
            refused.append(revision)
    assert refused == [revision for revision in SERVED if revision < first]


async def test_lists_of_ids_were_narrower(api: Api) -> None:
    """Before 2025-01-15 action ids are not filtered by id, and come up to 100 at a time."""
    flow_id = await cart_flow(api)
    base = f"/api/flows/{flow_id}/relationships/flow-actions"
    queries = ("filter=any(id,['1'])", "sort=action_type", "page[size]=100")
    statuses = {
        revision: [(await api.get(f"{base}?{query}", revision=revision)).status_code for query in queries]
        for revision in ("2024-10-15", "2025-01-15")
    }
    assert statuses == {"2024-10-15": [400, 400, 200], "2025-01-15": [200, 200, 400]}
