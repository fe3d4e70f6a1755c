"""The requests of the public Flows API overview (revision 2024-02-15), and documents with the keys of its samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from api_client import Api
from flow_samples import cart_flow, metric

REVISION = "2024-02-15"
RELATIONSHIP = {"links": {"self": str, "related": str}}

FLOW = {
    "type": str,
    "id": str,
    "attributes": {
        "name": str,
        "status": str,
        "archived": bool,
        "created": str,
        "updated": str,
        "trigger_type": str,
    },
    "relationships": {"flow-actions": RELATIONSHIP, "tags": RELATIONSHIP},
    "links": {"self": str},
}
EMAIL_ACTION = {
    "type": str,
    "id": str,
    "attributes": {
        "action_type": str,
        "status": str,
        "created": str,
        "updated": str,
        "settings": {},
        "tracking_options": {
            "add_utm": bool,
            "utm_params": list,
            "is_tracking_opens": bool,
            "is_tracking_clicks": bool,
        },
        "send_options": {"use_smart_sending": bool, "is_transactional": bool},
        "render_options": type(None),
    },
    "relationships": {"flow": RELATIONSHIP, "flow-messages": RELATIONSHIP},
    "links": {"self": str},
}
EMAIL_MESSAGE = {
    "type": str,
    "id": str,
    "attributes": {
        "name": str,
        "channel": str,
        "content": {
            "subject": str,
            "preview_text": str,
            "from_email": str,
            "from_label": str,
            "reply_to_email": type(None),
            "cc_email": type(None),
            "bcc_email": type(None),
        },
        "created": str,
        "updated": str,
    },
    "relationships": {"flow-action": RELATIONSHIP, "template": RELATIONSHIP},
    "links": {"self": str},
}
TEMPLATE = {
    "type": str,
    "id": str,
    "attributes": {"name": str, "editor_type": str, "html": str, "text": str, "created": str, "updated": str},
    "links": {"self": str},
}


def shape(value: Any) -> Any:
    """Return a document with every value replaced by its type, so that only keys and types are left."""
    if isinstance(value, Mapping):
        return {key: shape(below) for key, below in value.items()}
    return type(value)


async def ask(api: Api, path: str) -> httpx.Response:
    """Send a GET as the overview does: the revision of its day, and `accept: application/json`."""
    return await api.get(path, revision=REVISION, headers={"accept": "application/json"})


async def first(api: Api, path: str) -> Any:
    """Return the first resource of a list."""
    answer = await ask(api, path)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]


async def test_flows_have_the_keys_of_the_sample(api: Api) -> None:
    """GET /api/flows/ answers flows with attributes, relationship links and a self link, nothing else."""
    await cart_flow(api)
    assert shape(await first(api, "/api/flows/")) == FLOW


async def test_one_flow_has_the_keys_of_the_sample(api: Api) -> None:
    """GET /api/flows/{id}/ answers the same flow, alone, with or without the slash."""
    flow_id = await cart_flow(api)
    for path in (f"/api/flows/{flow_id}/", f"/api/flows/{flow_id}"):
        document = (await ask(api, path)).json()
        assert (set(document), shape(document["data"])) == ({"data"}, FLOW)


@pytest.mark.parametrize(
    ("related", "type_"),
    [("flow-actions", "flow-action"), ("tags", "tag")],
)
async def test_relationships_of_a_flow_list_ids(api: Api, related: str, type_: str) -> None:
    """The relationship endpoints, for accessing a list of related objects of a flow, answer types and ids."""
    flow_id = await cart_flow(api)
    listed = (await ask(api, f"/api/flows/{flow_id}/relationships/{related}/")).json()["data"]
    assert [set(one) for one in listed] == [{"type", "id"}] * len(listed)
    assert {one["type"] for one in listed} <= {type_}
    whole = (await ask(api, f"/api/flows/{flow_id}/{related}/")).json()["data"]
    assert {one["id"] for one in whole} == {one["id"] for one in listed}


async def test_every_link_of_a_flow_ends_in_a_slash(api: Api) -> None:
    """In this revision links end in a slash, and each of them can be followed as it is."""
    await cart_flow(api)
    flow = await first(api, "/api/flows/")
    found = [flow["links"]["self"], *(link for one in flow["relationships"].values() for link in one["links"].values())]
    assert [link for link in found if not link.endswith("/")] == []
    assert [(await ask(api, link)).status_code for link in found] == [200] * len(found)


async def test_answers_are_plain_json(api: Api) -> None:
    """The media type of this revision is application/json."""
    answer = await ask(api, "/api/flows/")
    assert answer.headers["content-type"].split(";")[0] == "application/json"


@pytest.mark.parametrize(
    "query",
    [
        'filter=and(equals(trigger_type,"Metric"))',
        "filter=and(equals(trigger_type,'Metric'),equals(status,\"draft\"))",
        'filter=equals(trigger_type,"Metric")',
        "sort=-updated",
        "include=flow-actions",
        "include=flow-action&fields[flow-action]=status",
    ],
)
async def test_the_queries_of_the_overview_find_the_flow(api: Api, query: str) -> None:
    """Each query of the overview's table is answered with the flow, slash or none."""
    flow_id = await cart_flow(api)
    for path in ("/api/flows/", "/api/flows"):
        answer = await ask(api, f"{path}?{query}")
        assert [flow_id] == [one["id"] for one in answer.json()["data"]], answer.text


