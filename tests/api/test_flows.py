"""Flows over the API, newest revision: making, reading, changing, deleting, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from api_client import Api, FixedClock
from flow_samples import cart_flow, creation, definition, delay, email, metric, sms, status_change, template

from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Connection


async def read(api: Api, flow_id: str) -> dict[str, Any]:
    """Return a flow's definition."""
    answer = await api.get(f"/api/flows/{flow_id}?additional-fields[flow]=definition")
    return dict(answer.json()["data"]["attributes"]["definition"])


async def actions(api: Api, flow_id: str) -> list[dict[str, Any]]:
    """Return a flow's actions as the API shows them."""
    return list((await api.get(f"/api/flows/{flow_id}/flow-actions")).json()["data"])


def errors(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """Return code and source of every error of an answer."""
    return [(one["code"], one["source"]) for one in answer.json()["errors"]]


def action_change(action_id: str, document: Any) -> dict[str, Any]:
    """Return the body that replaces an action."""
    return {"data": {"type": "flow-action", "id": action_id, "attributes": {"definition": document}}}


async def test_a_flow_is_created_as_a_draft(api: Api) -> None:
    """Whatever its actions say, a new flow is a draft, and its answer holds the definition when that is asked for."""
    mail = email("mail", await template(api))
    mail["data"]["status"] = "live"
    body = creation("Welcome", definition(await metric(api), mail))
    answer = await api.post("/api/flows?additional-fields[flow]=definition", body)
    attributes = answer.json()["data"]["attributes"]
    assert (answer.status_code, attributes["status"], attributes["trigger_type"]) == (201, "draft", "Metric")
    assert attributes["definition"]["actions"][0]["data"]["status"] == "live"


async def test_temporary_ids_become_real_ones(api: Api) -> None:
    """Actions get decimal ids, which the links, the entry and nothing else name."""
    found = await read(api, await cart_flow(api))
    ids = [one["id"] for one in found["actions"]]
    wait, half = found["actions"][:2]
    assert [True] * 4 == [one.isdigit() for one in ids]
    assert (found["entry_action_id"], wait["links"]["next"]) == (ids[0], ids[1])
    assert (half["links"]["next_if_true"], half["links"]["next_if_false"]) == (ids[2], ids[3])
    assert [] == [one for one in found["actions"] if "temporary_id" in one]


async def test_a_flow_without_a_trigger_is_unconfigured(api: Api) -> None:
    """An empty list of triggers is legal and shown as Unconfigured; such a flow cannot go live."""
    document = {"triggers": [], "profile_filter": None, "actions": [], "entry_action_id": None}
    made = (await api.post("/api/flows", creation("Empty", document))).json()["data"]
    answer = await api.patch(f"/api/flows/{made['id']}", status_change(made["id"], "live"))
    assert (made["attributes"]["trigger_type"], answer.status_code) == ("Unconfigured", 409)


async def test_each_message_gets_a_copy_of_its_template(api: Api) -> None:
    """Two messages with one template own two copies of it, and the original stays as it was."""
    original = await template(api)
    document = definition(await metric(api), email("one", original, "two"), email("two", original))
    flow_id = (await api.post("/api/flows", creation("Twice", document))).json()["data"]["id"]
    copies = [one["data"]["message"]["template_id"] for one in (await read(api, flow_id))["actions"]]
    assert len({original, *copies}) == 3
    listed = (await api.get("/api/templates?fields[template]=html")).json()["data"]
    assert [{"html": "<p>Hello {{ first_name }}</p>"}] * 3 == [one["attributes"] for one in listed]
    assert {original, *copies} == {one["id"] for one in listed}


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        (("triggers", 0, "id"), "NOPE01", "/triggers/0/id"),
        (("actions", 1, "data", "message", "template_id"), "NOPE01", "/actions/1/data/message/template_id"),
        (("actions", 0, "links", "next"), "nowhere", "/actions/0/links/next"),
        (("actions", 1, "links", "next"), "wait", "/actions/1/links/next"),
        (("actions", 0, "data", "unit"), "years", "/actions/0/data/unit"),
        (("actions", 0, "data", "surprise"), 1, "/actions/0/data/surprise"),
        (("actions", 0, "type"), "dance", "/actions/0"),
        (("entry_action_id",), "nowhere", "/entry_action_id"),
    ],
)
async def test_a_mistake_in_a_definition_is_pointed_at(
    api: Api, path: tuple[Any, ...], value: Any, pointer: str
) -> None:
    """An unknown id, a broken link, a cycle, a wrong value, an unknown field: a 400 with a pointer, nothing written."""
    document = definition(await metric(api), delay("wait", "mail"), email("mail", await template(api)))
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    answer = await api.post("/api/flows", creation("Broken", document))
    assert answer.status_code == 400
    assert f"/data/attributes/definition{pointer}" in [one[1].get("pointer") for one in errors(answer)]
    assert await api.services.database.fetch_value("SELECT count(*) FROM flow") == 0
    assert await api.services.database.fetch_value("SELECT count(*) FROM template WHERE message_id IS NOT NULL") == 0


