"""`trigger-split`: one of two ways on, by the event or object that began the run. Source: reference 1.2, 1.3, 2."""

from __future__ import annotations

from typing import Any, Literal

from headrace.conditions import EVERYBODY, TriggerSplitFilter
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, Place, TwoWays
from headrace.flows.actions.splitting import CompiledSplit


class TriggerSplitData(Model):
    """What is asked, and which trigger it is about; null is a question that is answered with yes."""

    trigger_filter: TriggerSplitFilter | None
    trigger_id: str
    trigger_type: Literal["date", "list", "low-inventory", "metric", "price-drop", "scheduled", "segment"]
    trigger_subtype: Literal["custom-object", "legacy-custom-object", "profile-property", "profile-trait"] | None = None


class TriggerSplit(TwoWays):
    """The action as a document writes it."""

    type: Literal["trigger-split"]
    data: TriggerSplitData | None = None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the split's condition groups."""
        found = self.data.trigger_filter if self.data else None
        return [("/data/trigger_filter", found)] if found else []

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        asked = self.data.trigger_filter if self.data else None
        condition = asked.compile(str(place.action_id)) if asked else EVERYBODY
        return CompiledSplit(place.action_id, self.type, *self.ways, condition)
