"""Action types that are stored and returned unchanged and do not run yet.

A flow that holds one cannot go live (`flows/readiness.py`). Should a run meet one all the same, it is skipped and the
run goes on where there is one way on. Source: reference 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.flows.actions.base import Action, ActionModel, BranchLinks, Links, Place, number
from headrace.flows.step import Outcome, Skip, StepContext

REASON = "action_type_does_not_run_yet"


class StoredAction(ActionModel):
    """An action of a known type with one way on; its data is kept as it is."""

    runs: ClassVar[bool] = False

    links: Links | None = None
    data: Any = None

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledStored(place.action_id, self.type, number(self.links.next) if self.links else None)


class StoredSplit(ActionModel):
    """An action of a known type that splits in two."""

    runs: ClassVar[bool] = False

    links: BranchLinks | None = None
    data: Any = None

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledStored(place.action_id, self.type, number(self.links.next_if_false) if self.links else None)


class StoredBranches(ActionModel):
    """An action of a known type whose links stand in its branches."""

    runs: ClassVar[bool] = False

    links: Any = None
    data: Any = None

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledStored(place.action_id, self.type, None)


STORED: dict[str, type[ActionModel]] = {
    "action-output-split": StoredSplit,
    "trigger-split": StoredSplit,
    "multi-branch-split": StoredBranches,
    **dict.fromkeys(
        (
            "ab-test",
            "back-in-stock-delay",
            "code",
            "content-experiment",
            "countdown-delay",
            "internal-service",
            "list-update",
            "send-internal-alert",
            "send-mobile-push",
            "send-webhook",
            "send-whatsapp",
            "target-date",
            "update-profile",
        ),
        StoredAction,
    ),
}


@dataclass(frozen=True, slots=True)
class CompiledStored:
    """The compiled form: a skip."""

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
        return Skip(REASON, self.next_id)