async def test_several_mistakes_give_several_errors(api: Api) -> None:
    """Every unknown id is told at once."""
    document = definition("NOPE01", email("mail", "NOPE02"))
    assert len(errors(await api.post("/api/flows", creation("Broken", document)))) == 2


async def test_every_kind_of_mistake_is_told_at_once(api: Api) -> None:
    """Wrong shapes, broken links, broken lines, unknown ids and an empty name are errors of one answer."""
    text = sms("text", "nowhere")
    text["data"]["message"]["body"] = "{{ a b }}"
    wait = delay("wait", "mail")
    wait["data"]["unit"] = "years"
    document = definition("NOPE01", wait, email("mail", "NOPE02", "text"), text)
    document["profile_filter"] = {"condition_groups": [{"conditions": [{"type": "dance", "list_id": "NOPE03"}]}]}
    answer = await api.post("/api/flows", creation("", document))
    places = [
        "actions/0/data/unit",
        "actions/1/data/message/template_id",
        "actions/2/data/message/body",
        "actions/2/links/next",
        "profile_filter/condition_groups/0/conditions/0",
        "triggers/0/id",
    ]
    told = sorted(one[1]["pointer"] for one in errors(answer))
    assert [*(f"/data/attributes/definition/{place}" for place in places), "/data/attributes/name"] == told


async def test_an_empty_flow_lacks_a_name_and_a_definition(api: Api) -> None:
    """A name that is empty is told beside a definition that is."""
    answer = await api.post("/api/flows", creation("", {}))
    told = {one[1]["pointer"] for one in errors(answer)}
    assert {"/data/attributes/name", "/data/attributes/definition/triggers"} <= told


@pytest.mark.parametrize("strange", [[], [["x"]], {"x": 1}, 5, None])
async def test_parts_of_strange_shapes_are_mistakes_only(api: Api, strange: Any) -> None:
    """Whatever stands where a text should, the answer is a 400."""
    document = definition("NOPE01", delay("wait", None))
    document["triggers"][0]["type"] = document["actions"][0]["temporary_id"] = strange
    document["profile_filter"] = {"type": strange, "trigger_type": strange, "list_id": strange}
    assert 400 == (await api.post("/api/flows", creation("Strange", document))).status_code


async def test_deep_documents_are_mistakes_only(api: Api) -> None:
    """A definition that never ends is a 400 too."""
    deep: Any = {}
    for _ in range(400):
        deep = {"group_ids": [deep], "x": [deep]} if deep == {} else {"x": [deep], "template_id": [[]]}
    document = {**definition("NOPE01", delay("wait", None)), "profile_filter": deep}
    assert 400 == (await api.post("/api/flows", creation("Deep", document))).status_code


