"""Tags and tag groups over the API."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from flow_samples import cart_flow


def tag(name: str, group_id: str | None = None) -> dict[str, Any]:
    """Return the body that makes a tag."""
    data: dict[str, Any] = {"type": "tag", "attributes": {"name": name}}
    if group_id is not None:
        data["relationships"] = {"tag-group": {"data": {"type": "tag-group", "id": group_id}}}
    return {"data": data}


def flows(*ids: str) -> dict[str, Any]:
    """Return the body that names flows."""
    return {"data": [{"type": "flow", "id": one} for one in ids]}


async def made(api: Api, name: str, group_id: str | None = None) -> str:
    """Make a tag and return its id."""
    return str((await api.post("/api/tags", tag(name, group_id))).json()["data"]["id"])


async def made_group(api: Api, name: str, exclusive: bool) -> str:
    """Make a tag group and return its id."""
    body = {"data": {"type": "tag-group", "attributes": {"name": name, "exclusive": exclusive}}}
    return str((await api.post("/api/tag-groups", body)).json()["data"]["id"])


async def test_a_tag_belongs_to_the_default_group(api: Api) -> None:
    """A tag of which no group was named is in the one default group, which is made once."""
    first, second = await made(api, "One"), await made(api, "Two")
    groups = (await api.get("/api/tag-groups")).json()["data"]
    assert [("Default Tag Group", True)] == [
        (one["attributes"]["name"], one["attributes"]["default"]) for one in groups
    ]
    assert {first, second} == {one["id"] for one in groups[0]["relationships"]["tags"]["data"]}


async def test_a_name_is_used_once(api: Api) -> None:
    """A second tag with the name of the first, and a tag renamed to it, are conflicts."""
    await made(api, "One")
    other = await made(api, "Two")
    rename = {"data": {"type": "tag", "id": other, "attributes": {"name": "One"}}}
    answers = [await api.post("/api/tags", tag("One")), await api.patch(f"/api/tags/{other}", rename)]
    assert [409, 409] == [one.status_code for one in answers]


async def test_flows_are_tagged_and_untagged(api: Api) -> None:
    """Tying twice is no mistake; a tag shows its flows, a flow its tags, and both forget what is untied."""
    flow_id, tag_id = await cart_flow(api), await made(api, "Winback")
    path = f"/api/tags/{tag_id}/relationships/flows"
    tied = [(await api.post(path, flows(flow_id))).status_code for _ in range(2)]
    assert tied == [204, 204]
    assert [flow_id] == [one["id"] for one in (await api.get(path)).json()["data"]]
    included = (await api.get(f"/api/flows/{flow_id}?include=tags")).json()["included"]
    assert [(tag_id, {"name": "Winback"})] == [(one["id"], one["attributes"]) for one in included]
    assert (await api.delete(path, flows(flow_id))).status_code == 204
    assert (await api.get(f"/api/flows/{flow_id}/tags")).json()["data"] == []


async def test_an_unknown_flow_is_pointed_at(api: Api) -> None:
    """One unknown flow among several leaves none tied."""
    flow_id, tag_id = await cart_flow(api), await made(api, "Winback")
    path = f"/api/tags/{tag_id}/relationships/flows"
    answer = await api.post(path, flows(flow_id, "NOPE01"))
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (404, {"pointer": "/data/1/id"})
    assert (await api.get(path)).json()["data"] == []


async def test_an_exclusive_group_ties_one_tag_to_a_flow(api: Api) -> None:
    """A flow that holds a tag of an exclusive group takes no other of it."""
    group_id = await made_group(api, "Season", True)
    spring, autumn = await made(api, "Spring", group_id), await made(api, "Autumn", group_id)
    flow_id = await cart_flow(api)
    answers = [await api.post(f"/api/tags/{one}/relationships/flows", flows(flow_id)) for one in (spring, autumn)]
    assert [204, 409] == [one.status_code for one in answers]


async def test_deleting_a_tag_unties_it(api: Api) -> None:
    """A deleted tag is gone from its flows."""
    flow_id, tag_id = await cart_flow(api), await made(api, "Winback")
    await api.post(f"/api/tags/{tag_id}/relationships/flows", flows(flow_id))
    assert (await api.delete(f"/api/tags/{tag_id}")).status_code == 204
    assert (await api.get(f"/api/flows/{flow_id}/tags")).json()["data"] == []
    assert (await api.get(f"/api/tags/{tag_id}")).status_code == 404


async def test_the_default_group_stays(api: Api) -> None:
    """Deleting the default group is a conflict; another group goes with its tags."""
    await made(api, "One")
    [default] = (await api.get("/api/tag-groups")).json()["data"]
    group_id = await made_group(api, "Season", False)
    tag_id = await made(api, "Spring", group_id)
    assert (await api.delete(f"/api/tag-groups/{default['id']}")).status_code == 409
    assert (await api.delete(f"/api/tag-groups/{group_id}")).status_code == 204
    assert (await api.get(f"/api/tags/{tag_id}")).status_code == 404


@pytest.mark.parametrize(("revision", "status"), [("2026-10-15", 204), ("2024-02-15", 200)])
async def test_a_renamed_group_is_answered_by_old_revisions(api: Api, revision: str, status: int) -> None:
    """Renaming a group answers the group in 2024-02-15 and nothing today."""
    group_id = await made_group(api, "Season", False)
    body = {"data": {"type": "tag-group", "id": group_id, "attributes": {"name": "Year"}}}
    answer = await api.patch(f"/api/tag-groups/{group_id}", body, revision=revision)
    assert answer.status_code == status
    assert (await api.get(f"/api/tag-groups/{group_id}")).json()["data"]["attributes"]["name"] == "Year"


@pytest.mark.parametrize("query", ["filter=starts-with(name,'Win')", "filter=contains(name,'inbac')", "sort=-name"])
async def test_tags_are_filtered_and_sorted(api: Api, query: str) -> None:
    """Each filter and sort key of the list finds the tag first."""
    await made(api, "Abandoned")
    wanted = await made(api, "Winback")
    assert (await api.get(f"/api/tags?{query}")).json()["data"][0]["id"] == wanted
