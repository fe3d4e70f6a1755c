"""Segments: their definition, their state, who is in them and what they are tied to."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from api_client import NOW, Api, FixedClock
from flow_samples import delay
from httpx import Response
from people import event, ids, made_list, made_profile, pointers

from headrace.conditions.segment_definition import References
from headrace.conditions.topics import of_group
from headrace.storage.groups import join_group
from headrace.storage.segment_rules import reference_problems
from headrace.storage.segments import EVALUATE, change_segment

DEFINITION = "/data/attributes/definition"
WAITING = """
SELECT EXISTS (
    SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()
)
"""
VIP = {
    "type": "profile-property",
    "property": "properties['vip']",
    "filter": {"type": "boolean", "operator": "equals", "value": True},
}


def definition(*conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a definition in which one of the conditions must hold."""
    return {"condition_groups": [{"conditions": list(conditions)}]}


def member_of(*group_ids: str) -> dict[str, Any]:
    """Return the condition of being in one of some groups."""
    return {"type": "profile-group-membership", "is_member": True, "group_ids": list(group_ids)}


def ordered(metric_id: str) -> dict[str, Any]:
    """Return the condition of having done something once."""
    return {
        "type": "profile-metric",
        "metric_id": metric_id,
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": 1},
        "timeframe_filter": {"type": "date", "operator": "alltime"},
    }


def body(**attributes: Any) -> dict[str, Any]:
    """Return the body that makes a segment."""
    return {"data": {"type": "segment", "attributes": attributes}}


async def made(api: Api, *conditions: dict[str, Any], name: str = "VIPs") -> str:
    """Make a segment and return its id."""
    answer = await api.post("/api/segments", body(name=name, definition=definition(*(conditions or (VIP,)))))
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


async def change(api: Api, segment_id: str, **attributes: Any) -> Response:
    """Change a segment."""
    asked = {"data": {"type": "segment", "id": segment_id, "attributes": attributes}}
    return await api.patch(f"/api/segments/{segment_id}", asked)


async def worked_out(api: Api) -> None:
    """Say that everybody's place in every segment has been worked out."""
    async with api.services.database.transaction() as transaction:
        await transaction.execute("UPDATE profile_group SET evaluated_version = version")
        await transaction.execute("DELETE FROM job WHERE kind = $1", EVALUATE)


async def put(api: Api, group_id: str, *profile_ids: str) -> None:
    """Let people join a segment, as the engine does."""
    async with api.services.database.transaction() as transaction:
        now = api.services.system_clock.now()
        await join_group(transaction, api.account.account_id, group_id, profile_ids, now, now)


async def asked_for(api: Api) -> list[str]:
    """Return the segments whose members a job is to work out."""
    rows = await api.services.database.fetch("SELECT arguments FROM job WHERE kind = $1 ORDER BY created_at", EVALUATE)
    return [row["arguments"]["segment_id"] for row in rows]


async def test_a_segment_is_made_and_shown(api: Api) -> None:
    """A new segment is active and being processed; its definition comes back as it was."""
    asked = definition(VIP)
    answer = await api.post("/api/segments", body(name="VIPs", definition=asked, is_starred=True))
    assert 201 == answer.status_code, answer.text
    shown = answer.json()["data"]
    assert {
        "name": "VIPs",
        "definition": asked,
        "created": "2026-11-20T12:00:00+00:00",
        "updated": "2026-11-20T12:00:00+00:00",
        "is_active": True,
        "is_processing": True,
        "is_starred": True,
    } == shown["attributes"]
    assert {"profiles", "tags", "flow-triggers"} == set(shown["relationships"])
    assert [shown["id"]] == await asked_for(api)
    assert shown["attributes"] == (await api.get(f"/api/segments/{shown['id']}")).json()["data"]["attributes"]


