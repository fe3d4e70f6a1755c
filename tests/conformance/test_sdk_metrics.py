"""The official SDK works with metrics: their properties, custom metrics, and the mappings of an account."""

from __future__ import annotations

from typing import Any

from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, document, ids_of, made_flow, refused
from served import Served


def record(klaviyo: KlaviyoAPI, metric: str, **properties: Any) -> str:
    """Record an event and return the id of its metric."""
    attributes = {
        "properties": properties,
        "value": 9.5,
        "metric": body("metric", {"name": metric}),
        "profile": body("profile", {"email": "sarah@example.com"}),
    }
    klaviyo.Events.create_event(body("event", attributes))
    found = data(klaviyo.Metrics.get_metrics())
    return str(next(one["id"] for one in found if one["attributes"]["name"] == metric))


def definition(*metric_ids: str, method: str = "count", **rest: Any) -> dict[str, Any]:
    """Return the definition of a custom metric; `rest` goes into every group."""
    return {"aggregation_method": method, "metric_groups": [{"metric_id": one, **rest} for one in metric_ids]}


def made_custom(klaviyo: KlaviyoAPI, name: str, *metric_ids: str) -> str:
    """Make a custom metric and return its id."""
    attributes = {"name": name, "definition": definition(*metric_ids)}
    return str(data(klaviyo.Metrics.create_custom_metric(body("custom-metric", attributes)))["id"])


def test_the_sdk_reads_metrics(klaviyo: KlaviyoAPI) -> None:
    """One and all of them, by integration, with the flows that they start."""
    metrics, order = klaviyo.Metrics, record(klaviyo, "Placed Order")
    assert [order] == ids_of(metrics.get_metrics(filter="equals(integration.name,'API')"))
    assert "Placed Order" == data(metrics.get_metric(order))["attributes"]["name"]
    flow_id = made_flow(klaviyo, "metric", order)
    assert [flow_id] == ids_of(metrics.get_flows_triggered_by_metric(order))
    assert [flow_id] == ids_of(metrics.get_ids_for_flows_triggered_by_metric(order))
    assert [flow_id] == [
        one["id"] for one in document(metrics.get_metric(order, include=["flow-triggers"]))["included"]
    ]
    with refused(404, "nothing"):
        metrics.get_metric("nothing")


def test_the_sdk_reads_the_properties_of_a_metric(klaviyo: KlaviyoAPI, served: Served) -> None:
    """With their types, with samples of their values on request, and from a property back to its metric."""
    metrics, order = klaviyo.Metrics, record(klaviyo, "Placed Order", Categories=["Shoes"], Items=3)
    served.work()
    found = {one["attributes"]["property"]: one for one in data(metrics.get_properties_for_metric(order))}
    assert {"Categories": "List", "Items": "Number", "$value": "Number"} == {
        name: one["attributes"]["inferred_type"] for name, one in found.items()
    }
    assert sorted(one["id"] for one in found.values()) == sorted(ids_of(metrics.get_property_ids_for_metric(order)))
    sampled = data(metrics.get_properties_for_metric(order, additional_fields_metric_property=["sample_values"]))
    assert {"Categories": ["Shoes"], "Items": [3], "$value": [9.5]} == {
        one["attributes"]["property"]: one["attributes"]["sample_values"] for one in sampled
    }
    one = found["Items"]["id"]
    read = document(
        metrics.get_metric_property(one, additional_fields_metric_property=["sample_values"], include=["metric"])
    )
    assert [3] == read["data"]["attributes"]["sample_values"]
    assert [("metric", order)] == [(each["type"], each["id"]) for each in read["included"]]
    assert order == data(metrics.get_metric_for_metric_property(one))["id"]
    assert order == data(metrics.get_metric_id_for_metric_property(one))["id"]
    with refused(404, "nothing"):
        metrics.get_metric_property("nothing")


