"""Tags and tag groups over the API."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import NOW, Api
from flow_samples import cart_flow
from people import ids, made_list

from headrace.storage.segments import NewSegment, create_segment


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


def named(kind: str, *group_ids: str) -> dict[str, Any]:
    """Return the body that names lists or segments."""
    return {"data": [{"type": kind, "id": one} for one in group_ids]}


async def made_holder(api: Api, kind: str) -> str:
    """Make a list or a segment and return its id."""
    if kind == "list":
        return await made_list(api)
    new = NewSegment("VIP", {"condition_groups": []}, frozenset())
    services = api.services
    async with services.database.transaction() as transaction:
        return await create_segment(transaction, api.account.account_id, services.ids, new, NOW, NOW)


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


@pytest.mark.parametrize("kind", ["list", "segment"])
async def test_groups_are_tagged_and_untagged(api: Api, kind: str) -> None:
    """A tag shows its lists and segments, these show their tags, and both forget what is untied."""
    group_id, tag_id = await made_holder(api, kind), await made(api, "Winback")
    path, many = f"/api/tags/{tag_id}/relationships/{kind}s", f"/api/{kind}s"
    tied = [(await api.post(path, named(kind, group_id))).status_code for _ in range(2)]
    assert tied == [204, 204]
    assert ids(await api.get(path)) == [group_id]
    tag_shown = (await api.get(f"/api/tags/{tag_id}")).json()["data"]
    assert tag_shown["relationships"][f"{kind}s"]["data"] == [{"type": kind, "id": group_id}]
    shown = (await api.get(f"{many}?include=tags")).json()
    assert [one["id"] for one in shown["included"]] == [tag_id]
    assert shown["data"][0]["relationships"]["tags"]["data"] == [{"type": "tag", "id": tag_id}]
    assert ids(await api.get(f"{many}/{group_id}/tags")) == [tag_id]
    assert ids(await api.get(f"{many}/{group_id}/relationships/tags")) == [tag_id]
    assert (await api.delete(path, named(kind, group_id))).status_code == 204
    assert ids(await api.get(f"{many}/{group_id}/tags")) == []


@pytest.mark.parametrize(("kind", "other"), [("list", "segment"), ("segment", "list")])
async def test_a_tag_is_tied_to_groups_of_the_kind_that_is_named(api: Api, kind: str, other: str) -> None:
    """A segment is no list: its id is unknown where lists are tied, and nothing is tied."""
    tag_id, right, wrong = await made(api, "Winback"), await made_holder(api, kind), await made_holder(api, other)
    path = f"/api/tags/{tag_id}/relationships/{kind}s"
    answer = await api.post(path, named(kind, right, wrong))
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (404, {"pointer": "/data/1/id"})
    assert ids(await api.get(path)) == []


@pytest.mark.parametrize("kind", ["list", "segment"])
async def test_deleting_a_group_or_a_tag_unties_them(api: Api, kind: str) -> None:
    """Neither a deleted group nor a deleted tag leaves a tie behind."""
    first, second = await made_holder(api, kind), await made_holder(api, kind)
    tag_id, other = await made(api, "Winback"), await made(api, "Other")
    for one in (tag_id, other):
        await api.post(f"/api/tags/{one}/relationships/{kind}s", named(kind, first, second))
    assert (await api.delete(f"/api/{kind}s/{first}")).status_code == 204
    assert (await api.delete(f"/api/tags/{other}")).status_code == 204
    ties = await api.services.database.fetch("SELECT tag_id, group_id FROM tag_of_group")
    assert [tuple(one.values()) for one in ties] == [(tag_id, second)]


async def test_an_exclusive_group_ties_one_tag_to_a_list(api: Api) -> None:
    """A list that holds a tag of an exclusive group takes no other of it; a segment is another matter."""
    group_id = await made_group(api, "Season", True)
    spring, autumn = await made(api, "Spring", group_id), await made(api, "Autumn", group_id)
    holder, free = await made_holder(api, "list"), await made_holder(api, "segment")
    answers = [
        await api.post(f"/api/tags/{one}/relationships/lists", named("list", holder)) for one in (spring, autumn)
    ]
    answers.append(await api.post(f"/api/tags/{autumn}/relationships/segments", named("segment", free)))
    assert [204, 409, 204] == [one.status_code for one in answers]


async def test_a_list_holds_a_hundred_tags(api: Api) -> None:
    """The tag after the hundredth is refused, pointing to the list that is full."""
    free, full = await made_holder(api, "list"), await made_holder(api, "list")
    async with api.services.database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO tag_of_group (account_id, tag_id, group_id) SELECT $1, number::text, $2 "
            "FROM generate_series(1, 100) AS number",
            api.account.account_id,
            full,
        )
    tag_id = await made(api, "Winback")
    answer = await api.post(f"/api/tags/{tag_id}/relationships/lists", named("list", free, full))
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"pointer": "/data/1/id"})
    assert ids(await api.get(f"/api/tags/{tag_id}/relationships/lists")) == []


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
