"""What the splits in two have in common: a question, asked on arrival, and the two ways on. Source: reference 1.3."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.facts import Moment, Need
from headrace.flows.step import Advance, Outcome, StepContext


@dataclass(frozen=True, slots=True)
class CompiledSplit:
    """A compiled split in two; a null question is answered with yes."""

    action_id: int
    type: str
    if_true: int | None
    if_false: int | None
    condition: CompiledFilter
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
