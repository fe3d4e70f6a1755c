"""`conditional-split`: one of two ways on, by what is known of the person on arrival. Source: reference 1.3, 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headrace.conditions import EVERYBODY, CompiledFilter, ProfileFilter
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, ActionModel, BranchLinks, Place, number
from headrace.flows.step import Advance, Outcome, StepContext


class ConditionalSplitData(Model):
    """What is asked; null is a question that everybody answers with yes."""

    profile_filter: ProfileFilter | None


class ConditionalSplit(ActionModel):
    """The action as a document writes it."""

    type: Literal["conditional-split"]
    links: BranchLinks | None = None
    data: ConditionalSplitData | None = None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the split's condition groups."""
        found = self.data.profile_filter if self.data else None
        return [("/data/profile_filter", found)] if found else []

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        links = self.links or BranchLinks(next_if_true=None, next_if_false=None)
        ((_, asked),) = self.filters or (("", None),)
        return CompiledConditionalSplit(
            action_id=place.action_id,
            if_true=number(links.next_if_true),
            if_false=number(links.next_if_false),
            condition=asked.compile(str(place.action_id)) if asked else EVERYBODY,
        )


@dataclass(frozen=True, slots=True)
class CompiledConditionalSplit:
    """The compiled action."""

    action_id: int
    if_true: int | None
    if_false: int | None
    condition: CompiledFilter
    type: str = "conditional-split"
    acts: bool = False
    additional_filters: CompiledFilter = EVERYBODY

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what the question must know."""
        return self.condition.needs(moment)

    def step(self, context: StepContext) -> Outcome:
        """Ask, and go on by the answer; what was seen goes to the journal."""
        verdict = self.condition.holds(context.facts)
        if verdict.holds:
            return Advance(self.if_true, "true", verdict.seen)
        return Advance(self.if_false, "false", verdict.seen)