async def test_a_segment_is_no_longer_processed_when_all_is_worked_out(api: Api) -> None:
    """`is_processing` lasts until the present definition has been worked out."""
    segment_id = await made(api)
    await worked_out(api)
    assert not (await api.get(f"/api/segments/{segment_id}")).json()["data"]["attributes"]["is_processing"]


async def test_a_segment_is_changed(api: Api, machine_clock: FixedClock) -> None:
    """A name or a star asks for no new look at people, another definition does, the same one does not."""
    segment_id = await made(api)
    await worked_out(api)
    machine_clock.moment += timedelta(hours=1)
    named = (await change(api, segment_id, name="Best", is_starred=True)).json()["data"]["attributes"]
    assert ("Best", True, False) == (named["name"], named["is_starred"], named["is_processing"])
    assert "2026-11-20T13:00:00+00:00" == named["updated"]
    await change(api, segment_id, definition=definition(VIP), name=None)
    assert [] == await asked_for(api)
    other = definition(VIP, VIP)
    changed = (await change(api, segment_id, definition=other)).json()["data"]["attributes"]
    assert ("Best", other, True) == (changed["name"], changed["definition"], changed["is_processing"])
    assert [segment_id] == await asked_for(api)


async def test_a_segment_is_deactivated_alone(api: Api) -> None:
    """Deactivating goes with no other change; activating does, and works the members out anew."""
    segment_id = await made(api)
    await worked_out(api)
    refused = await change(api, segment_id, is_active=False, name="Old")
    assert (400, ["/data/attributes/is_active"]) == (refused.status_code, pointers(refused))
    resting = (await change(api, segment_id, is_active=False)).json()["data"]["attributes"]
    assert ("VIPs", False, False) == (resting["name"], resting["is_active"], resting["is_processing"])
    again = (await change(api, segment_id, is_active=True, name="Back")).json()["data"]["attributes"]
    assert ("Back", True, True) == (again["name"], again["is_active"], again["is_processing"])
    assert [segment_id] == await asked_for(api)


async def test_a_deleted_segment_is_gone(api: Api) -> None:
    """Deleting a segment takes everybody out of it; the people stay."""
    segment_id, profile_id = await made(api), await made_profile(api, email="a@b.co")
    await put(api, segment_id, profile_id)
    assert 204 == (await api.delete(f"/api/segments/{segment_id}")).status_code
    assert 404 == (await api.get(f"/api/segments/{segment_id}")).status_code
    assert 404 == (await api.delete(f"/api/segments/{segment_id}")).status_code
    assert [] == ids(await api.get(f"/api/profiles/{profile_id}/segments"))


async def test_segments_that_ask_about_a_deleted_one_are_worked_out_anew(api: Api) -> None:
    """Nobody is in a deleted segment, which only those look at again that ask about it."""
    segment_id = await made(api)
    asking = await made(api, member_of(segment_id))
    await made(api)
    await worked_out(api)
    assert 204 == (await api.delete(f"/api/segments/{segment_id}")).status_code
    assert [asking] == await asked_for(api)


async def test_every_mistake_of_a_definition_is_pointed_to(api: Api) -> None:
    """An unknown condition, a wrong filter and a missing field are told at once, each where it is."""
    bad = definition(
        {"type": "profile-mood"},
        {**VIP, "filter": {"type": "boolean", "operator": "equals", "value": "yes"}},
        {"type": "profile-group-membership", "group_ids": []},
    )
    answer = await api.post("/api/segments", body(name="Bad", definition=bad))
    place = f"{DEFINITION}/condition_groups/0/conditions"
    expected = [f"{place}/0", f"{place}/1/filter/value", f"{place}/2/is_member"]
    assert (400, expected) == (answer.status_code, pointers(answer))


@pytest.mark.parametrize("wrong", [None, "all", [], {}, {"condition_groups": {}}])
async def test_a_definition_of_the_wrong_shape_is_refused(api: Api, wrong: Any) -> None:
    """Whatever is no definition is a 400 that points to it or into it."""
    answer = await api.post("/api/segments", body(name="Bad", definition=wrong))
    assert 400 == answer.status_code
    assert all(one.startswith(DEFINITION) for one in pointers(answer))


