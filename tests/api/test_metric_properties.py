"""The properties of a metric: how they come to be known, their types, and samples of their values."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, FixedClock
from metric_bodies import made_metric
from people import event, ids

from headrace.engine.setup import build_core
from headrace.engine.worker import Worker
from headrace.messages.rendered import Workshop
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.metrics import OWN
from headrace.storage.own_events import OwnEvent, write_own_events

SAMPLES = {"additional-fields[metric-property]": "sample_values"}


@pytest.fixture
def worker(api: Api) -> Worker:
    """A worker over the application's database and clock."""
    workshop = Workshop(api.services.signer, "http://headrace.test")
    return Worker(build_core(api.services.database, workshop, clock=api.services.system_clock, name="test"))


async def properties(api: Api, metric_id: str, **params: str) -> dict[str, dict[str, Any]]:
    """Return the attributes of each property of a metric, by name."""
    answer = await api.get(f"/api/metrics/{metric_id}/metric-properties", params=params)
    assert 200 == answer.status_code, answer.text
    return {one["attributes"]["property"]: one["attributes"] for one in answer.json()["data"]}


async def samples(api: Api, metric_id: str) -> dict[str, Any]:
    """Return samples of each property's values, by name."""
    return {name: each["sample_values"] for name, each in (await properties(api, metric_id, **SAMPLES)).items()}


async def types(api: Api, metric_id: str) -> dict[str, str]:
    """Return the type of each property, by name."""
    return {name: each["inferred_type"] for name, each in (await properties(api, metric_id)).items()}


VALUES: dict[str, Any] = {
    "Categories": ["Shoes", "Hats"],
    "Count": 3,
    "Address": {"city": "Oslo"},
    "Gift": True,
    "Day": "2026-11-20",
    "Name": "Boot",
    "Nothing": None,
}
TYPES = {
    "Categories": "List",
    "Count": "Number",
    "Address": "Object",
    "Gift": "Boolean",
    "Day": "Date",
    "Name": "Text",
    "Nothing": "Text",
}


@pytest.mark.parametrize("worked", [True, False])
async def test_properties_have_types(api: Api, worker: Worker, worked: bool) -> None:
    """Types are told from values, those of the event's value too, whether or not a worker has seen the events."""
    metric_id = await made_metric(api, properties=VALUES, value=9.5, value_currency="EUR")
    if worked:
        await worker.drain()
    assert {**TYPES, "$value": "Number", "$value_currency": "Text"} == await types(api, metric_id)


async def test_properties_of_later_events_are_noted(api: Api, worker: Worker) -> None:
    """A property that comes with a later event is there once a worker has seen the event; the others stay."""
    metric_id = await made_metric(api, properties={"a": 1})
    await worker.drain()
    for number in range(3):
        await api.post("/api/events", event("Placed Order", unique_id=f"u{number}", properties={"b": "x"}))
    assert {"a": "Number"} == await types(api, metric_id)
    await worker.drain()
    assert {"a": "Number", "b": "Text"} == await types(api, metric_id)


async def test_properties_of_message_events_are_learned(api: Api) -> None:
    """Events that nobody works off have properties too, and those of later ones come along."""
    services, account_id = api.services, api.account.account_id
    await made_metric(api)
    [profile_id] = ids(await api.get("/api/profiles"))
    now = services.system_clock.now()
    for number, given in enumerate(({"Subject": "Hello"}, {"URL": "http://shop.test"})):
        room = await services.own_events.room(account_id, ["Opened Email"], 1, [now])
        async with services.database.transaction() as transaction:
            opened = OwnEvent(profile_id, "Opened Email", now, given, key=str(number))
            assert 1 == await write_own_events(transaction, room, [opened], now)
        metric_id = (await services.metrics.ids(account_id, ["Opened Email"], OWN))["Opened Email"]
        assert set(given) <= set(await types(api, metric_id))
    assert {"Subject": "Text", "URL": "Text"} == await types(api, metric_id)


