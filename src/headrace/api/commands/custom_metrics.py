"""Making, changing and deleting custom metrics, and the bodies these take. Follows reference 7.7."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from headrace.api.commands.described import SchemaOf
from headrace.api.state import State
from headrace.conditions.custom_metric import CustomMetricDefinition
from headrace.jsonapi.bodies import Change, Model, New
from headrace.jsonapi.operation import Call
from headrace.storage import custom_metrics

DEFINITION = "/data/attributes/definition"

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class CustomMetricAttributes(Model):
    """A custom metric to be made; its definition is checked as a whole."""

    name: Name
    definition: Annotated[Any, SchemaOf(CustomMetricDefinition)]


class CustomMetricChanges(Model):
    """What may be changed about a custom metric; null leaves it as it is."""

    name: Name | None = None
    definition: Annotated[Any, SchemaOf(CustomMetricDefinition | None)] = None


NewCustomMetric = New[Literal["custom-metric"], CustomMetricAttributes]
ChangedCustomMetric = Change[Literal["custom-metric"], CustomMetricChanges]


async def create_custom_metric(call: Call[State, Any]) -> str:
    """Make a custom metric and return its id."""
    state, made = call.ctx.state, call.body.data.attributes
    place = state.account_id, state.services.ids
    async with state.database.transaction() as transaction:
        definition = await custom_metrics.check_definition(transaction, place[0], made.definition, DEFINITION)
        return await custom_metrics.create_custom_metric(transaction, *place, made.name, definition, state.clock.now())


async def update_custom_metric(call: Call[State, Any]) -> None:
    """Change a custom metric's name or definition; a definition takes the place of the whole one there was."""
    state, changes = call.ctx.state, call.body.data.attributes
    account_id, now = state.account_id, state.clock.now()
    async with state.database.transaction() as transaction:
        definition = None
        if changes.definition is not None:
            definition = await custom_metrics.check_definition(transaction, account_id, changes.definition, DEFINITION)
        await custom_metrics.change_custom_metric(
            transaction, account_id, call.path["id"], now, name=changes.name, definition=definition
        )


async def delete_custom_metric(call: Call[State, None]) -> None:
    """Delete a custom metric; the metrics that it is made of stay."""
    state = call.ctx.state
    async with state.database.transaction() as transaction:
        await custom_metrics.delete_custom_metric(transaction, state.account_id, call.path["id"])