async def test_a_definition_names_what_exists(api: Api) -> None:
    """Metrics, lists and segments that are unknown or deleted are each pointed to."""
    list_id, gone = await made_list(api), await made_list(api)
    await api.delete(f"/api/lists/{gone}")
    asked = definition(member_of(list_id, gone), ordered("NOPE01"), member_of("NOPE02"))
    answer = await api.post("/api/segments", body(name="Bad", definition=asked))
    place = f"{DEFINITION}/condition_groups/0/conditions"
    expected = [f"{place}/1/metric_id", f"{place}/0/group_ids/1", f"{place}/2/group_ids/0"]
    assert (400, expected) == (answer.status_code, pointers(answer))
    assert [] == ids(await api.get("/api/segments"))


async def test_a_definition_may_name_metrics_lists_and_segments(api: Api) -> None:
    """What the account has may be asked about."""
    await api.post("/api/events", event("Placed Order"))
    [metric_id] = ids(await api.get("/api/metrics"))
    list_id, other = await made_list(api), await made(api)
    await made(api, ordered(metric_id), member_of(list_id, other), name="All")
    assert 2 == len(ids(await api.get("/api/segments")))


async def test_a_segment_cannot_ask_about_itself(api: Api) -> None:
    """Neither directly nor through others: the place that closes the circle is pointed to."""
    first = await made(api)
    second = await made(api, member_of(first))
    third = await made(api, member_of(second))
    place = f"{DEFINITION}/condition_groups/0/conditions/0/group_ids/0"
    for named in (first, second, third):
        answer = await change(api, first, definition=definition(member_of(named)))
        assert (400, [place]) == (answer.status_code, pointers(answer))
    assert 200 == (await change(api, third, definition=definition(member_of(first)))).status_code


async def test_two_changes_at_once_close_no_circle(api: Api) -> None:
    """While one segment comes to ask about another, the other way round waits, and is then refused."""
    first, second = await made(api), await made(api)
    services, account_id = api.services, api.account.account_id
    async with services.database.transaction() as transaction:
        await reference_problems(transaction, account_id, References({}, {}), second)
        changing = asyncio.create_task(change(api, first, definition=definition(member_of(second))))
        while not changing.done() and not await services.database.fetch_value(WAITING):
            continue
        asking = {"definition": definition(member_of(first)), "topics": {of_group(first)}}
        times = {"ids": services.ids, "now": NOW, "system_now": NOW}
        await change_segment(transaction, account_id, second, **asking, **times)
    assert 400 == (await changing).status_code


async def test_a_segment_has_a_hundred_conditions(api: Api) -> None:
    """The hundred-and-first is one too many, wherever it stands."""
    full = {"condition_groups": [{"conditions": [VIP] * 50}] * 2}
    assert 201 == (await api.post("/api/segments", body(name="Full", definition=full))).status_code
    full["condition_groups"].append({"conditions": [VIP]})
    answer = await api.post("/api/segments", body(name="Fuller", definition=full))
    assert (400, [f"{DEFINITION}/condition_groups"]) == (answer.status_code, pointers(answer))


async def test_a_range_of_days_that_ends_before_it_starts_is_refused(api: Api) -> None:
    """No date lies in it; the end is pointed to, in whichever filter it stands."""
    days = {"type": "date", "operator": "between-static", "start": "2026-06-10T23:00:00Z", "end": "2026-06-10"}
    bought = {"type": "profile-property", "property": "properties['bought']", "filter": days}
    one_day = await api.post("/api/segments", body(name="One day", definition=definition(bought)))
    bought["filter"] = {**days, "end": "2026-06-09"}
    answer = await api.post("/api/segments", body(name="None", definition=definition(VIP, bought)))
    place = f"{DEFINITION}/condition_groups/0/conditions/1/filter/end"
    assert (201, 400, [place]) == (one_day.status_code, answer.status_code, pointers(answer))


