"""Lists and their members, and the flows that a list or a metric starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from api_client import NOW, Api, FixedClock
from people import counted, event, ids, made_list, made_profile, members, pointers

from headrace.api.state import Services
from headrace.ids import bucket_of
from headrace.messages.tokens import Kind, Payload
from headrace.storage.database import Connection

MEMBERS = "/api/lists/{}/relationships/profiles"


async def test_a_list_is_made_changed_and_deleted(api: Api) -> None:
    """A list asks for double opt-in unless told otherwise; deleting it leaves its people."""
    list_id, profile_id = await made_list(api), await made_profile(api, email="a@b.co")
    await api.post(MEMBERS.format(list_id), members(profile_id))
    body = {"data": {"type": "list", "id": list_id, "attributes": {"opt_in_process": "single_opt_in"}}}
    changed = (await api.patch(f"/api/lists/{list_id}", body)).json()["data"]["attributes"]
    assert ("VIP", "single_opt_in") == (changed["name"], changed["opt_in_process"])
    assert 204 == (await api.delete(f"/api/lists/{list_id}/")).status_code
    assert 404 == (await api.get(f"/api/lists/{list_id}")).status_code
    assert [0, 1] == [await counted(api, "membership"), await counted(api, "profile")]


async def test_members_join_once_and_leave(api: Api, machine_clock: FixedClock) -> None:
    """Whoever joins twice keeps the time of the first; leaving twice is no mistake."""
    list_id, profile_id = await made_list(api), await made_profile(api, email="a@b.co")
    assert 204 == (await api.post(MEMBERS.format(list_id), members(profile_id, profile_id))).status_code
    machine_clock.moment += timedelta(hours=1)
    await api.post(MEMBERS.format(list_id), members(profile_id))
    [row] = (await api.get(f"/api/lists/{list_id}/profiles")).json()["data"]
    assert "2026-11-20T12:00:00+00:00" == row["attributes"]["joined_group_at"]
    for _ in range(2):
        assert 204 == (await api.delete(MEMBERS.format(list_id), members(profile_id))).status_code
    assert [] == ids(await api.get(f"/api/lists/{list_id}/profiles"))


async def test_an_unknown_member_keeps_everybody_out(api: Api) -> None:
    """One id that names nobody is pointed to, and nobody joins."""
    list_id, profile_id = await made_list(api), await made_profile(api, email="a@b.co")
    answer = await api.post(MEMBERS.format(list_id), members(profile_id, "01GDDKASAP8TKDDA2GRZDSVP4H"))
    assert (400, ["/data/1/id"]) == (answer.status_code, pointers(answer))
    assert 0 == await counted(api, "membership")


async def test_at_most_a_thousand_join_at_once(api: Api) -> None:
    """More than a thousand ids are refused."""
    answer = await api.post(MEMBERS.format(await made_list(api)), members(*(str(n) for n in range(1001))))
    assert (400, ["/data"]) == (answer.status_code, pointers(answer))


async def test_members_of_an_unknown_list_are_not_found(api: Api) -> None:
    """The list in the path must exist, for reading and writing."""
    assert 404 == (await api.get("/api/lists/nope00/profiles")).status_code
    assert 404 == (await api.post(MEMBERS.format("nope00"), members("x"))).status_code


async def test_members_are_sorted_filtered_and_paged(api: Api, machine_clock: FixedClock) -> None:
    """Members come in the order in which they joined; filters and sizes hold; ids alone go by the same rules."""
    list_id, joined = await made_list(api), []
    for number in range(4):
        profile_id = await made_profile(api, email=f"p{number}@example.com")
        machine_clock.moment = NOW + timedelta(minutes=number)
        await api.post(MEMBERS.format(list_id), members(profile_id))
        joined.append(profile_id)
    base = f"/api/lists/{list_id}/profiles"
    assert joined == ids(await api.get(base))
    assert joined[::-1] == ids(await api.get(f"{base}?sort=-joined_group_at"))
    assert joined[2:] == ids(await api.get(f"{base}?filter=greater-than(joined_group_at,2026-11-20T12:01:00Z)"))
    assert [joined[1]] == ids(await api.get(f'{base}?filter=equals(email,"p1@example.com")'))
    first = await api.get(f"{MEMBERS.format(list_id)}?page[size]=3")
    assert joined[:3] == ids(first)
    assert joined[3:] == ids(await api.get(first.json()["links"]["next"]))


async def test_old_revisions_show_when_a_member_joined(api: Api) -> None:
    """The oldest revision shows members with the same time, in the same place."""
    list_id, profile_id = await made_list(api), await made_profile(api, email="a@b.co")
    await api.post(MEMBERS.format(list_id), members(profile_id))
    answer = await api.get(f"/api/lists/{list_id}/profiles/", revision="2024-02-15")
    assert "2026-11-20T12:00:00+00:00" == answer.json()["data"][0]["attributes"]["joined_group_at"]


async def test_a_lists_size_is_counted_on_request(api: Api) -> None:
    """`additional-fields[list]=profile_count` counts, on one list only."""
    list_id = await made_list(api)
    await api.post(MEMBERS.format(list_id), members(await made_profile(api, email="a@b.co")))
    answer = await api.get(f"/api/lists/{list_id}?additional-fields[list]=profile_count")
    assert 1 == answer.json()["data"]["attributes"]["profile_count"]
    refused = await api.get("/api/lists?additional-fields[list]=profile_count")
    assert (400, ["additional-fields[list]"]) == (refused.status_code, pointers(refused))


async def test_lists_are_found_by_name(api: Api) -> None:
    """Lists are filtered by name and come ten to a page."""
    made = {name: await made_list(api, name) for name in ("A", "B", "C")}
    assert [made["B"]] == ids(await api.get('/api/lists?filter=equals(name,"B")'))
    assert [made["C"], made["B"], made["A"]] == ids(await api.get("/api/lists?sort=-name"))
    assert ["page[size]"] == pointers(await api.get("/api/lists?page[size]=11"))


async def test_members_are_found_by_device_and_by_link(api: Api, services: Services) -> None:
    """A push token and the identity of a followed link name members; an identity of another account names nobody."""
    list_id = await made_list(api)
    people = [await made_profile(api, email=f"p{number}@example.com") for number in range(2)]
    await api.post(MEMBERS.format(list_id), members(*people))
    async with services.database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO push_token (bucket, account_id, profile_id, token, platform, vendor, enabled, created_at, "
            "updated_at) VALUES ($1, $2, $3, 'a-token', 'ios', 'apns', true, $4, $4)",
            bucket_of(people[1]),
            api.account.account_id,
            people[1],
            NOW,
        )
    mine, other = (
        services.signer.sign(Payload(Kind.IDENTITY, account_id, people[0]))
        for account_id in (api.account.account_id, "OTHER1")
    )
    queries = {
        'equals(push_token,"a-token")': [people[1]],
        'any(push_token,["a-token","b"])': [people[1]],
        f'equals(_kx,"{mine}")': [people[0]],
        f'equals(_kx,"{other}")': [],
        'equals(_kx,"nonsense")': [],
    }
    path = f"/api/lists/{list_id}/profiles?filter="
    assert queries == {query: ids(await api.get(path + query)) for query in queries}


async def test_a_list_takes_the_accounts_opt_in_process(api: Api) -> None:
    """Without one of its own a new list asks as the account does."""
    set_one = 'UPDATE account SET settings = settings || \'{"opt_in_process": "single_opt_in"}\''
    async with api.services.database.transaction() as transaction:
        await transaction.execute(set_one)
    client = replace(api, key=await api.another_key(["*"]))
    shown = (await client.get(f"/api/lists/{await made_list(client)}")).json()["data"]
    assert "single_opt_in" == shown["attributes"]["opt_in_process"]


async def test_the_number_of_statements_does_not_grow_with_the_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of six lists with everything included takes as many statements as a page of one, so do members."""
    counted_ones: list[str] = []
    fetch = Connection.fetch

    async def counting(self: Connection, query: Any, *args: Any) -> Any:
        counted_ones.append(str(query))
        return await fetch(self, query, *args)

    for number in range(6):
        list_id = await made_list(api, f"List {number}")
    people = [await made_profile(api, email=f"p{number}@example.com") for number in range(6)]
    await api.post(MEMBERS.format(list_id), members(*people))
    monkeypatch.setattr(Connection, "fetch", counting)
    paths = ("/api/lists?include=tags,flow-triggers", f"/api/lists/{list_id}/profiles?fields[profile]=subscriptions")
    counts: dict[str, list[int]] = {path: [] for path in paths}
    for path in paths:
        for size in (1, 6):
            counted_ones.clear()
            assert size == len(ids(await api.get(f"{path}&page[size]={size}")))
            counts[path].append(len(counted_ones))
    assert {paths[0]: [3, 3], paths[1]: [2, 2]} == counts


