"""`price-drop`: the price of something falls that the person looked at. Stored: no catalog is kept here yet.

Source: reference 1.2, 1.6.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from headrace.conditions import PriceDropFilter
from headrace.conditions.parsing import Number
from headrace.flows.fields import Amount
from headrace.flows.triggers.base import Silent, Trigger, TriggerModel


class PriceDropTrigger(TriggerModel):
    """The trigger as a document writes it."""

    missing: ClassVar[str] = "catalog items with their prices"
    trigger_type: ClassVar[str] = "Price Drop"

    type: Literal["price-drop"]
    trigger_filter: PriceDropFilter | None
    price_drop_amount_value: Number
    price_drop_amount_unit: Literal["currency", "percent"] = "currency"
    audience: list[Literal["checkout-started", "viewed"]]
    timeframe_days: Amount = 30
    currency_type: Literal["usd"] = "usd"

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the trigger filter."""
        return [("/trigger_filter", self.trigger_filter)] if self.trigger_filter else []

    def compile(self) -> Trigger:
        """Return the compiled trigger."""
        return Silent(self.type)
