"""`price-drop-property` and `low-inventory-property`: a property of the catalogue event that started the run.

Our choice: without a metric the condition is about whatever event started the run. Source: reference 1.6, 3.1.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from headrace.conditions.condition import Condition, ConditionModel
from headrace.conditions.event_property import CompiledEventProperty
from headrace.conditions.filters import EventPropertyFilter


class CatalogProperty(ConditionModel):
    """What both conditions are made of."""

    metric_id: str | None
    field: str
    filter: EventPropertyFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledEventProperty(f"{self.type}:{self.field}", self.metric_id, self.field, self.filter.compile())


class PriceDropProperty(CatalogProperty):
    """A property of a fallen price."""

    missing: ClassVar[str] = "events of fallen prices"

    type: Literal["price-drop-property"]


class LowInventoryProperty(CatalogProperty):
    """A property of a low stock."""

    missing: ClassVar[str] = "events of low stocks"

    type: Literal["low-inventory-property"]
