"""The flow definition: its model and `validate`, which finds every mistake at once.

A definition is kept as the document it came as; models are only for checking and compiling. What is not here: graph
checks (`graph.py`), rules between the parts of one action (`rules.py`), identifiers (`identity.py`), what a flow does
(`compiled.py`).
Source: reference 1-3 and the FlowDefinition of the 2026-07-15 description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ValidationError

from headrace.conditions import FlowFilter
from headrace.conditions.parsing import Model, OneOf, problems_of
from headrace.errors import Invalid, Problem, Problems
from headrace.flows import graph, rules
from headrace.flows.actions import ACTIONS, ActionModel
from headrace.flows.reentry import ReentryModel
from headrace.flows.triggers import TRIGGERS, UNCONFIGURED, AnyTrigger, TriggerModel
from headrace.flows.walk import Document

AnyAction = Annotated[ActionModel, OneOf(ACTIONS)]


class DefinitionModel(Model):
    """A definition as a document writes it. A flow without a trigger is unconfigured."""

    triggers: list[AnyTrigger]
    profile_filter: FlowFilter | None = None
    actions: list[AnyAction]
    entry_action_id: str | None
    reentry_criteria: ReentryModel | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that was found correct: the document, unchanged, and its model."""

    document: Document
    model: DefinitionModel

    @property
    def trigger(self) -> TriggerModel | None:
        """The trigger, None for an unconfigured flow."""
        return self.model.triggers[0] if self.model.triggers else None


def validate(document: Any, *, creating: bool, base: str = "") -> Definition:
    """Return a definition; raises `Problems` with every mistake, pointers below `base`.

    With `creating` the actions, links and entry name one another by `temporary_id` and real ids are refused; without,
    by decimal `id`. Source: reference 7.7.
    """
    problems: list[Problem] = []
    model = _read(document, base, problems)
    if isinstance(document, dict):
        problems += _one_trigger(document, base)
        problems += graph.problems_of(document, base, creating=creating)
        problems += rules.problems_of(document, base)
    if problems or model is None:
        raise Problems(problems)
    return Definition(document, model)


def shape_problems(document: Any, base: str = "") -> list[Problem]:
    """Return the mistakes of a definition's parts by themselves: what is missing, unknown or of the wrong type."""
    problems: list[Problem] = []
    _read(document, base, problems)
    return problems


def read_action(document: Any, base: str = "") -> ActionModel:
    """Return one action's model; raises `Problems`. Links and ids are not checked."""
    try:
        return ActionHolder.model_validate({"action": document}).action
    except ValidationError as error:
        raise Problems(_inside(problem, base) for problem in problems_of(error)) from None


def trigger_type(document: Mapping[str, Any]) -> str:
    """Return what the API calls a flow with this definition: `Metric`, `Added to List`, `Unconfigured` and so on."""
    triggers = document.get("triggers") or [{}]
    model = TRIGGERS.get(triggers[0].get("type", ""))
    return model.trigger_type if model else UNCONFIGURED


class ActionHolder(Model):
    """One action alone."""

    action: AnyAction


def _inside(problem: Problem, base: str) -> Problem:
    pointer = (problem.pointer or "").removeprefix("/action")
    return Invalid(problem.detail, pointer=base + pointer)


def _read(document: Any, base: str, problems: list[Problem]) -> DefinitionModel | None:
    try:
        return DefinitionModel.model_validate(document)
    except ValidationError as error:
        problems += problems_of(error, base)
        return None


def _one_trigger(document: Document, base: str) -> list[Problem]:
    triggers = document.get("triggers")
    if not isinstance(triggers, list) or len(triggers) <= 1:
        return []
    return [Invalid(f"A flow has one trigger; {len(triggers)} were given.", pointer=f"{base}/triggers")]