@pytest.mark.parametrize("is_member", [True, False])
async def test_a_condition_about_no_group_is_refused(api: Api, is_member: bool) -> None:
    """It would hold for nobody, or for everybody, without asking anything."""
    empty = {"type": "profile-group-membership", "is_member": is_member, "group_ids": []}
    answer = await api.post("/api/segments", body(name="None", definition=definition(VIP, empty)))
    assert (400, [f"{DEFINITION}/condition_groups/0/conditions/1"]) == (answer.status_code, pointers(answer))


@pytest.mark.parametrize(("country", "code"), [("XX", "12345"), ("US", "00000")])
async def test_a_condition_that_cannot_run_is_refused(api: Api, country: str, code: str) -> None:
    """A distance from a postal code that is not known, as none or not all of its country are, is told where it is."""
    far = {
        "type": "profile-postal-code-distance",
        "country_code": country,
        "postal_code": code,
        "unit": "miles",
        "filter": {"type": "numeric", "operator": "less-than", "value": 10},
    }
    answer = await api.post("/api/segments", body(name="Near", definition=definition(VIP, far)))
    assert (400, [f"{DEFINITION}/condition_groups/0/conditions/1"]) == (answer.status_code, pointers(answer))


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"definition": definition(VIP)}, "/data/attributes/name"),
        ({"definition": definition(VIP), "name": ""}, "/data/attributes/name"),
        ({"name": "A"}, "/data/attributes/definition"),
        ({"name": "A", "definition": definition(VIP), "is_starred": "yes"}, "/data/attributes/is_starred"),
        ({"name": "A", "definition": definition(VIP), "is_active": True}, "/data/attributes/is_active"),
    ],
)
async def test_a_bad_body_is_pointed_to(api: Api, attributes: dict[str, Any], pointer: str) -> None:
    """What a new segment must have, and must not, is told."""
    answer = await api.post("/api/segments", body(**attributes))
    assert (400, [pointer]) == (answer.status_code, pointers(answer))


async def test_segments_are_filtered_sorted_and_paged(api: Api, machine_clock: FixedClock) -> None:
    """Each filter narrows, each sort key orders, and pages hold ten."""
    made_ids = []
    for number in range(11):
        machine_clock.moment = NOW + timedelta(minutes=number)
        made_ids.append(await made(api, name=f"S{number:02}"))
    await change(api, made_ids[2], is_active=False)
    await change(api, made_ids[3], is_starred=True)
    first = await api.get("/api/segments?sort=name")
    assert made_ids[:10] == ids(first)
    assert made_ids[10:] == ids(await api.get(first.json()["links"]["next"]))
    queries = {
        'filter=equals(name,"S04")': [made_ids[4]],
        f'filter=any(id,["{made_ids[5]}"])': [made_ids[5]],
        "filter=equals(is_active,false)": [made_ids[2]],
        "filter=any(is_active,[false])": [made_ids[2]],
        "filter=equals(is_starred,true)": [made_ids[3]],
        "filter=greater-than(created,2026-11-20T12:09:00Z)": [made_ids[10]],
        "sort=-created&page[size]=1": [made_ids[10]],
    }
    assert queries == {query: ids(await api.get(f"/api/segments?{query}")) for query in queries}