async def test_samples_are_the_latest_values(api: Api, machine_clock: FixedClock) -> None:
    """Each value once, the latest first; the elements of lists, and nothing that nests."""
    metric_id = await made_metric(api, properties={**VALUES, "Name": "Old"}, value=9.5)
    for second, name in enumerate(["Boot", "Hat", "Boot"], start=1):
        time = machine_clock.moment.replace(second=second).isoformat()
        await api.post("/api/events", event("Placed Order", time=time, properties={**VALUES, "Name": name}))
    found = await samples(api, metric_id)
    assert ["Boot", "Hat", "Old"] == found.pop("Name")
    assert {"Shoes", "Hats"} == set(found.pop("Categories"))
    assert {
        "Count": [3],
        "Address": [],
        "Gift": [True],
        "Day": ["2026-11-20"],
        "Nothing": [],
        "$value": [9.5],
    } == found


async def test_samples_are_few_and_short(api: Api) -> None:
    """Ten values of a property at most, and no long texts."""
    metric_id = await made_metric(api, properties={"n": 0, "long": "x" * 254})
    for number in range(1, 15):
        await api.post("/api/events", event("Placed Order", unique_id=str(number), properties={"n": number}))
    found = await samples(api, metric_id)
    assert (10, []) == (len(found["n"]), found["long"])


async def test_samples_of_a_rare_metric_are_its_first_values(
    api: Api, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A property that no recent event has shows the values with which it was first seen."""
    from headrace.storage import metric_samples

    metric_id = await made_metric(api, properties={"Name": "Boot"})
    await worker.drain()
    monkeypatch.setattr(metric_samples, "_LATEST", metric_samples._LATEST.replace("20000", "0"))
    assert {"Name": ["Boot"]} == await samples(api, metric_id)


async def test_samples_go_with_the_person(api: Api, worker: Worker) -> None:
    """When somebody is deleted, the property stays known and their values are gone."""
    metric_id = await made_metric(api, properties={"Name": "Boot"})
    await worker.drain()
    who = {"data": {"type": "profile", "attributes": {"email": "sarah@example.com"}}}
    body = {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": who}}}
    assert 202 == (await api.post("/api/data-privacy-deletion-jobs", body)).status_code
    await worker.drain()
    assert {"Name": []} == await samples(api, metric_id)


async def test_a_property_is_read_by_its_id(api: Api) -> None:
    """With samples on request, its metric included, and the metric from addresses of its own."""
    metric_id = await made_metric(api, properties={"Name": "Boot"})
    [one] = ids(await api.get(f"/api/metrics/{metric_id}/metric-properties"))
    assert (32, [one]) == (len(one), ids(await api.get(f"/api/metrics/{metric_id}/relationships/metric-properties")))
    path = f"/api/metric-properties/{one}"
    read = (await api.get(path, params={"include": "metric", **SAMPLES})).json()
    assert {"label": "Name", "property": "Name", "inferred_type": "Text", "sample_values": ["Boot"]} == (
        read["data"]["attributes"]
    )
    assert [metric_id] == [each["id"] for each in read["included"]]
    assert metric_id == read["data"]["relationships"]["metric"]["data"]["id"]
    assert "sample_values" not in (await api.get(path)).json()["data"]["attributes"]
    only = (await api.get(path, params={"fields[metric-property]": "sample_values"})).json()["data"]["attributes"]
    assert {"sample_values": ["Boot"]} == only
    assert metric_id == (await api.get(f"{path}/metric")).json()["data"]["id"]
    assert metric_id == (await api.get(f"{path}/relationships/metric")).json()["data"]["id"]


async def test_accounts_have_their_own_properties(api: Api) -> None:
    """Another account's metrics and properties are not there."""
    metric_id = await made_metric(api, properties={"Name": "Boot"})
    [one] = ids(await api.get(f"/api/metrics/{metric_id}/metric-properties"))
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], other)}"}
    paths = [f"/api/metrics/{metric_id}/metric-properties", f"/api/metrics/{metric_id}/relationships/metric-properties"]
    paths += [f"/api/metric-properties/{one}{end}" for end in ("", "/metric", "/relationships/metric")]
    assert {404} == {(await api.get(path, headers=headers)).status_code for path in paths}
    assert {404} == {(await api.get(path)).status_code for path in ("/api/metric-properties/none", paths[0] + "x/y")}
