"""Where each action of a flow stands: what can follow it, who asks for its output, when it is due.

Everything here is known when a flow is compiled. Source: reference 1.1, 1.5, 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.flows.actions import Place
from headrace.flows.actions.action_output_split import ActionOutputSplit
from headrace.flows.definition import DefinitionModel
from headrace.flows.graph import topological
from headrace.flows.timeline import Timeline, timelines
from headrace.flows.triggers import CompiledDate, Trigger
from headrace.flows.walk import actions_of, targets_of

Successors = Mapping[str, Sequence[str]]


def places_of(model: DefinitionModel, document: Mapping[str, Any], trigger: Trigger | None) -> list[Place]:
    """Return the places of a definition's actions, in their order; `document` is what `model` was read from."""
    successors = {part.value["id"]: targets_of(part.value) for part in actions_of(document)}
    order = topological(successors)
    ahead, awaited = live_ahead(model, successors, order), _awaited(model, successors, order)
    lines = _timelines(model, successors, trigger)
    keys = [str(action.id) for action in model.actions]
    return [Place(int(key), key in ahead, key in awaited, lines.get(key)) for key in keys]


def live_ahead(model: DefinitionModel, successors: Successors, order: Sequence[str]) -> set[str]:
    """Return the ids of the actions from which an action that acts can be reached, themselves not counted."""
    acting = {str(action.id) for action in model.actions if action.acts}
    ahead: set[str] = set()
    for key in reversed(order):
        if any(target in acting or target in ahead for target in successors[key]):
            ahead.add(key)
    return ahead


def _awaited(model: DefinitionModel, successors: Successors, order: Sequence[str]) -> set[str]:
    """Return the ids of the actions whose output some split behind them asks for."""
    asked = {str(one.id): {str(output) for _, output in one.asks()} for one in _splits(model)}
    if not asked:
        return set()
    wanted: dict[str, set[str]] = {}
    for key in reversed(order):
        wanted[key] = set(asked.get(key, ())).union(*(wanted[target] for target in successors[key]))
    return {key for key in wanted if key in wanted[key]}


def _splits(model: DefinitionModel) -> list[ActionOutputSplit]:
    return [action for action in model.actions if isinstance(action, ActionOutputSplit)]


def _timelines(model: DefinitionModel, successors: Successors, trigger: Trigger | None) -> Mapping[str, Timeline]:
    if not isinstance(trigger, CompiledDate) or model.entry_action_id is None:
        return {}
    stops = {str(action.id): stop for action in model.actions if (stop := action.stop) is not None}
    return timelines(trigger.plan, model.entry_action_id, successors, stops)
