"""`conditional-split`: one of two ways on, by what is known of the person on arrival. Source: reference 1.3, 2."""

from __future__ import annotations

from typing import Any, Literal

from headrace.conditions import EVERYBODY, ProfileFilter
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, Place, TwoWays
from headrace.flows.actions.splitting import CompiledSplit


class ConditionalSplitData(Model):
    """What is asked; null is a question that everybody answers with yes."""

    profile_filter: ProfileFilter | None


class ConditionalSplit(TwoWays):
    """The action as a document writes it."""

    type: Literal["conditional-split"]
    data: ConditionalSplitData | None = None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the split's condition groups."""
        found = self.data.profile_filter if self.data else None
        return [("/data/profile_filter", found)] if found else []

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        asked = self.data.profile_filter if self.data else None
        condition = asked.compile(str(place.action_id)) if asked else EVERYBODY
        return CompiledSplit(place.action_id, self.type, *self.ways, condition)
