"""What keeps a flow from going live: parts that are stored and do not run yet, and parts that are missing.

Manual counts as live here, for people enter a manual flow too. Our choice: an unfinished definition can be stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.conditions import ConditionModel
from headrace.conditions.groups import FilterGroups
from headrace.errors import Conflict, Problem
from headrace.flows.actions.action_output_split import ActionOutputSplit
from headrace.flows.definition import DefinitionModel
from headrace.flows.graph import key_of, topological
from headrace.flows.walk import actions_of, targets_of

WITH_OUTPUT = frozenset(("code", "send-webhook"))
"""The types of actions whose output a split may ask for."""


def why_not_live(document: Mapping[str, Any], base: str = "") -> list[Problem]:
    """Return one problem (409) for each part that keeps a valid definition from going live; empty when none does."""
    model = DefinitionModel.model_validate(document)
    return [
        *_entry(model, base),
        *_triggers(model, base),
        *_flow_filter(model, base),
        *_actions(model, base),
        *_outputs(model, document, base),
    ]


def _entry(model: DefinitionModel, base: str) -> Iterator[Problem]:
    if not model.triggers:
        yield Conflict("The flow has no trigger, so nobody could enter it.", pointer=f"{base}/triggers")
    if model.entry_action_id is None:
        yield Conflict("The flow has no entry action.", pointer=f"{base}/entry_action_id")


def _triggers(model: DefinitionModel, base: str) -> Iterator[Problem]:
    for number, trigger in enumerate(model.triggers):
        at, name = f"{base}/triggers/{number}", f"The trigger of type '{trigger.type}'"
        if trigger.missing:
            yield Conflict(f"{name} does not run yet: {trigger.missing} are not kept here.", pointer=at)
        for pointer, words in trigger.lacks:
            yield Conflict(f"{name} {words}.", pointer=at + pointer)
        for pointer, groups in trigger.filters:
            yield from _conditions(groups, f"{at}{pointer}", "the trigger filter")


def _flow_filter(model: DefinitionModel, base: str) -> Iterator[Problem]:
    if model.profile_filter is not None:
        yield from _conditions(model.profile_filter, f"{base}/profile_filter", "the flow's profile filter")


def _actions(model: DefinitionModel, base: str) -> Iterator[Problem]:
    for number, action in enumerate(model.actions):
        at, name = f"{base}/actions/{number}", f"action '{action.id or action.temporary_id}' of type '{action.type}'"
        if not action.runs:
            yield Conflict(f"The {name} does not run yet.", pointer=at)
        for pointer, words in action.lacks:
            yield Conflict(f"The {name} {words}.", pointer=at + pointer)
        for pointer, groups in action.filters:
            yield from _conditions(groups, f"{at}{pointer}", name)


def _outputs(model: DefinitionModel, document: Mapping[str, Any], base: str) -> Iterator[Problem]:
    """Yield a problem for each output that is asked for and that no earlier action has."""
    splits = [(at, one) for at, one in enumerate(model.actions) if isinstance(one, ActionOutputSplit)]
    before = _before(document) if splits else {}
    having = {key for one in model.actions if one.type in WITH_OUTPUT and (key := one.id or one.temporary_id)}
    for number, split in splits:
        key = split.id or split.temporary_id or ""
        for pointer, asked in split.asks():
            if str(asked) not in before.get(key, set()) & having:
                detail = f"The action '{key}' asks for the output of '{asked}', which is no webhook or code before it."
                yield Conflict(detail, pointer=f"{base}/actions/{number}{pointer}")


def _before(document: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return for every action all those on the ways to it."""
    successors = {key: targets_of(part.value) for part in actions_of(document) if (key := key_of(part.value))}
    before: dict[str, set[str]] = {key: set() for key in successors}
    for key in topological(successors):
        for target in successors[key]:
            before[target] |= before[key] | {key}
    return before


def _conditions(groups: FilterGroups[ConditionModel], base: str, where: str) -> Iterator[Problem]:
    for pointer, condition in groups.walk():
        if condition.obstacle:
            detail = f"The condition '{condition.type}' of {where} cannot run here: {condition.obstacle}."
            yield Conflict(detail, pointer=base + pointer)
