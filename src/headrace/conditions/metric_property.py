"""`metric-property`: a top-level property of the triggering event satisfies a filter. Source: reference 1.3, 3.1."""

from __future__ import annotations

from typing import Literal

from headrace.conditions.condition import Condition, ConditionModel
from headrace.conditions.event_property import CompiledEventProperty
from headrace.conditions.filters import EventPropertyFilter


class MetricProperty(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["metric-property"]
    metric_id: str
    field: str
    filter: EventPropertyFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledEventProperty(f"{self.type}:{self.field}", self.metric_id, self.field, self.filter.compile())