async def test_members_are_shown_with_their_join(api: Api, machine_clock: FixedClock) -> None:
    """Members of a segment are sorted, filtered and paged as those of a list are, and found by id too."""
    segment_id, people = await made(api), []
    for number in range(3):
        machine_clock.moment = NOW + timedelta(minutes=number)
        people.append(await made_profile(api, email=f"p{number}@example.com"))
        await put(api, segment_id, people[-1])
    for path in (f"/api/segments/{segment_id}/profiles", f"/api/segments/{segment_id}/relationships/profiles"):
        assert people == ids(await api.get(path))
        assert people[::-1] == ids(await api.get(f"{path}?sort=-joined_group_at"))
        assert [people[1]] == ids(await api.get(f'{path}?filter=equals(profile_id,"{people[1]}")'))
        assert [people[2]] == ids(await api.get(f'{path}?filter=any(email,["p2@example.com"])'))
        assert people[:1] == ids(await api.get(f"{path}?filter=less-than(joined_group_at,2026-11-20T12:01:00Z)"))
    [row] = (await api.get(f"/api/segments/{segment_id}/profiles?page[size]=1")).json()["data"]
    assert "2026-11-20T12:00:00+00:00" == row["attributes"]["joined_group_at"]


async def test_a_segments_size_is_counted_on_request(api: Api) -> None:
    """`additional-fields[segment]=profile_count` counts, on one segment only."""
    segment_id = await made(api)
    await put(api, segment_id, await made_profile(api, email="a@b.co"), await made_profile(api, email="b@b.co"))
    answer = await api.get(f"/api/segments/{segment_id}?additional-fields[segment]=profile_count")
    assert 2 == answer.json()["data"]["attributes"]["profile_count"]
    refused = await api.get("/api/segments?additional-fields[segment]=profile_count")
    assert (400, ["additional-fields[segment]"]) == (refused.status_code, pointers(refused))


async def test_the_flows_that_a_segment_starts_are_read(api: Api) -> None:
    """`flow-triggers` are the flows that begin when somebody joins the segment."""
    segment_id, other = await made(api), await made(api)
    asked = {
        "triggers": [{"type": "segment", "id": segment_id}],
        "entry_action_id": "a",
        "actions": [delay("a", None)],
        "profile_filter": None,
    }
    flow = {"data": {"type": "flow", "attributes": {"name": "Welcome", "definition": asked}}}
    answer = await api.post("/api/flows", flow)
    assert 201 == answer.status_code, answer.text
    flow_id = answer.json()["data"]["id"]
    base = f"/api/segments/{segment_id}"
    assert [flow_id] == ids(await api.get(f"{base}/flow-triggers"))
    assert [flow_id] == ids(await api.get(f"{base}/relationships/flow-triggers"))
    assert [] == ids(await api.get(f"/api/segments/{other}/flow-triggers"))
    document = (await api.get(f"{base}?include=flow-triggers&fields[flow]=name")).json()
    assert [{"name": "Welcome"}] == [one["attributes"] for one in document["included"]]


async def test_the_definition_is_shown_in_part(api: Api) -> None:
    """`fields[segment]` names the definition or a part of it."""
    segment_id = await made(api)
    shown = (await api.get(f"/api/segments/{segment_id}?fields[segment]=definition.condition_groups")).json()
    assert {"definition": definition(VIP)} == shown["data"]["attributes"]


async def test_old_revisions_lack_what_came_later(api: Api) -> None:
    """2024-02-15 reads and renames segments; it neither makes them nor shows their definition."""
    segment_id = await made(api)
    old: dict[str, Any] = {"revision": "2024-02-15"}
    assert 400 == (await api.post("/api/segments/", body(name="A", definition=definition(VIP)), **old)).status_code
    shown = (await api.get(f"/api/segments/{segment_id}/", **old)).json()["data"]
    assert {"name", "created", "updated", "is_active", "is_processing", "is_starred"} == set(shown["attributes"])
    assert {"profiles", "tags"} == set(shown["relationships"])
    asked = {"data": {"type": "segment", "id": segment_id, "attributes": {"name": "B", "is_active": False}}}
    refused = await api.patch(f"/api/segments/{segment_id}/", asked, **old)
    assert (400, ["/data/attributes/is_active"]) == (refused.status_code, pointers(refused))
