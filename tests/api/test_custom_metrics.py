"""Custom metrics: making, reading, changing and deleting them, and what their definitions may say."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from metric_bodies import custom, definition, group, made_custom, made_metric, mapping
from people import ids, pointers

from headrace.model import Account
from headrace.storage import custom_metrics
from headrace.storage.accounts import create_account

PATH = "/api/custom-metrics"
OF_DEFINITION = "/data/attributes/definition"
FILTERS: list[dict[str, Any]] = [
    {"type": "string", "operator": "starts-with", "value": "a"},
    {"type": "string", "operator": "in", "value": ["a", "b"]},
    {"type": "numeric", "operator": "greater-than-or-equal", "value": 9.5},
    {"type": "boolean", "operator": "equals", "value": False},
    {"type": "list", "operator": "contains", "value": 5},
    {"type": "list", "operator": "not-contains-starts-with", "value": "a"},
    {"type": "list", "operator": "contains-substring", "value": None},
    {"type": "existence", "operator": "is-set"},
]


async def test_a_custom_metric_is_made_and_read(api: Api) -> None:
    """It shows its definition as it was sent, and the metrics that it is made of."""
    order, refund = await made_metric(api), await made_metric(api, "Refunded Order")
    filters = [(f"p{number}", one) for number, one in enumerate(FILTERS)]
    document = definition(group(order, *filters), group(refund, value="amount"), group(order), method="value")
    made = await api.post(PATH, custom("Net", document))
    assert 201 == made.status_code, made.text
    shown = made.json()["data"]
    assert ("Net", document) == (shown["attributes"]["name"], shown["attributes"]["definition"])
    assert "2026-11-20T12:00:00+00:00" == shown["attributes"]["created"] == shown["attributes"]["updated"]
    assert [order, refund] == [one["id"] for one in shown["relationships"]["metrics"]["data"]]
    read = await api.get(f"{PATH}/{shown['id']}")
    assert shown == read.json()["data"]
    assert (32, True) == (len(shown["id"]), shown["id"].isalnum())


async def test_its_metrics_are_related_and_included(api: Api) -> None:
    """Metrics come with it on request, and from addresses of their own."""
    order, refund = await made_metric(api), await made_metric(api, "Refunded Order")
    made = await api.post(PATH, custom("Net", definition(group(order), group(refund))))
    one = made.json()["data"]["id"]
    listed = await api.get(PATH, params={"include": "metrics", "fields[metric]": "name"})
    assert [order, refund] == [each["id"] for each in listed.json()["included"]]
    assert {order, refund} == set(ids(await api.get(f"{PATH}/{one}/metrics")))
    assert {order, refund} == set(ids(await api.get(f"{PATH}/{one}/relationships/metrics")))


async def test_few_fields_may_be_asked_for(api: Api) -> None:
    """A part of the definition is enough for who asks for it alone."""
    one = await made_custom(api, await made_metric(api))
    answer = await api.get(f"{PATH}/{one}", params={"fields[custom-metric]": "definition.aggregation_method"})
    assert {"definition": {"aggregation_method": "count"}} == answer.json()["data"]["attributes"]


async def test_a_custom_metric_is_changed_in_parts(api: Api) -> None:
    """A name alone leaves the definition; a definition takes the place of the whole old one."""
    order, refund = await made_metric(api), await made_metric(api, "Refunded Order")
    one = await made_custom(api, order)
    renamed = await api.patch(f"{PATH}/{one}", custom("Sales", id_=one))
    assert ("Sales", definition(group(order))) == tuple(
        renamed.json()["data"]["attributes"][name] for name in ("name", "definition")
    )
    other = definition(group(refund), method="value")
    changed = (await api.patch(f"{PATH}/{one}", custom(definition=other, id_=one))).json()["data"]
    assert ("Sales", other) == (changed["attributes"]["name"], changed["attributes"]["definition"])
    assert [refund] == [each["id"] for each in changed["relationships"]["metrics"]["data"]]


async def test_names_are_unique(api: Api) -> None:
    """A name in use is a 400 that points to it; keeping one's own name is none."""
    order = await made_metric(api)
    first, second = await made_custom(api, order, "One"), await made_custom(api, order, "Two")
    again = await api.post(PATH, custom("One", definition(group(order))))
    taken = await api.patch(f"{PATH}/{second}", custom("One", id_=second))
    own = await api.patch(f"{PATH}/{first}", custom("One", id_=first))
    assert [400, 400, 200] == [again.status_code, taken.status_code, own.status_code]
    assert [["/data/attributes/name"]] * 2 == [pointers(again), pointers(taken)]


