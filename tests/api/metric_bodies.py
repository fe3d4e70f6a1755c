"""Bodies and short cuts for tests about metrics, custom and mapped ones."""

from __future__ import annotations

from typing import Any

from api_client import Api
from people import event


async def made_metric(api: Api, name: str = "Placed Order", **attributes: Any) -> str:
    """Record an event of a metric and return the metric's id."""
    answer = await api.post("/api/events", event(name, **attributes))
    assert 202 == answer.status_code, answer.text
    metrics = (await api.get("/api/metrics")).json()["data"]
    return str(next(one["id"] for one in metrics if one["attributes"]["name"] == name))


def group(metric_id: str, *filters: tuple[str, dict[str, Any]], value: str | None = None) -> dict[str, Any]:
    """Return a group of a definition; each filter is a property and the value filter on it."""
    made: dict[str, Any] = {"metric_id": metric_id}
    if filters:
        made["metric_filters"] = [{"property": name, "filter": one} for name, one in filters]
    return made if value is None else {**made, "value_property": value}


def definition(*groups: dict[str, Any], method: str = "count") -> dict[str, Any]:
    """Return a definition."""
    return {"aggregation_method": method, "metric_groups": list(groups)}


def custom(name: str | None = None, definition: Any = None, id_: str | None = None) -> dict[str, Any]:
    """Return the body of a custom metric; what is not given is left out."""
    given = {"name": name, "definition": definition}
    data: dict[str, Any] = {"type": "custom-metric"}
    data["attributes"] = {key: value for key, value in given.items() if value is not None}
    return {"data": data if id_ is None else {**data, "id": id_}}


async def made_custom(api: Api, metric_id: str, name: str = "Revenue") -> str:
    """Make a custom metric of one metric and return its id."""
    answer = await api.post("/api/custom-metrics", custom(name, definition(group(metric_id))))
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


def mapping(id_: str, **links: str | None) -> dict[str, Any]:
    """Return the body that maps a metric, a `custom_metric` or, for None, nothing."""
    related = {}
    for word, one in links.items():
        kind = word.replace("_", "-")
        related[kind] = {"data": None if one is None else {"type": kind, "id": one}}
    return {"data": {"type": "mapped-metric", "id": id_, "relationships": related}}
