"""Actions that this product does not carry out: a run skips them as unsupported and goes on."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.flows.actions.base import Action, OneWay, Place
from headrace.flows.step import Outcome, Skip, StepContext

UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class CompiledUnsupported:
    """The compiled form: a skip, so that the journal tells of it."""

    action_id: int
    type: str
    next_id: int | None
    acts: bool = False
    additional_filters: CompiledFilter = EVERYBODY

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing."""
        return NO_NEEDS

    def step(self, context: StepContext) -> Outcome:
        """Skip."""
        return Skip(UNSUPPORTED, self.next_id)


class PassedOver(OneWay):
    """What such actions have in common, as documents write them."""

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledUnsupported(place.action_id, self.type, self.next_id)