async def test_every_mistake_of_a_changed_action_is_told_at_once(api: Api) -> None:
    """A wrong value, a broken link, a broken line and an unknown template are errors of one answer."""
    flow_id = await cart_flow(api)
    mail = (await actions(api, flow_id))[2]
    wanted = mail["attributes"]["definition"]
    wanted["links"] = {"next": "424242"}
    wanted["data"]["status"] = "dancing"
    wanted["data"]["message"] |= {"subject_line": "{% if %}", "template_id": "NOPE01"}
    answer = await api.patch(f"/api/flow-actions/{mail['id']}", action_change(mail["id"], wanted))
    places = ["data/message/subject_line", "data/message/template_id", "data/status", "links/next"]
    told = sorted(one[1]["pointer"] for one in errors(answer))
    assert [f"/data/attributes/definition/{place}" for place in places] == told


async def test_another_account_s_things_are_unknown(api: Api) -> None:
    """A metric of another account is refused like one that does not exist, and its flows are not found."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    foreign = (await services.metrics.ids(other.account_id, ["Started Checkout"]))["Started Checkout"]
    assert (await api.post("/api/flows", creation("Theirs", definition(foreign, sms("text"))))).status_code == 400
    flow_id = await cart_flow(api)
    key = await api.another_key(["*"], other)
    answer = await api.get(f"/api/flows/{flow_id}", headers={"Authorization": f"Klaviyo-API-Key {key}"})
    assert answer.status_code == 404


async def test_a_status_goes_to_every_action_that_has_one(api: Api, machine_clock: FixedClock) -> None:
    """Sends take the flow's status; delays and splits have none; `updated` follows the account's clock."""
    flow_id = await cart_flow(api)
    machine_clock.moment += timedelta(minutes=5)
    answer = await api.patch(f"/api/flows/{flow_id}", status_change(flow_id, "live"))
    statuses = [one["data"].get("status") for one in (await read(api, flow_id))["actions"]]
    updated = [one["attributes"]["updated"] for one in await actions(api, flow_id)]
    assert answer.json()["data"]["attributes"]["status"] == "live"
    assert [None, None, "live", "live"] == statuses
    assert [*["2026-11-20T12:00:00+00:00"] * 2, *["2026-11-20T12:05:00+00:00"] * 2] == updated


async def test_a_flow_that_does_not_run_refuses_to_go_live(api: Api) -> None:
    """The refusal names the action that does not run yet, and the flow stays a draft."""
    wait = {"temporary_id": "wait", "type": "back-in-stock-delay", "links": {"next": None}}
    made = await api.post("/api/flows", creation("Wait", definition(await metric(api), wait)))
    flow_id = made.json()["data"]["id"]
    [action] = await actions(api, flow_id)
    answer = await api.patch(f"/api/flows/{flow_id}", status_change(flow_id, "live"))
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["source"]) == (409, {"pointer": "/data/attributes/status"})
    assert action["id"] in error["detail"]
    assert "back-in-stock-delay" in error["detail"]
    assert (await api.get(f"/api/flows/{flow_id}")).json()["data"]["attributes"]["status"] == "draft"


async def test_an_unknown_status_is_refused(api: Api) -> None:
    """Only draft, manual and live can be set."""
    flow_id = await cart_flow(api)
    answer = await api.patch(f"/api/flows/{flow_id}", status_change(flow_id, "archived"))
    assert (answer.status_code, errors(answer)) == (400, [("invalid", {"pointer": "/data/attributes/status"})])


async def test_an_action_is_replaced(api: Api) -> None:
    """The new definition stands in the action and in the flow, whose version rises."""
    flow_id = await cart_flow(api)
    [wait, *_] = await actions(api, flow_id)
    wanted = {**wait["attributes"]["definition"], "data": {"unit": "days", "value": 2}}
    answer = await api.patch(f"/api/flow-actions/{wait['id']}", action_change(wait["id"], wanted))
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["attributes"]["definition"] == wanted
    assert (await read(api, flow_id))["actions"][0] == wanted
    assert await api.services.database.fetch_value("SELECT version FROM flow WHERE flow_id = $1", flow_id) == 2


async def test_a_message_keeps_its_template_until_it_names_another(api: Api) -> None:
    """Saving a message as it is keeps its own copy; naming another template makes a new copy."""
    flow_id = await cart_flow(api)
    mail = (await actions(api, flow_id))[2]
    document = mail["attributes"]["definition"]
    before = document["data"]["message"]["template_id"]
    await api.patch(f"/api/flow-actions/{mail['id']}", action_change(mail["id"], document))
    kept = (await read(api, flow_id))["actions"][2]["data"]["message"]["template_id"]
    other = await template(api, "Other", "<p>Other</p>")
    document["data"]["message"]["template_id"] = other
    await api.patch(f"/api/flow-actions/{mail['id']}", action_change(mail["id"], document))
    message = (await read(api, flow_id))["actions"][2]["data"]["message"]
    shown = (await api.get(f"/api/flow-messages/{message['id']}/template")).json()["data"]
    assert kept == before
    assert message["template_id"] not in (before, other)
    assert (shown["id"], shown["attributes"]["html"]) == (message["template_id"], "<p>Other</p>")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"type": "back-in-stock-delay"}, "/type"),
        ({"links": {"next": "424242"}}, "/links/next"),
        ({"data": {"unit": "hours", "value": "soon"}}, "/data/value"),
    ],
)
async def test_a_mistake_in_an_action_is_pointed_at(api: Api, change: Mapping[str, Any], pointer: str) -> None:
    """Another type, a link out of the flow and a wrong value are refused, with a pointer into the request."""
    flow_id = await cart_flow(api)
    [wait, *_] = await actions(api, flow_id)
    wanted = {**wait["attributes"]["definition"], **change}
    answer = await api.patch(f"/api/flow-actions/{wait['id']}", action_change(wait["id"], wanted))
    assert answer.status_code == 400
    assert f"/data/attributes/definition{pointer}" in [one[1].get("pointer") for one in errors(answer)]
    assert (await read(api, flow_id))["actions"][0] == wait["attributes"]["definition"]


async def test_a_deleted_action_leaves_a_tombstone(api: Api) -> None:
    """What led to the action leads past it, it is not found any more, and its row names the successor."""
    flow_id = await cart_flow(api)
    [wait, half, *_] = await actions(api, flow_id)
    answer = await api.delete(f"/api/flow-actions/{wait['id']}")
    row = await api.services.database.fetch_row(
        "SELECT deleted_at, successor_id FROM flow_action WHERE action_id = $1", int(wait["id"])
    )
    assert answer.status_code == 204
    assert (await read(api, flow_id))["entry_action_id"] == half["id"]
    assert (await api.get(f"/api/flow-actions/{wait['id']}")).status_code == 404
    assert row is not None
    assert (row["deleted_at"] is not None, row["successor_id"]) == (True, int(half["id"]))


async def test_a_deleted_flow_leaves_its_messages_readable(api: Api) -> None:
    """The flow and its actions are gone, its tags untied; its message and the message's template can still be read."""
    flow_id = await cart_flow(api)
    mail = (await actions(api, flow_id))[2]
    [message] = (await api.get(f"/api/flow-actions/{mail['id']}/flow-messages")).json()["data"]
    assert (await api.delete(f"/api/flows/{flow_id}")).status_code == 204
    gone = [f"/api/flows/{flow_id}", f"/api/flow-actions/{mail['id']}", f"/flow/{flow_id}.json"]
    assert [404] * 3 == [(await api.get(path)).status_code for path in gone]
    kept = await api.get(f"/api/flow-messages/{message['id']}?include=template,flow-action")
    assert kept.status_code == 200
    assert ["template"] == [one["type"] for one in kept.json()["included"]]
    assert (await api.get("/api/flows")).json()["data"] == []
    assert (await api.delete(f"/api/flows/{flow_id}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/flows/NOPE01", 404),
        ("/api/flow-messages/NOPE01", 404),
        ("/api/flow-actions/99", 404),
        ("/api/flow-actions/99999999999999999999999", 404),
        ("/api/flow-actions/NOPE01", 400),
        ("/api/flow-actions/12a/flow", 400),
        ("/api/flows/NOPE01/flow-actions", 404),
        ("/api/flows/NOPE01/relationships/tags", 404),
    ],
)
async def test_unknown_ids(api: Api, path: str, status: int) -> None:
    """An id that names nothing is a 404; an action id that is no number is a 400."""
    assert (await api.get(path)).status_code == status