async def test_the_flows_that_a_metric_starts_are_read(api: Api) -> None:
    """`flow-triggers` of a metric are the flows whose present definition names it, since 2024-10-15."""
    await api.post("/api/events", event("A"))
    metric_id = ids(await api.get("/api/metrics"))[0]
    definition = {
        "triggers": [{"type": "metric", "id": metric_id}],
        "entry_action_id": "a",
        "actions": [
            {
                "type": "time-delay",
                "temporary_id": "a",
                "links": {"next": None},
                "data": {"unit": "hours", "value": 1, "secondary_value": 0, "timezone": "profile"},
            }
        ],
        "profile_filter": None,
    }
    body = {"data": {"type": "flow", "attributes": {"name": "Follow-up", "definition": definition}}}
    made = await api.post("/api/flows", body)
    assert 201 == made.status_code, made.text
    flow_id = made.json()["data"]["id"]
    base = f"/api/metrics/{metric_id}"
    assert [flow_id] == ids(await api.get(f"{base}/flow-triggers"))
    assert [flow_id] == ids(await api.get(f"{base}/relationships/flow-triggers"))
    document = (await api.get("/api/metrics?include=flow-triggers&fields[flow]=name")).json()
    assert [{"name": "Follow-up"}] == [one["attributes"] for one in document["included"]]
    assert [] == ids(await api.get(f"/api/lists/{await made_list(api)}/flow-triggers"))
    assert 400 == (await api.get(f"{base}/flow-triggers", revision="2024-07-15")).status_code
