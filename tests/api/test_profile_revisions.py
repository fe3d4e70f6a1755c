"""People as older revisions show them."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from people import made_profile, pointers


async def shown(api: Api, path: str, revision: str) -> dict[str, Any]:
    """Return the resource at a path as a revision shows it."""
    answer = await api.get(path, revision=revision)
    assert 200 == answer.status_code, answer.text
    resource: dict[str, Any] = answer.json()["data"]
    return resource


async def test_the_first_revision_shows_less_of_a_person(api: Api) -> None:
    """In 2024-02-15 a person has no locale, no devices, and consent to marketing e-mail and texts alone."""
    path = f"/api/profiles/{await made_profile(api, email='a@b.co', locale='en-US')}"
    extra = "?additional-fields[profile]=subscriptions,predictive_analytics"
    old, new = await shown(api, path + extra, "2024-02-15"), await shown(api, path + extra, "2026-07-15")
    assert {"email": ["marketing"], "sms": ["marketing"]} == {
        channel: list(purposes) for channel, purposes in old["attributes"]["subscriptions"].items()
    }
    assert {"email", "sms", "mobile_push", "whatsapp"} == set(new["attributes"]["subscriptions"])
    assert {"locale", "ranked_channel_affinity"} == {
        *(new["attributes"].keys() - old["attributes"].keys()),
        *(new["attributes"]["predictive_analytics"].keys() - old["attributes"]["predictive_analytics"].keys()),
    }
    assert {"lists", "segments"} == set(old["relationships"])


async def test_a_person_had_one_conversation(api: Api) -> None:
    """Up to 2026-04-15 the relationship is `conversation`, and it is what can be included."""
    path = f"/api/profiles/{await made_profile(api, email='a@b.co')}"
    old, new = await shown(api, path, "2026-04-15"), await shown(api, path, "2026-07-15")
    assert ({"conversation"}, {"conversations"}) == (
        old["relationships"].keys() - new["relationships"].keys(),
        new["relationships"].keys() - old["relationships"].keys(),
    )
    included = await api.get(f"{path}?include=conversation", revision="2026-04-15")
    assert (None, []) == (
        included.json()["data"]["relationships"]["conversation"]["data"],
        included.json()["included"],
    )
    refused = await api.get(f"{path}?include=conversations", revision="2026-04-15")
    assert (400, ["include"]) == (refused.status_code, pointers(refused))


@pytest.mark.parametrize(
    "path", ["/api/push-tokens", "/api/profiles/{id}/push-tokens", "/api/profiles/{id}/conversation"]
)
async def test_what_came_later_is_refused_before(api: Api, path: str) -> None:
    """Reading devices and conversations is a 400 in 2024-02-15 and works in 2026-04-15."""
    made = path.format(id=await made_profile(api, email="a@b.co"))
    assert [400, 200] == [(await api.get(made, revision=one)).status_code for one in ("2024-02-15", "2026-04-15")]


async def test_tokens_were_taken_from_the_beginning(api: Api) -> None:
    """A push token is taken in 2024-02-15, with the vendor in capitals."""
    attributes = {
        "token": "t-1",
        "platform": "ios",
        "vendor": "APNs",
        "profile": {"data": {"type": "profile", "attributes": {"anonymous_id": "x-1"}}},
    }
    body = {"data": {"type": "push-token", "attributes": attributes}}
    assert 202 == (await api.post("/api/push-tokens/", body, revision="2024-02-15")).status_code
