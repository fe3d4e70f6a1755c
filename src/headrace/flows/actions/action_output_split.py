"""`action-output-split`: one of two ways on, by what an earlier webhook of the run answered. Source: reference 2.

The outputs of a run map the id of each action that was answered, as text, to `{"status": int | None, "body": the
parsed JSON or the text, "error": str | None}`; `status` is None and `error` says why where no answer came. The `field`
of a condition is a dotted path into that object: `status`, `body.customer.tier`.

Our choice: `output_config_id` is the id of the webhook or code action whose output is asked for; in a document that
creates a flow, a `temporary_id` of digits is meant by the same number. One that names no such action before the split
can be stored, as a description allows any number, and keeps the flow from going live.
"""

from __future__ import annotations

from typing import Any, Literal

from headrace.conditions import EVERYBODY, ActionOutputFilter
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, Place, TwoWays
from headrace.flows.actions.splitting import CompiledSplit

POINTER = "/data/action_output_filter"


class ActionOutputSplitData(Model):
    """What is asked; null is a question that is answered with yes."""

    action_output_filter: ActionOutputFilter | None


class ActionOutputSplit(TwoWays):
    """The action as a document writes it."""

    type: Literal["action-output-split"]
    data: ActionOutputSplitData | None = None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the split's condition groups."""
        found = self.data.action_output_filter if self.data else None
        return [(POINTER, found)] if found else []

    def asks(self) -> list[tuple[str, int]]:
        """Return the ids of the actions whose output is asked for, each with its pointer in the action."""
        conditions = [(POINTER + at, one) for _, groups in self.filters for at, one in groups.walk()]
        return [(f"{at}/output_config_id", one.output_config_id) for at, one in conditions]

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        asked = self.data.action_output_filter if self.data else None
        condition = asked.compile(str(place.action_id)) if asked else EVERYBODY
        return CompiledSplit(place.action_id, self.type, *self.ways, condition)
