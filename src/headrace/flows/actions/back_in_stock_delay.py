"""`back-in-stock-delay`: wait until a product can be bought again. It is stored; no catalog is kept here to wait for.

A flow that holds one cannot go live (`flows/readiness.py`). Source: reference 1.6.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from headrace.flows.actions.base import Action, OneWay, Place
from headrace.flows.actions.passing import CompiledUnsupported


class BackInStockDelay(OneWay):
    """The action as a document writes it."""

    runs: ClassVar[bool] = False

    type: Literal["back-in-stock-delay"]

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledUnsupported(place.action_id, self.type, self.next_id)
