"""What the actions that change something have in common: update-profile, list-update and the internal services.

A draft or disabled action is passed over silently. Our choice: a manual one is carried out like a live one, for there
is no message to review. The flow's own filter is asked before it by the engine. Source: reference 1.1, 1.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.flows.step import Advance, Change, ListChange, Outcome, ProfileChange, Skip, StepContext, TrackEvent
from headrace.flows.timeline import PAST_DUE, Timeline, missed_at

Effect = ProfileChange | ListChange | TrackEvent
FAILS_FLOW_FILTERS = "Fails Flow Filters"


@dataclass(frozen=True, slots=True)
class CompiledChange:
    """A compiled action that changes something; `effect` says what, given the moment.

    `effect` is None where nothing is to be done. `skip_reason` is what it is called when the flow's filter fails.
    """

    action_id: int
    type: str
    next_id: int | None
    acts: bool
    effect: Callable[[StepContext], Effect] | None
    skip_reason: str = FAILS_FLOW_FILTERS
    timeline: Timeline | None = None
    additional_filters: CompiledFilter = EVERYBODY

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing."""
        return NO_NEEDS

    def step(self, context: StepContext) -> Outcome:
        """Change, or pass over in silence."""
        if not self.acts or self.effect is None:
            return Advance(self.next_id)
        if self.timeline and missed_at(self.timeline, context):
            return Skip(PAST_DUE, self.next_id)
        return Change(self.effect(context), self.next_id, self.skip_reason)


@dataclass(frozen=True, slots=True)
class Fixed:
    """An effect that is the same at every moment."""

    effect: Effect

    def __call__(self, context: StepContext) -> Effect:
        """Return it."""
        return self.effect