async def test_another_trigger_type_finds_nothing(api: Api) -> None:
    """The filter by trigger type leaves out flows with another one."""
    await cart_flow(api)
    answer = await ask(api, '/api/flows?filter=and(equals(trigger_type,"Added to List"))')
    assert answer.json()["data"] == []


async def test_the_unbalanced_filter_of_the_overview_is_explained(api: Api) -> None:
    """The overview prints a filter whose parenthesis is never closed: a 400 says exactly that."""
    answer = await ask(api, '/api/flows?filter=and(equals(trigger_type,"Added to List")')
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["source"]) == (400, {"parameter": "filter"})
    assert "parenthesis" in error["detail"]


async def test_included_actions_show_only_the_status_asked_for(api: Api) -> None:
    """fields[flow-action]=status leaves nothing but the status of the included actions."""
    await cart_flow(api)
    answer = await ask(api, "/api/flows?include=flow-actions&fields[flow-action]=status")
    assert [one["attributes"] for one in answer.json()["included"]] == [
        {"status": None},
        {"status": None},
        {"status": "draft"},
        {"status": "draft"},
    ]


async def test_included_relationships_carry_their_data(api: Api) -> None:
    """A relationship that was included names its resources, the other one only links."""
    await cart_flow(api)
    flow = await first(api, "/api/flows?include=flow-actions")
    assert {"flow-actions": {"data", "links"}, "tags": {"links"}} == {
        name: set(one) for name, one in flow["relationships"].items()
    }


async def test_an_email_action_has_the_keys_of_the_sample(api: Api) -> None:
    """Get Flow Flow Actions answers the options of a Send Email action."""
    flow_id = await cart_flow(api)
    action = await first(api, f"/api/flows/{flow_id}/flow-actions/?filter=equals(action_type,'SEND_EMAIL')")
    assert shape(action) == EMAIL_ACTION
    assert action["attributes"]["action_type"] == "SEND_EMAIL"


async def test_a_delay_shows_its_seconds(api: Api) -> None:
    """A Time Delay action's settings hold the delay's length in seconds."""
    flow_id = await cart_flow(api)
    action = await first(api, f"/api/flows/{flow_id}/flow-actions/?filter=equals(action_type,'TIME_DELAY')")
    assert action["attributes"]["settings"] == {"delay_seconds": 4 * 3600}


async def test_a_text_message_action_shows_its_render_options(api: Api) -> None:
    """A Send SMS action has render options and no tracking of opens."""
    flow_id = await cart_flow(api)
    action = await first(api, f"/api/flows/{flow_id}/flow-actions/?filter=equals(action_type,'SEND_SMS')")
    assert set(action["attributes"]["tracking_options"]) == {"add_utm", "utm_params"}
    assert action["attributes"]["render_options"] == {
        "shorten_links": True,
        "add_org_prefix": True,
        "add_info_link": True,
        "add_opt_out_language": False,
    }


