"""Events: recording them, one and many, and reading them back; the metrics that they make."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from api_client import Api
from people import bulk, counted, event, ids, made_profile, pointers, shown


async def test_an_event_makes_its_metric_and_its_profile(api: Api) -> None:
    """A 202 without a body stands for an event, a metric, a profile and a pending row, all committed."""
    answer = await api.post("/api/events", event(properties={"a": 1}, value=9.99, value_currency="USD"))
    assert (202, b"") == (answer.status_code, answer.content)
    assert [1, 1, 1, 1] == [await counted(api, table) for table in ("event", "metric", "profile", "pending")]
    [shown_event] = (await api.get("/api/events")).json()["data"]
    assert {"a": 1, "$value": 9.99, "$value_currency": "USD"} == shown_event["attributes"]["event_properties"]
    assert "2026-11-20T12:00:00+00:00" == shown_event["attributes"]["datetime"]
    assert 1795176000 == shown_event["attributes"]["timestamp"]


async def test_an_event_updates_its_profile(api: Api) -> None:
    """Attributes that come with an event are laid over the profile."""
    profile_id = await made_profile(api, email="sarah@example.com", properties={"a": 1})
    person = {"attributes": {"email": "sarah@example.com", "first_name": "Sarah", "properties": {"b": 2}}}
    await api.post("/api/events", event(person=person))
    attributes = await shown(api, profile_id)
    assert ("Sarah", {"a": 1, "b": 2}) == (attributes["first_name"], attributes["properties"])


async def test_a_profile_may_be_named_by_id(api: Api) -> None:
    """An event may name its profile by id alone; an unknown id is refused and leaves nothing, no metric either."""
    profile_id = await made_profile(api, email="sarah@example.com")
    named = await api.post("/api/events", event(person={"id": profile_id, "attributes": {}}))
    unknown = await api.post("/api/events", event("Other", person={"id": "01GDDKASAP8TKDDA2GRZDSVP4H"}))
    assert [202, 400] == [named.status_code, unknown.status_code]
    assert ["/data/attributes/profile/data/id"] == pointers(unknown)
    assert [1, 1, 1] == [await counted(api, table) for table in ("event", "metric", "profile")]


async def test_a_repeated_unique_id_is_taken_once(api: Api) -> None:
    """A repetition answers 202 and changes nothing; without a unique id the second decides."""
    for _ in range(2):
        assert 202 == (await api.post("/api/events", event(unique_id="one"))).status_code
    for _ in range(2):
        await api.post("/api/events", event("Placed Order"))
    assert 2 == await counted(api, "event")


async def test_concurrent_events_of_one_new_person_make_one_profile(api: Api) -> None:
    """Fifty events at once of somebody unknown are fifty events of one profile."""
    answers = await asyncio.gather(*(api.post("/api/events", event(unique_id=str(n))) for n in range(50)))
    assert {202} == {answer.status_code for answer in answers}
    assert [50, 1] == [await counted(api, "event"), await counted(api, "profile")]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-11-01T10:00:00.999Z", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00+00:00"),
        ("2026-11-01T10:00:00", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("1990-01-01T00:00:00Z", "1990-01-01T00:00:00+00:00"),
        ("2027-11-20T12:00:00Z", "2027-11-20T12:00:00+00:00"),
    ],
)
async def test_times_are_cut_to_the_second(api: Api, time: str, expected: str) -> None:
    """Any spelling of a moment from 1990 to a year ahead is taken."""
    assert 202 == (await api.post("/api/events", event(time=time))).status_code
    assert expected == (await api.get("/api/events")).json()["data"][0]["attributes"]["datetime"]


BAD_EVENTS: list[tuple[dict[str, Any], str]] = [
    ({"time": "1989-12-31T23:59:59Z"}, "time"),
    ({"time": "2027-11-22T00:00:00Z"}, "time"),
    ({"time": "yesterday"}, "time"),
    ({"time": 1700000000}, "time"),
    ({"value": "9.99"}, "value"),
    ({"value": True}, "value"),
    ({"value_currency": "dollars"}, "value_currency"),
    ({"unique_id": ""}, "unique_id"),
    ({"backfill": "yes"}, "backfill"),
    ({"properties": None}, "properties"),
    ({"properties": {str(n): n for n in range(401)}}, "properties"),
    ({"properties": {"s": "ä" * 51_201}}, "properties/s"),
    ({"properties": {"a": [0] * 4001}}, "properties/a"),
    ({"nonsense": 1}, "nonsense"),
    ({"metric": {"data": {"type": "metric", "attributes": {"name": ""}}}}, "metric/data/attributes/name"),
    ({"metric": {"data": {"type": "metric", "attributes": {}}}}, "metric/data/attributes/name"),
    ({"metric": {"data": {"type": "meter", "attributes": {"name": "x"}}}}, "metric/data/type"),
    ({"profile": {"data": {"type": "profile", "attributes": {"first_name": "x"}}}}, "profile/data/attributes"),
    ({"profile": {"data": {"type": "profile", "attributes": {"email": "x"}}}}, "profile/data/attributes/email"),
]


@pytest.mark.parametrize(("attributes", "pointer"), BAD_EVENTS)
async def test_bad_events_are_pointed_to(api: Api, attributes: dict[str, Any], pointer: str) -> None:
    """Each mistake is a 400 that points to it; no event, metric or profile is left behind."""
    answer = await api.post("/api/events", event(**attributes))
    assert (400, [f"/data/attributes/{pointer}"]) == (answer.status_code, pointers(answer))
    assert [0, 0, 0] == [await counted(api, table) for table in ("event", "metric", "profile")]


async def test_properties_may_nest_ten_levels(api: Api) -> None:
    """Ten levels of properties are taken, eleven are refused with a pointer to the level too many."""

    def nested(levels: int) -> Any:
        return {"n": nested(levels - 1)} if levels else 1

    assert 202 == (await api.post("/api/events", event(properties=nested(10)))).status_code
    refused = await api.post("/api/events", event(properties=nested(11)))
    assert [f"/data/attributes/properties{'/n' * 10}"] == pointers(refused)


async def test_a_bulk_job_is_taken_whole(api: Api) -> None:
    """Several people's events are committed when the 202 comes."""
    body = bulk(
        {"email": "a@example.com", "events": [event("A"), event("B")]},
        {"email": "b@example.com", "events": [event("A")]},
    )
    assert 202 == (await api.post("/api/event-bulk-create-jobs", body)).status_code
    assert [3, 2, 2] == [await counted(api, table) for table in ("event", "metric", "profile")]


