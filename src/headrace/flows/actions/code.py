"""`code`: a function that Klaviyo runs. It is kept as it is and passed over. Source: reference 2."""

from __future__ import annotations

from typing import Any, Literal

from headrace.flows.actions.base import Action, OneWay, Place
from headrace.flows.actions.passing import CompiledUnsupported


class Code(OneWay):
    """The action as a document writes it; its data is opaque."""

    type: Literal["code"]
    data: Any = None

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledUnsupported(place.action_id, self.type, self.next_id)
