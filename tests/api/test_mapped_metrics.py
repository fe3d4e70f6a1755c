"""Mapped metrics: the seven mappings of every account, and what they stand for."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, FixedClock
from metric_bodies import made_custom, made_metric, mapping
from people import ids, pointers

from headrace.model import Account
from headrace.storage.accounts import create_account

PATH = "/api/mapped-metrics"
MAPPINGS = [
    "added_to_cart",
    "cancelled_sales",
    "ordered_product",
    "refunded_sales",
    "revenue",
    "started_checkout",
    "viewed_product",
]


async def linked(api: Api, one: str = "revenue") -> dict[str, Any]:
    """Return what a mapping stands for, by relationship, as it shows it; what it does not stand for is left out."""
    related = (await api.get(f"{PATH}/{one}")).json()["data"]["relationships"]
    return {name: each["data"]["id"] for name, each in related.items() if "data" in each}


async def test_every_account_has_all_mappings(api: Api) -> None:
    """Each stands for nothing at first and was changed last when the account was made."""
    listed = (await api.get(PATH)).json()["data"]
    assert MAPPINGS == [one["id"] for one in listed]
    assert {"2026-11-20T12:00:00+00:00"} == {one["attributes"]["updated"] for one in listed}
    assert [{}] * 7 == [await linked(api, one) for one in MAPPINGS]
    assert [None] * 4 == [
        (await api.get(f"{PATH}/revenue/{path}")).json()["data"]
        for path in ("metric", "custom-metric", "relationships/metric", "relationships/custom-metric")
    ]


async def test_a_mapping_stands_for_a_metric_or_a_custom_metric(api: Api, machine_clock: FixedClock) -> None:
    """Setting one empties the other; null empties the one that it is given for."""
    order = await made_metric(api)
    net = await made_custom(api, order)
    machine_clock.moment = machine_clock.moment.replace(hour=13)
    changed = await api.patch(f"{PATH}/revenue", mapping("revenue", metric=order))
    assert "2026-11-20T13:00:00+00:00" == changed.json()["data"]["attributes"]["updated"]
    assert {"metric": order} == await linked(api)
    assert order == (await api.get(f"{PATH}/revenue/metric")).json()["data"]["id"]
    assert order == (await api.get(f"{PATH}/revenue/relationships/metric")).json()["data"]["id"]
    await api.patch(f"{PATH}/revenue", mapping("revenue", custom_metric=net))
    assert {"custom-metric": net} == await linked(api)
    assert net == (await api.get(f"{PATH}/revenue/custom-metric")).json()["data"]["id"]
    assert net == (await api.get(f"{PATH}/revenue/relationships/custom-metric")).json()["data"]["id"]
    await api.patch(f"{PATH}/revenue", mapping("revenue", metric=None))
    assert {"custom-metric": net} == await linked(api)
    await api.patch(f"{PATH}/revenue", mapping("revenue", custom_metric=None))
    assert {} == await linked(api)
    assert {} == await linked(api, "viewed_product")


async def test_what_mappings_stand_for_is_included(api: Api) -> None:
    """Metrics and custom metrics come with the mappings, each once."""
    order = await made_metric(api)
    net = await made_custom(api, order)
    for one in ("revenue", "ordered_product"):
        await api.patch(f"{PATH}/{one}", mapping(one, metric=order))
    await api.patch(f"{PATH}/refunded_sales", mapping("refunded_sales", custom_metric=net))
    listed = await api.get(PATH, params={"include": "metric,custom-metric"})
    assert [("metric", order), ("custom-metric", net)] == [
        (one["type"], one["id"]) for one in listed.json()["included"]
    ]


@pytest.mark.parametrize(
    ("links", "pointer"),
    [
        ({}, "/data/relationships"),
        ({"metric": "ABC123"}, "/data/relationships/metric/data/id"),
        ({"custom_metric": "0" * 32}, "/data/relationships/custom-metric/data/id"),
        ({"metric": "ABC123", "custom_metric": "0" * 32}, "/data/relationships"),
    ],
)
async def test_bad_mappings_are_pointed_to(api: Api, links: dict[str, str], pointer: str) -> None:
    """Nothing, what does not exist, and both at once are refused."""
    answer = await api.patch(f"{PATH}/revenue", mapping("revenue", **links))
    assert (400, [pointer]) == (answer.status_code, pointers(answer))
    assert {} == await linked(api)


async def test_unknown_mappings_are_not_found(api: Api) -> None:
    """There are seven; a body for another one than the path's is a mistake."""
    order = await made_metric(api)
    assert 404 == (await api.get(f"{PATH}/profit")).status_code
    assert 404 == (await api.get(f"{PATH}/profit/metric")).status_code
    assert 404 == (await api.patch(f"{PATH}/profit", mapping("profit", metric=order))).status_code
    crossed = await api.patch(f"{PATH}/revenue", mapping("viewed_product", metric=order))
    assert (400, ["/data/id"]) == (crossed.status_code, pointers(crossed))


async def test_accounts_map_for_themselves(api: Api) -> None:
    """What one account maps is not mapped in another, which cannot map it either."""
    order = await made_metric(api)
    await api.patch(f"{PATH}/revenue", mapping("revenue", metric=order))
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], other)}"}
    assert MAPPINGS == ids(await api.get(PATH, headers=headers))
    assert (await api.get(f"{PATH}/revenue/metric", headers=headers)).json()["data"] is None
    foreign = await api.patch(f"{PATH}/revenue", mapping("revenue", metric=order), headers=headers)
    assert (400, ["/data/relationships/metric/data/id"]) == (foreign.status_code, pointers(foreign))


async def test_mappings_need_a_revision_that_has_them(api: Api) -> None:
    """Before 2025-07-15 there were none."""
    assert [400, 200] == [(await api.get(PATH, revision=one)).status_code for one in ("2025-01-15", "2025-07-15")]