async def test_a_bulk_job_with_a_mistake_is_refused_whole(api: Api) -> None:
    """Every mistake is reported with its pointer and nothing is written."""
    body = bulk(
        {"email": "a@example.com", "events": [event("A"), event("B", time="1980-01-01")]},
        {"email": "b@example.com", "events": [event("A", time="2100-01-01")]},
    )
    answer = await api.post("/api/event-bulk-create-jobs", body)
    at = "/data/attributes/events-bulk-create/data"
    assert [f"{at}/0/attributes/events/data/1/attributes/time", f"{at}/1/attributes/events/data/0/attributes/time"] == (
        pointers(answer)
    )
    assert [0, 0, 0] == [await counted(api, table) for table in ("event", "metric", "profile")]


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_bulk_job_holds_one_to_a_thousand_events(api: Api, count: int) -> None:
    """An empty job and one that is too large are refused."""
    body = bulk({"email": "a@example.com", "events": [event(unique_id=str(n)) for n in range(count)]})
    answer = await api.post("/api/event-bulk-create-jobs", body)
    assert (400, ["/data/attributes/events-bulk-create/data"]) == (answer.status_code, pointers(answer))


async def test_events_are_found_and_sorted(api: Api) -> None:
    """Filters by metric, profile and time find events; sorting goes by time in both directions."""
    for day in (3, 1, 2):
        await api.post("/api/events", event("A", time=f"2026-10-0{day}T00:00:00Z"))
    await api.post("/api/events", event("B", time="2026-09-01", person={"attributes": {"email": "b@example.com"}}))
    everything = (await api.get("/api/events?sort=datetime")).json()["data"]
    times = [one["attributes"]["datetime"][5:10] for one in everything]
    assert ["09-01", "10-01", "10-02", "10-03"] == times
    b, a1, a2, a3 = [one["id"] for one in everything]
    metric = everything[0]["relationships"]["metric"]["data"]["id"]
    person = everything[1]["relationships"]["profile"]["data"]["id"]
    assert [a3, a2, a1, b] == ids(await api.get("/api/events?sort=-timestamp"))
    expected = {
        f'equals(metric_id,"{metric}")': [b],
        f'equals(profile_id,"{person}")': [a1, a2, a3],
        "greater-than(datetime,2026-10-01T00:00:00Z)": [a2, a3],
        "greater-or-equal(datetime,2026-10-01),less-than(datetime,2026-10-03)": [a1, a2],
        "less-or-equal(timestamp,1790812800)": [b, a1],
        "has(profile),has(metric)": [b, a1, a2, a3],
    }
    assert expected == {text: ids(await api.get("/api/events", params={"filter": text})) for text in expected}