@pytest.mark.parametrize(
    "query",
    ["fields[flow]=surprise", "include=surprise", "sort=surprise", "filter=equals(surprise,'x')", "page[size]=51"],
)
async def test_what_a_list_does_not_offer_is_refused(api: Api, query: str) -> None:
    """Each parameter's mistake is a 400 that names the parameter."""
    answer = await api.get(f"/api/flows?{query}")
    assert (answer.status_code, errors(answer)) == (400, [("invalid", {"parameter": query.split("=")[0]})])


async def test_definitions_are_not_offered_in_lists(api: Api) -> None:
    """additional-fields[flow] is for one flow only."""
    assert (await api.get("/api/flows?additional-fields[flow]=definition")).status_code == 400


async def test_parts_of_a_definition_can_be_asked_for(api: Api) -> None:
    """fields[flow-action] may name a part, and then nothing else is shown."""
    flow_id = await cart_flow(api)
    answer = await api.get(f"/api/flows/{flow_id}/flow-actions?fields[flow-action]=definition.data.value")
    assert answer.json()["data"][0]["attributes"] == {"definition": {"data": {"value": 4}}}


async def test_scopes_are_asked_for(api: Api) -> None:
    """Reading flows needs flows:read, changing them flows:write, and templates of messages templates:read alone."""
    flow_id = await cart_flow(api)
    reader = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['flows:read'])}"}
    answers = [
        await api.get("/api/flows", headers=reader),
        await api.patch(f"/api/flows/{flow_id}", status_change(flow_id, "live"), headers=reader),
        await api.get(f"/api/flows/{flow_id}/tags", headers=reader),
        await api.get("/api/flow-messages/NOPE01/template", headers=reader),
    ]
    assert [200, 403, 403, 403] == [one.status_code for one in answers]


