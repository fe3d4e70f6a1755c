"""Campaigns: an empty collection with the grammar of every other, and their place in tags."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from people import pointers, refusals
from test_tags import made, named

OLDER = "2026-07-15"
BY_CHANNEL = "equals(messages.channel,'email')"


async def listed(api: Api, filter: str = BY_CHANNEL, revision: str = OLDER, **more: str) -> Any:
    """Return the answer to a list of campaigns."""
    parameters = {"filter": filter, **more} if filter else more
    return await api.get("/api/campaigns", params=parameters, revision=revision)


async def test_there_are_no_campaigns(api: Api) -> None:
    """A list is empty, and every id unknown."""
    answer = await listed(api, sort="-scheduled_at", include="tags,campaign-messages")
    assert (200, []) == (answer.status_code, answer.json()["data"])
    assert (None, None) == (answer.json()["links"]["next"], answer.json()["links"]["prev"])
    assert [(404, "not_found")] == [one[:2] for one in refusals(await api.get("/api/campaigns/01ABC"))]


@pytest.mark.parametrize(
    "filter",
    [
        f"and({BY_CHANNEL},any(status,['Draft','Sent']))",
        f"{BY_CHANNEL},contains(name,'sale'),equals(archived,false)",
        f"{BY_CHANNEL},greater-than(created_at,2023-01-01T00:00:00Z)",
        f"{BY_CHANNEL},any(id,['a','b'])",
    ],
)
async def test_published_filters_are_taken(api: Api, filter: str) -> None:
    """As they are published."""
    assert 200 == (await listed(api, filter)).status_code


@pytest.mark.parametrize(
    "filter",
    [
        "",
        "equals(archived,true)",
        "equals(messages.channel,'pigeon')",
        f"{BY_CHANNEL},equals(status,'Lost')",
        f"{BY_CHANNEL},equals(name,'x')",
        f"{BY_CHANNEL},equals(builder,'x')",
    ],
)
async def test_other_filters_are_refused(api: Api, filter: str) -> None:
    """A channel is required, and words and values are checked although nothing could be found."""
    assert ["filter"] == pointers(await listed(api, filter))


async def test_the_newest_revision_lists_campaigns_of_all_channels(api: Api) -> None:
    """Without a filter, or by what its campaigns have."""
    newest = "2026-10-15"
    assert 200 == (await listed(api, "", newest)).status_code
    assert 200 == (await listed(api, "equals(builder,'x')", newest)).status_code
    assert ["filter"] == pointers(await listed(api, BY_CHANNEL, newest))


async def test_a_tag_is_tied_to_no_campaign(api: Api) -> None:
    """The relationship is there and empty; ids in a body are unknown, each by its place."""
    tag_id = await made(api, "VIP")
    path = f"/api/tags/{tag_id}/relationships/campaigns"
    answer = (await api.get(path)).json()
    assert ([], {"self", "related"}) == (answer["data"], set(answer["links"]) & {"self", "related"})
    relationships = (await api.get(f"/api/tags/{tag_id}")).json()["data"]["relationships"]
    assert [] == relationships["campaigns"]["data"]
    for send in (api.post, api.delete):
        refused = await send(path, named("campaign", "01A", "01B"))
        assert [(404, "not_found", {"pointer": f"/data/{place}/id"}) for place in (0, 1)] == refusals(refused)
        assert "01A" in refused.text
        assert 204 == (await send(path, named("campaign"))).status_code
        assert 404 == (await send("/api/tags/NOTAG1/relationships/campaigns", named("campaign"))).status_code