async def test_an_events_metric_and_profile_are_read(api: Api) -> None:
    """Related resources, relationships and includes agree."""
    await api.post("/api/events", event("Placed Order"))
    document = (await api.get("/api/events?include=metric,profile")).json()
    [row] = document["data"]
    metric, person = (row["relationships"][name]["data"] for name in ("metric", "profile"))
    base = f"/api/events/{row['id']}"
    assert metric["id"] == (await api.get(f"{base}/metric")).json()["data"]["id"]
    assert metric == (await api.get(f"{base}/relationships/metric/")).json()["data"]
    assert person["id"] == (await api.get(f"{base}/profile/")).json()["data"]["id"]
    assert person == (await api.get(f"{base}/relationships/profile")).json()["data"]
    assert {(metric["type"], metric["id"]), (person["type"], person["id"])} == {
        (one["type"], one["id"]) for one in document["included"]
    }


async def test_a_malformed_event_id_is_invalid_and_an_unknown_one_not_found(api: Api) -> None:
    """Source: reference 5.4."""
    assert 400 == (await api.get("/api/events/abc")).status_code
    assert 404 == (await api.get("/api/events/00000000001")).status_code
    assert 404 == (await api.get("/api/events/00000000001/profile")).status_code


async def test_metrics_are_listed_by_integration(api: Api) -> None:
    """A metric belongs to the API's integration, or to the service that the event names."""
    await api.post("/api/events", event("A"))
    shop = {"data": {"type": "metric", "attributes": {"name": "A", "service": "shopify"}}}
    await api.post("/api/events", event(metric=shop))
    answers = {
        name: (await api.get(f'/api/metrics?filter=equals(integration.name,"{name}")')).json()["data"]
        for name in ("API", "shopify")
    }
    assert [1, 1] == [len(one) for one in answers.values()]
    metric = answers["API"][0]
    assert "+00:00" == metric["attributes"]["updated"][-6:]
    assert metric == (await api.get(f"/api/metrics/{metric['id']}")).json()["data"]
    assert 404 == (await api.get("/api/metrics/nope")).status_code


@pytest.mark.parametrize(
    ("bound", "count"),
    [
        ("greater-than(datetime,9999-12-31T23:59:59Z)", 0),
        ("greater-or-equal(timestamp,6000000000)", 0),
        ("greater-than(datetime,0001-01-02T00:00:00Z)", 1),
    ],
)
async def test_a_bound_far_away_is_a_bound(api: Api, bound: str, count: int) -> None:
    """Times that no event can have are compared like others."""
    await api.post("/api/events", event())
    answer = await api.get(f"/api/events?filter={bound}")
    assert (200, count) == (answer.status_code, len(answer.json().get("data", ()))), answer.text


async def test_an_event_changes_properties_of_its_person(api: Api) -> None:
    """`meta` among the attributes of the person adds to lists, takes from them and removes, before the event counts."""
    await made_profile(api, email="sarah@example.com", properties={"seen": ["hat"], "old": 1})
    patch = {"append": {"seen": "mug"}, "unset": "old"}
    attributes = {"email": "sarah@example.com", "meta": {"patch_properties": patch}}

    answer = await api.post("/api/events", event(person={"attributes": attributes}))

    assert 202 == answer.status_code, answer.text
    [person] = (await api.get("/api/profiles")).json()["data"]
    assert {"seen": ["hat", "mug"]} == person["attributes"]["properties"]
    assert 1 == await counted(api, "event")


async def test_events_in_bulk_change_properties_of_their_people(api: Api) -> None:
    """In a job `meta` stands beside the attributes; somebody new is made with what is added."""
    body = bulk({"email": "ana@example.com", "events": [event()]}, {"email": "ben@example.com", "events": [event()]})
    rows = body["data"]["attributes"]["events-bulk-create"]["data"]
    rows[1]["attributes"]["profile"]["data"]["meta"] = {"patch_properties": {"append": {"seen": "mug"}}}

    assert 202 == (await api.post("/api/event-bulk-create-jobs", body)).status_code

    people = (await api.get("/api/profiles?sort=email")).json()["data"]
    assert [{}, {"seen": ["mug"]}] == [one["attributes"]["properties"] for one in people]


async def test_a_change_that_is_refused_takes_its_event_along(api: Api) -> None:
    """Nothing of a request is kept when its person cannot be changed as it asks, and the answer says where."""
    attributes = {"email": "sarah@example.com", "meta": {"patch_properties": {"append": {"seen": {"a": 1}}}}}

    answer = await api.post("/api/events", event(person={"attributes": attributes}))

    assert 400 == answer.status_code
    pointer = answer.json()["errors"][0]["source"]["pointer"]
    assert "/data/attributes/profile/data/attributes/meta/patch_properties/append/seen" == pointer
    assert [0, 0] == [await counted(api, "event"), await counted(api, "profile")]
