"""Templates over the API."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from flow_samples import cart_flow, template

REVISION = "2024-02-15"


def new_template(**attributes: Any) -> dict[str, Any]:
    """Return the body that makes a template."""
    return {"data": {"type": "template", "attributes": {"name": "Cart", "editor_type": "CODE", **attributes}}}


def change(template_id: str, **attributes: Any) -> dict[str, Any]:
    """Return the body that changes a template."""
    return {"data": {"type": "template", "id": template_id, "attributes": attributes}}


async def test_a_template_is_made_and_read(api: Api) -> None:
    """What was written is shown, with its parts null where there are none."""
    made = await api.post("/api/templates", new_template(html="<p>Hi</p>"))
    found = await api.get(f"/api/templates/{made.json()['data']['id']}")
    assert (made.status_code, found.json()["data"]) == (201, made.json()["data"])
    assert found.json()["data"]["attributes"] == {
        "name": "Cart",
        "editor_type": "CODE",
        "html": "<p>Hi</p>",
        "text": None,
        "amp": None,
        "created": "2026-11-20T12:00:00+00:00",
        "updated": "2026-11-20T12:00:00+00:00",
    }


@pytest.mark.parametrize("html", ["{{ name|default: 'x' }}", "{% if x %}", "{% load static %}", "{{ x|nothing }}"])
async def test_a_source_that_is_no_template_is_refused(api: Api, html: str) -> None:
    """A mistake in the template language is a 400 that points at the part, on creation and on change."""
    template_id = await template(api)
    answers = [
        await api.post("/api/templates", new_template(html=html)),
        await api.patch(f"/api/templates/{template_id}", change(template_id, html=html)),
    ]
    assert [(400, {"pointer": "/data/attributes/html"})] * 2 == [
        (one.status_code, one.json()["errors"][0]["source"]) for one in answers
    ]


async def test_an_editor_type_that_cannot_be_made_is_refused(api: Api) -> None:
    """Only CODE and USER_DRAGGABLE can be made over the API."""
    answer = await api.post("/api/templates", new_template(editor_type="SYSTEM_DRAGGABLE"))
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (
        400,
        {"pointer": "/data/attributes/editor_type"},
    )


async def test_a_change_touches_only_what_it_names(api: Api) -> None:
    """Parts that the body leaves out stay; null empties a part."""
    template_id = await template(api)
    answer = await api.patch(f"/api/templates/{template_id}", change(template_id, name="New", text=None))
    attributes = answer.json()["data"]["attributes"]
    assert ("New", "<p>Hello {{ first_name }}</p>", None) == (
        attributes["name"],
        attributes["html"],
        attributes["text"],
    )


async def test_a_template_of_a_message_cannot_be_deleted(api: Api) -> None:
    """The copy that a message owns stays; the original can go."""
    await cart_flow(api)
    rows = await api.services.database.fetch("SELECT template_id, message_id FROM template")
    statuses = {
        row["message_id"] is not None: (await api.delete(f"/api/templates/{row['template_id']}")).status_code
        for row in rows
    }
    assert statuses == {True: 409, False: 204}


async def test_templates_come_ten_at_a_time(api: Api) -> None:
    """A page holds ten templates, and a size beyond that is refused."""
    for number in range(11):
        await template(api, f"Template {number}")
    first = (await api.get("/api/templates?sort=name")).json()
    second = (await api.get(first["links"]["next"])).json()
    assert (len(first["data"]), len(second["data"])) == (10, 1)
    assert (await api.get("/api/templates?page[size]=11")).status_code == 400


async def test_a_copy_is_named_after_the_original(api: Api) -> None:
    """A copy without a name of its own says what it is a copy of."""
    template_id = await template(api, "Cart")
    answer = await api.post("/api/template-clone", change(template_id))
    assert (answer.status_code, answer.json()["data"]["attributes"]["name"]) == (201, "Clone of Cart")


async def test_old_revisions_know_no_amp(api: Api) -> None:
    """Before 2025-01-15 a template has no AMP part to show or to write."""
    template_id = await template(api)
    shown = await api.get(f"/api/templates/{template_id}/", revision=REVISION)
    written = await api.patch(f"/api/templates/{template_id}/", change(template_id, amp="<html>"), revision=REVISION)
    assert "amp" not in shown.json()["data"]["attributes"]
    assert written.status_code == 400


async def test_unknown_templates_are_not_found(api: Api) -> None:
    """Reading, changing, copying and deleting what does not exist are 404s."""
    answers = [
        await api.get("/api/templates/NOPE01"),
        await api.patch("/api/templates/NOPE01", change("NOPE01", name="x")),
        await api.post("/api/template-clone", change("NOPE01")),
        await api.delete("/api/templates/NOPE01"),
    ]
    assert [404] * 4 == [one.status_code for one in answers]


@pytest.mark.parametrize(
    "asked", ["additional-fields[template]=definition", "fields[template]=name,definition.body.styles,definition"]
)
async def test_a_definition_may_be_asked_for_and_is_left_out(api: Api, asked: str) -> None:
    """Only drag-and-drop templates have one; where it is not offered it is no field."""
    template_id = await template(api)
    answers = [await api.get(f"/api/templates/{template_id}?{asked}"), await api.get(f"/api/templates?{asked}")]
    assert [200, 200] == [one.status_code for one in answers]
    shown = [answers[0].json()["data"], *answers[1].json()["data"]]
    assert [False, False] == ["definition" in one["attributes"] for one in shown]
    body = {"data": {"type": "template", "id": template_id, "attributes": {}}}
    assert 400 == (await api.post(f"/api/template-clone?{asked}", body)).status_code