async def test_a_text_message_has_a_body(api: Api) -> None:
    """Get Flow Action Messages answers messages of text message actions too, with the content of their channel."""
    flow_id = await cart_flow(api)
    action = await first(api, f"/api/flows/{flow_id}/flow-actions/?filter=equals(action_type,'SEND_SMS')")
    message = await first(api, f"/api/flow-actions/{action['id']}/flow-messages/")
    assert message["attributes"]["channel"] == "SMS"
    assert shape(message["attributes"]["content"]) == {"body": str, "media_url": type(None)}


async def test_the_message_and_template_of_an_action_are_found(api: Api) -> None:
    """From a flow to its e-mail's action, message and template, by the links of each answer."""
    flow_id = await cart_flow(api)
    action = await first(api, f"/api/flows/{flow_id}/flow-actions/?filter=equals(action_type,'SEND_EMAIL')")
    message = await first(api, action["relationships"]["flow-messages"]["links"]["related"])
    template = (await ask(api, message["relationships"]["template"]["links"]["related"])).json()["data"]
    assert shape(message) == EMAIL_MESSAGE
    assert message["attributes"]["content"]["subject"] == "You left something"
    assert shape(template) == TEMPLATE


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/flows/"), ("DELETE", "/api/flows/{flow}/"), ("PATCH", "/api/flow-actions/{action}/")],
)
async def test_what_later_revisions_brought_is_refused(api: Api, method: str, path: str) -> None:
    """Creating and deleting flows and changing actions came later: a 400 names the first revision that can."""
    flow_id = await cart_flow(api)
    action = await first(api, f"/api/flows/{flow_id}/flow-actions/")
    answer = await api.send(method, path.format(flow=flow_id, action=action["id"]), {"data": {}}, revision=REVISION)
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"parameter": "revision"})


async def test_the_definition_is_not_offered(api: Api) -> None:
    """additional-fields is a parameter that this revision does not know."""
    flow_id = await cart_flow(api)
    answer = await ask(api, f"/api/flows/{flow_id}/?additional-fields[flow]=definition")
    assert answer.status_code == 400


async def test_a_status_is_set(api: Api) -> None:
    """PATCH sets the status of the flow and of the actions that have one."""
    flow_id = await cart_flow(api)
    body = {"data": {"type": "flow", "id": flow_id, "attributes": {"status": "manual"}}}
    answer = await api.patch(f"/api/flows/{flow_id}/", body, revision=REVISION)
    assert (answer.status_code, shape(answer.json()["data"])) == (200, FLOW)
    actions = (await ask(api, f"/api/flows/{flow_id}/flow-actions/?filter=equals(status,'manual')")).json()["data"]
    assert {"SEND_EMAIL", "SEND_SMS"} == {one["attributes"]["action_type"] for one in actions}


async def test_a_report_links_to_itself_inside_its_data(api: Api) -> None:
    """Up to 2024-06-15 the report's own link stands in the data, and there are no links beside it."""
    attributes = {
        "statistics": ["opens"],
        "timeframe": {"key": "last_30_days"},
        "conversion_metric_id": await metric(api),
        "filter": None,
    }
    body = {"data": {"type": "flow-values-report", "attributes": attributes}}
    document = (await api.post("/api/flow-values-reports/", body, revision=REVISION)).json()
    assert set(document) == {"data"}
    assert document["data"]["links"] == {"self": "http://headrace.test/api/flow-values-reports/"}
    assert document["data"]["relationships"] == {"flows": {"data": []}, "flow-messages": {"data": []}}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("group_by", ["flow_id", "flow_message_id"]),
        ("statistics", ["text_message_spend"]),
        ("filter", "equals(flow_name,'x')"),
    ],
)
async def test_a_report_refuses_what_came_later(api: Api, member: str, value: Any) -> None:
    """Groupings, four statistics and further filters are unknown to this revision."""
    attributes = {
        "statistics": ["opens"],
        "timeframe": {"key": "today"},
        "conversion_metric_id": await metric(api),
        member: value,
    }
    body = {"data": {"type": "flow-values-report", "attributes": attributes}}
    answer = await api.post("/api/flow-values-reports/", body, revision=REVISION)
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (
        400,
        {"pointer": f"/data/attributes/{member}"},
    )