BAD: list[tuple[Any, list[str]]] = [
    ({}, ["/aggregation_method", "/metric_groups"]),
    ({"aggregation_method": "sum", "metric_groups": [{"metric_id": "x"}]}, ["/aggregation_method"]),
    (definition(), ["/metric_groups"]),
    (definition(*[group("x")] * 51), ["/metric_groups"]),
    (definition({"metric_filters": []}), ["/metric_groups/0/metric_id"]),
    (definition({"metric_id": "x", "color": 1}), ["/metric_groups/0/color"]),
    (definition(group("x", ("p", {"type": "numeric", "operator": "between", "start": 1, "end": 2}))), ["FILTER"]),
    (definition(group("x", ("p", {"type": "string", "operator": "not-in", "value": ["a"]}))), ["FILTER"]),
    (definition(group("x", ("p", {"type": "string", "operator": "regex", "value": "("}))), ["FILTER/value"]),
    (definition(group("x", ("p", {"type": "numeric", "operator": "equals", "value": "1"}))), ["FILTER/value"]),
    (definition(group("x"), group("y")), ["/metric_groups/0/metric_id", "/metric_groups/1/metric_id"]),
    (definition(group("x" * 256)), ["/metric_groups/0/metric_id"]),
    (definition(group("x", ("p", {"type": "string", "operator": "equals", "value": "a" * 65_536}))), [""]),
    ("count", [""]),
]


@pytest.mark.parametrize(("document", "expected"), BAD)
async def test_mistakes_in_a_definition_are_pointed_to(api: Api, document: Any, expected: list[str]) -> None:
    """Every mistake has its place in the body; metrics that the account lacks are mistakes too."""
    answer = await api.post(PATH, custom("Net", document))
    places = [one.replace("FILTER", "/metric_groups/0/metric_filters/0/filter") for one in expected]
    assert (400, [f"{OF_DEFINITION}{one}" for one in places]) == (answer.status_code, pointers(answer))
    assert [] == ids(await api.get(PATH))


async def test_a_custom_metric_is_deleted_unless_it_is_mapped(api: Api) -> None:
    """While a mapping stands for it, deleting is a 409 that names the mapping; then it is gone."""
    one = await made_custom(api, await made_metric(api))
    await api.patch("/api/mapped-metrics/revenue", mapping("revenue", custom_metric=one))
    refused = await api.delete(f"{PATH}/{one}")
    assert (409, True) == (refused.status_code, "revenue" in refused.text)
    await api.patch("/api/mapped-metrics/revenue", mapping("revenue", custom_metric=None))
    assert [204, 404, 404] == [
        (await api.delete(f"{PATH}/{one}")).status_code,
        (await api.delete(f"{PATH}/{one}")).status_code,
        (await api.get(f"{PATH}/{one}")).status_code,
    ]


async def test_an_account_has_so_many_custom_metrics(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than the most is a 409."""
    monkeypatch.setattr(custom_metrics, "MOST", 2)
    order = await made_metric(api)
    for number in range(2):
        await made_custom(api, order, f"Net {number}")
    assert 409 == (await api.post(PATH, custom("Net 2", definition(group(order))))).status_code


async def test_another_accounts_custom_metrics_are_not_there(api: Api) -> None:
    """Its ids answer 404 everywhere, it may use the same names, and its metrics are unknown here."""
    order = await made_metric(api)
    one = await made_custom(api, order)
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], other)}"}
    paths = (f"{PATH}/{one}", f"{PATH}/{one}/metrics", f"{PATH}/{one}/relationships/metrics")
    assert {404} == {(await api.get(path, headers=headers)).status_code for path in paths}
    assert 404 == (await api.patch(f"{PATH}/{one}", custom("X", id_=one), headers=headers)).status_code
    assert 404 == (await api.delete(f"{PATH}/{one}", headers=headers)).status_code
    assert [] == ids(await api.get(PATH, headers=headers))
    foreign = await api.post(PATH, custom("Revenue", definition(group(order))), headers=headers)
    assert [f"{OF_DEFINITION}/metric_groups/0/metric_id"] == pointers(foreign)


async def test_custom_metrics_need_a_revision_that_has_them(api: Api) -> None:
    """Before 2025-07-15 there were none."""
    assert [400, 200] == [(await api.get(PATH, revision=one)).status_code for one in ("2025-01-15", "2025-07-15")]
