"""What keeps a flow from going live: parts that are stored and do not run yet, and parts that are missing.

Manual counts as live here, for people enter a manual flow too. Our choice: an unfinished definition can be stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.conditions import ConditionModel
from headrace.conditions.groups import FilterGroups
from headrace.errors import Conflict, Problem
from headrace.flows.definition import DefinitionModel
from headrace.flows.walk import message_of


def why_not_live(document: Mapping[str, Any], base: str = "") -> list[Problem]:
    """Return one problem (409) for each part that keeps a valid definition from going live; empty when none does."""
    model = DefinitionModel.model_validate(document)
    return [*_entry(model, base), *_triggers(model, base), *_flow_filter(model, base), *_actions(model, document, base)]


def _entry(model: DefinitionModel, base: str) -> Iterator[Problem]:
    if not model.triggers:
        yield Conflict("The flow has no trigger, so nobody could enter it.", pointer=f"{base}/triggers")
    if model.entry_action_id is None:
        yield Conflict("The flow has no entry action.", pointer=f"{base}/entry_action_id")


def _triggers(model: DefinitionModel, base: str) -> Iterator[Problem]:
    for number, trigger in enumerate(model.triggers):
        at = f"{base}/triggers/{number}"
        if not trigger.runs:
            yield Conflict(f"The trigger of type '{trigger.type}' does not run yet.", pointer=at)
        elif getattr(trigger, "id", None) is None:
            yield Conflict(f"The trigger of type '{trigger.type}' has no id.", pointer=f"{at}/id")
        for pointer, groups in trigger.filters:
            yield from _conditions(groups, f"{at}{pointer}", "the trigger filter")


def _flow_filter(model: DefinitionModel, base: str) -> Iterator[Problem]:
    if model.profile_filter is not None:
        yield from _conditions(model.profile_filter, f"{base}/profile_filter", "the flow's profile filter")


def _actions(model: DefinitionModel, document: Mapping[str, Any], base: str) -> Iterator[Problem]:
    for number, action in enumerate(model.actions):
        at, name = f"{base}/actions/{number}", f"action '{action.id or action.temporary_id}'"
        if not action.runs:
            yield Conflict(f"The {name} of type '{action.type}' does not run yet.", pointer=at)
        elif action.type.startswith("send-") and message_of(document["actions"][number]) is None:
            yield Conflict(f"The {name} of type '{action.type}' has no message.", pointer=f"{at}/data/message")
        for pointer, groups in action.filters:
            yield from _conditions(groups, f"{at}{pointer}", f"{name} of type '{action.type}'")


def _conditions(groups: FilterGroups[ConditionModel], base: str, where: str) -> Iterator[Problem]:
    for pointer, condition in groups.walk():
        if not condition.runs:
            yield Conflict(f"The condition '{condition.type}' of {where} does not run yet.", pointer=base + pointer)
