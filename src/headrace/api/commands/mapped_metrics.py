"""Saying which metric a mapping stands for, and the body that takes. Follows reference 7.7.

Our choice: of the two relationships one is set; setting one empties the other, null (or no `data`) empties the one that
it is given for.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from headrace.api.state import State
from headrace.errors import Invalid
from headrace.jsonapi.bodies import Id, Identifier, Model
from headrace.jsonapi.operation import Call
from headrace.storage.custom_metrics import lock_metrics
from headrace.storage.mapped_metrics import Mapped, map_metric, mapped

RELATIONSHIPS = "/data/relationships"


class MetricLink(Model):
    """The metric of a mapping."""

    data: Identifier[Literal["metric"]] | None = None


class CustomMetricLink(Model):
    """The custom metric of a mapping."""

    data: Identifier[Literal["custom-metric"]] | None = None


class Links(Model):
    """What a mapping may stand for."""

    metric: MetricLink | None = None
    custom_metric: CustomMetricLink | None = Field(None, alias="custom-metric")


class ChangedMapping(Model):
    """A mapping to be changed; its id must be that of the path."""

    type: Literal["mapped-metric"]
    id: Id
    relationships: Links | None = None


class ChangedMappingBody(Model):
    """The body of PATCH /api/mapped-metrics/{id}."""

    data: ChangedMapping


async def update_mapped_metric(call: Call[State, Any]) -> None:
    """Let a mapping stand for a metric, a custom metric or nothing."""
    state, mapping = call.ctx.state, call.path["id"]
    links = _links(call.body.data.relationships)
    async with state.database.transaction() as transaction:
        await lock_metrics(transaction, state.account_id)
        before = await mapped(transaction, state.account_id, mapping)
        await map_metric(transaction, state.account_id, mapping, _after(before, links), state.clock.now())


def _links(given: Links | None) -> dict[str, str | None]:
    """Return the id that each relationship names, None for none; raises `Invalid` unless at most one names any."""
    links: dict[str, str | None] = {}
    if given is not None and given.metric is not None:
        links["metric_id"] = given.metric.data.id if given.metric.data else None
    if given is not None and given.custom_metric is not None:
        links["custom_metric_id"] = given.custom_metric.data.id if given.custom_metric.data else None
    if not links:
        raise Invalid('relationships must hold "metric" or "custom-metric".', pointer=RELATIONSHIPS)
    if len([one for one in links.values() if one is not None]) > 1:
        rule = "A mapping stands for a metric or for a custom metric; both are given."
        raise Invalid(rule, pointer=RELATIONSHIPS)
    return links


def _after(before: Mapped, links: dict[str, str | None]) -> Mapped:
    if any(one is not None for one in links.values()):
        return Mapped(**links)
    kept = {name: getattr(before, name) for name in ("metric_id", "custom_metric_id") if name not in links}
    return Mapped(**kept)
