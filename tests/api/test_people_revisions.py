"""People, lists and segments as older revisions show them."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from people import ids, made_list, made_profile, members, pointers


@pytest.mark.parametrize(
    ("revision", "related"),
    [
        ("2024-02-15", {"lists", "segments"}),
        ("2025-01-15", {"lists", "segments"}),
        ("2025-07-15", {"lists", "segments", "push-tokens"}),
        ("2026-04-15", {"lists", "segments", "push-tokens", "conversation"}),
        ("2026-07-15", {"lists", "segments", "push-tokens", "conversations"}),
    ],
)
async def test_a_profile_is_related_to_what_a_revision_knows(api: Api, revision: str, related: set[str]) -> None:
    """A profile has the relationships of the revision, all can be included; as a member it leads to no conversation."""
    profile_id, list_id = await made_profile(api, email="a@b.co"), await made_list(api)
    await api.post(f"/api/lists/{list_id}/relationships/profiles", members(profile_id))
    included = await api.get(f"/api/profiles/{profile_id}?include={','.join(sorted(related))}", revision=revision)
    assert 200 == included.status_code, included.text
    assert related == set(included.json()["data"]["relationships"])
    member = (await api.get(f"/api/lists/{list_id}/profiles", revision=revision)).json()["data"][0]
    assert related - {"conversation", "conversations"} == set(member["relationships"])


async def test_the_newest_revision_includes_several_conversations(api: Api) -> None:
    """`include=conversation` is refused since a profile may have several."""
    profile_id = await made_profile(api, email="a@b.co")
    refused = await api.get(f"/api/profiles/{profile_id}?include=conversation")
    assert (400, ["include"]) == (refused.status_code, pointers(refused))


@pytest.mark.parametrize("kind", ["list", "metric", "segment"])
async def test_flow_triggers_came_with_2024_10_15(api: Api, kind: str) -> None:
    """Before, nothing tells which flows something starts, and it cannot be included."""
    await made_list(api)
    refused = await api.get(f"/api/{kind}s/?include=flow-triggers", revision="2024-07-15")
    assert (400, ["include"]) == (refused.status_code, pointers(refused))
    assert 200 == (await api.get(f"/api/{kind}s/?include=flow-triggers", revision="2024-10-15")).status_code


async def test_the_oldest_revision_lists_in_one_order(api: Api) -> None:
    """2024-02-15 sorts neither lists nor segments, has pages of a thousand member ids and no opt-in process to set."""
    list_id, old = await made_list(api), "2024-02-15"
    assert [list_id] == ids(await api.get("/api/lists/", revision=old))
    for kind in ("list", "segment"):
        refused = await api.get(f"/api/{kind}s/?sort=name", revision=old)
        assert (400, ["sort"]) == (refused.status_code, pointers(refused))
    path = f"/api/lists/{list_id}/relationships/profiles/?page[size]=1000"
    assert [200, 400] == [(await api.get(path, revision=one)).status_code for one in (old, "2026-04-15")]
    asked: dict[str, Any] = {"data": {"type": "list", "attributes": {"name": "A", "opt_in_process": "single_opt_in"}}}
    answer = await api.post("/api/lists/", asked, revision=old)
    assert (400, ["/data/attributes/opt_in_process"]) == (answer.status_code, pointers(answer))