def test_the_sdk_makes_and_changes_a_custom_metric(klaviyo: KlaviyoAPI) -> None:
    """With a filter of every kind; it is renamed, listed, and deleted."""
    metrics, order = klaviyo.Metrics, record(klaviyo, "Placed Order")
    filters: list[dict[str, Any]] = [
        {"type": "string", "operator": "starts-with", "value": "a"},
        {"type": "string", "operator": "in", "value": ["a"]},
        {"type": "numeric", "operator": "less-than", "value": 5},
        {"type": "boolean", "operator": "equals", "value": True},
        {"type": "list", "operator": "contains", "value": "x"},
        {"type": "list", "operator": "contains-ends-with", "value": "x"},
        {"type": "list", "operator": "not-contains-substring", "value": "x"},
        {"type": "existence", "operator": "not-set"},
    ]
    asked = [{"property": "Category", "filter": one} for one in filters]
    given = definition(order, method="value", metric_filters=asked, value_property="$value")
    made = data(metrics.create_custom_metric(body("custom-metric", {"name": "Net", "definition": given})))
    assert ("Net", given) == (made["attributes"]["name"], made["attributes"]["definition"])
    one = made["id"]
    renamed = data(metrics.update_custom_metric(one, body("custom-metric", {"name": "Sales"}, one)))
    assert ("Sales", given) == (renamed["attributes"]["name"], renamed["attributes"]["definition"])
    assert [one] == ids_of(metrics.get_custom_metrics())
    shown = document(metrics.get_custom_metric(one, include=["metrics"]))
    assert [order] == [each["id"] for each in shown["included"]]
    assert [order] == ids_of(metrics.get_metrics_for_custom_metric(one))
    assert [order] == ids_of(metrics.get_metric_ids_for_custom_metric(one))
    metrics.delete_custom_metric(one)
    with refused(404, one):
        metrics.get_custom_metric(one)


def test_the_sdk_maps_metrics(klaviyo: KlaviyoAPI) -> None:
    """A mapping stands for nothing, a metric, or a custom metric."""
    metrics, order = klaviyo.Metrics, record(klaviyo, "Placed Order")
    net = made_custom(klaviyo, "Net", order)
    assert 7 == len(ids_of(metrics.get_mapped_metrics()))
    to_metric = {"metric": {"data": {"type": "metric", "id": order}}}
    to_custom = {"custom-metric": {"data": {"type": "custom-metric", "id": net}}}
    changed = data(
        metrics.update_mapped_metric("revenue", body("mapped-metric", None, "revenue", relationships=to_metric))
    )
    assert order == changed["relationships"]["metric"]["data"]["id"]
    assert order == data(metrics.get_metric_for_mapped_metric("revenue"))["id"]
    assert order == data(metrics.get_metric_id_for_mapped_metric("revenue"))["id"]
    metrics.update_mapped_metric("revenue", body("mapped-metric", None, "revenue", relationships=to_custom))
    assert net == data(metrics.get_custom_metric_for_mapped_metric("revenue"))["id"]
    assert net == data(metrics.get_custom_metric_id_for_mapped_metric("revenue"))["id"]
    shown = document(metrics.get_mapped_metric("revenue", include=["custom-metric"]))
    assert [net] == [one["id"] for one in shown["included"]]
    nothing = {"custom-metric": {"data": None}}
    metrics.update_mapped_metric("revenue", body("mapped-metric", None, "revenue", relationships=nothing))
    assert document(metrics.get_custom_metric_for_mapped_metric("revenue")).get("data") is None


def test_the_sdk_learns_what_is_wrong_with_metrics(klaviyo: KlaviyoAPI) -> None:
    """Names in use, unknown metrics, and custom metrics that are mapped."""
    metrics, order = klaviyo.Metrics, record(klaviyo, "Placed Order")
    net = made_custom(klaviyo, "Net", order)
    with refused(400, "/data/attributes/name"):
        made_custom(klaviyo, "Net", order)
    with refused(400, "/data/attributes/definition/metric_groups/0/metric_id", "ABC123"):
        made_custom(klaviyo, "Other", "ABC123")
    to_custom = {"custom-metric": {"data": {"type": "custom-metric", "id": net}}}
    metrics.update_mapped_metric("revenue", body("mapped-metric", None, "revenue", relationships=to_custom))
    with refused(409, "revenue"):
        metrics.delete_custom_metric(net)
    with refused(404, "profit"):
        metrics.get_metric_for_mapped_metric("profit")