async def test_pages_of_flows_hold_every_flow_once(api: Api) -> None:
    """Following links.next from page to page finds each flow once, in the order asked for."""
    made = [await cart_flow(api, f"Flow {number}") for number in (3, 1, 2)]
    seen: list[str] = []
    link: str | None = "/api/flows?sort=name&page[size]=2"
    while link:
        document = (await api.get(link)).json()
        seen += [one["id"] for one in document["data"]]
        link = document["links"]["next"]
    assert seen == [made[1], made[2], made[0]]


async def test_the_number_of_statements_does_not_grow_with_the_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of six flows with everything included takes as many statements as a page of one."""
    counted: list[str] = []
    fetch = Connection.fetch

    async def counting(self: Connection, query: Any, *args: Any) -> Any:
        counted.append(str(query))
        return await fetch(self, query, *args)

    for number in range(6):
        await cart_flow(api, f"Flow {number}")
    monkeypatch.setattr(Connection, "fetch", counting)
    counts = []
    for size in (1, 6):
        counted.clear()
        answer = await api.get(f"/api/flows?include=flow-actions,tags&page[size]={size}")
        assert len(answer.json()["data"]) == size
        counts.append(len(counted))
    assert counts == [3, 3]


async def test_a_definition_comes_back_with_its_keys_in_order(api: Api) -> None:
    """What was stored is returned as it was written, ids aside."""
    document = definition(await metric(api), delay("wait", None))
    flow_id = (await api.post("/api/flows", creation("Order", copy.deepcopy(document)))).json()["data"]["id"]
    found = await read(api, flow_id)
    assert list(found) == list(document)
    assert list(found["actions"][0]["data"]) == list(document["actions"][0]["data"])
