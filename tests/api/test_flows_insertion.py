"""Inserting actions into flows: `POST /api/flow-actions`."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from flow_samples import cart_flow, creation, definition, delay, metric, sample_split, sms, status_change


def insertion(document: Any, anchor: Any = None, flow_id: str | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body that inserts an action."""
    given: dict[str, Any] = {"definition": document, **attributes}
    if anchor is not None:
        given["anchor-action"] = anchor
    data: dict[str, Any] = {"type": "flow-action", "attributes": given}
    if flow_id is not None:
        data["relationships"] = {"flow": {"data": {"type": "flow", "id": flow_id}}}
    return {"data": data}


def anchor(action: dict[str, Any], links: dict[str, Any]) -> dict[str, Any]:
    """Return the anchor at an action, as the official SDK writes it."""
    held = {"type": action["type"], "links": links}
    return {"data": {"type": "flow-action", "id": action["id"], "attributes": {"definition": held}}}


async def actions(api: Api, flow_id: str) -> list[dict[str, Any]]:
    """Return the actions of a flow's definition."""
    answer = await api.get(f"/api/flows/{flow_id}?additional-fields[flow]=definition")
    return list(answer.json()["data"]["attributes"]["definition"]["actions"])


async def test_an_action_goes_onto_the_link_of_its_anchor(api: Api) -> None:
    """The anchor leads to the new action, which leads on to what the anchor led to."""
    flow_id = await cart_flow(api)
    [wait, half, *_] = await actions(api, flow_id)
    answer = await api.post("/api/flow-actions", insertion(sms("new"), anchor(wait, {"next": "new"})))
    made = answer.json()["data"]
    stored = {one["id"]: one for one in await actions(api, flow_id)}
    assert (answer.status_code, stored[wait["id"]]["links"]) == (201, {"next": made["id"]})
    assert stored[made["id"]]["links"] == {"next": half["id"]}
    assert made["relationships"]["flow-messages"]["data"] != []


async def test_an_action_goes_onto_one_side_of_a_split(api: Api) -> None:
    """Only the link that names the new action is changed; a new split leads on by its first branch."""
    flow_id = await cart_flow(api)
    [_, half, mail, text] = await actions(api, flow_id)
    links = {"next_if_true": "new", "next_if_false": None}
    body = insertion(sample_split("new", None, None), anchor(half, links)["data"])
    made = (await api.post("/api/flow-actions", body)).json()["data"]
    stored = {one["id"]: one["links"] for one in await actions(api, flow_id)}
    assert stored[half["id"]] == {"next_if_true": made["id"], "next_if_false": text["id"]}
    assert stored[made["id"]] == {"next_if_true": mail["id"], "next_if_false": None}


async def test_an_action_goes_before_the_one_it_names(api: Api) -> None:
    """Without an anchor, what led to the action behind it leads to the new one: here the entry."""
    flow_id = await cart_flow(api)
    [wait, *_] = await actions(api, flow_id)
    made = (await api.post("/api/flow-actions", insertion(delay("new", wait["id"]), flow_id=flow_id))).json()["data"]
    answer = await api.get(f"/api/flows/{flow_id}?additional-fields[flow]=definition")
    assert answer.json()["data"]["attributes"]["definition"]["entry_action_id"] == made["id"]
    assert made["attributes"]["definition"]["links"] == {"next": wait["id"]}


async def test_the_first_action_becomes_the_entry(api: Api) -> None:
    """A flow without actions gets its entry by the first one inserted."""
    document = {**definition(await metric(api), delay("only", None)), "actions": [], "entry_action_id": None}
    flow_id = (await api.post("/api/flows", creation("Empty", document))).json()["data"]["id"]
    made = (await api.post("/api/flow-actions", insertion(delay("new", None), flow_id=flow_id))).json()["data"]
    answer = await api.get(f"/api/flows/{flow_id}?additional-fields[flow]=definition")
    assert answer.json()["data"]["attributes"]["definition"]["entry_action_id"] == made["id"]


async def test_a_live_flow_takes_a_delay_only_when_allowed(api: Api) -> None:
    """An action without a status acts at once; into a live flow it goes only with allow_live_action."""
    flow_id = await cart_flow(api)
    await api.patch(f"/api/flows/{flow_id}", status_change(flow_id, "live"))
    refused = await api.post("/api/flow-actions", insertion(delay("new", None), flow_id=flow_id))
    taken = await api.post("/api/flow-actions", insertion(delay("new", None), flow_id=flow_id, allow_live_action=True))
    draft = await api.post("/api/flow-actions", insertion(sms("text"), flow_id=flow_id))
    assert [409, 201, 201] == [one.status_code for one in (refused, taken, draft)]


@pytest.mark.parametrize(
    ("document", "links", "pointer"),
    [
        (sms("new"), {"next": "other"}, "/data/attributes/anchor-action/data/attributes/definition/links"),
        (sms("new"), {}, "/data/attributes/anchor-action/data/attributes/definition/links"),
        (sms("new", "424242"), {"next": "new"}, "/data/attributes/definition/links"),
        (
            sms("new"),
            {"next_if_true": "new"},
            "/data/attributes/anchor-action/data/attributes/definition/links/next_if_true",
        ),
        ({"type": "dance", "temporary_id": "new"}, {"next": "new"}, "/data/attributes/definition"),
        ({**sms("new"), "id": "12"}, {"next": "new"}, "/data/attributes/definition/id"),
        (delay("", None), {"next": "new"}, "/data/attributes/definition/temporary_id"),
    ],
)
async def test_a_mistake_in_an_insertion_is_pointed_at(
    api: Api, document: dict[str, Any], links: dict[str, Any], pointer: str
) -> None:
    """A link that is not one, and a definition that is none, leave the flow as it was."""
    flow_id = await cart_flow(api)
    before = await actions(api, flow_id)
    answer = await api.post("/api/flow-actions", insertion(document, anchor(before[0], links)))
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"pointer": pointer})
    assert await actions(api, flow_id) == before


async def test_a_place_is_needed(api: Api) -> None:
    """Neither an anchor nor a flow is a 400, an unknown anchor and an unknown flow are 404s."""
    answers = [
        await api.post("/api/flow-actions", insertion(sms("new"))),
        await api.post(
            "/api/flow-actions", insertion(sms("new"), anchor({"id": "7", "type": "send-sms"}, {"next": "new"}))
        ),
        await api.post("/api/flow-actions", insertion(sms("new"), flow_id="NOPE01")),
    ]
    assert [400, 404, 404] == [one.status_code for one in answers]


async def test_older_revisions_cannot_insert(api: Api) -> None:
    """Inserting came with 2026-10-15."""
    answer = await api.post("/api/flow-actions", insertion(sms("new")), revision="2026-07-15")
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"parameter": "revision"})
