"""`low-inventory`: the stock of something runs low that the person looked at. Stored: no catalog is kept here yet.

Source: reference 1.2, 1.6.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from headrace.conditions import LowInventoryFilter
from headrace.flows.fields import Amount
from headrace.flows.triggers.base import Silent, Trigger, TriggerModel


class LowInventoryTrigger(TriggerModel):
    """The trigger as a document writes it."""

    missing: ClassVar[str] = "catalog items with their stock"
    trigger_type: ClassVar[str] = "Low Inventory"

    type: Literal["low-inventory"]
    product_level: Literal["product", "variant"]
    trigger_filter: LowInventoryFilter | None
    inventory_count: Amount
    audience: list[Literal["added-to-cart", "checkout-started", "viewed"]]
    timeframe_days: Amount = 30

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the trigger filter."""
        return [("/trigger_filter", self.trigger_filter)] if self.trigger_filter else []

    def compile(self) -> Trigger:
        """Return the compiled trigger."""
        return Silent(self.type)
