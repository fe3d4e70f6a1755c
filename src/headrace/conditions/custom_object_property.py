"""`custom-object-property` and `custom-object-trigger-property`: a property of the custom object that started the run.

Our choice: the object's values are read from the triggering event, by property id or below the object's label; where
there is no value the condition does not hold, whatever the filter. Source: reference 3.1.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from headrace.conditions.condition import Condition, ConditionModel
from headrace.conditions.event_property import CompiledEventProperty
from headrace.conditions.filters import EventPropertyFilter, TriggerObjectFilter


class CustomObjectTriggerProperty(ConditionModel):
    """A property named by its id."""

    missing: ClassVar[str] = "events of custom objects"

    type: Literal["custom-object-trigger-property"]
    property_id: int
    filter: TriggerObjectFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        name = str(self.property_id)
        return CompiledEventProperty(f"{self.type}:{name}", None, name, self.filter.compile(), stored_only=True)


class CustomObjectProperty(ConditionModel):
    """A property named by the object's label and its own name."""

    missing: ClassVar[str] = "events of custom objects"

    type: Literal["custom-object-property"]
    custom_object_label: str
    field: str
    filter: EventPropertyFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        label = f"{self.type}:{self.custom_object_label}.{self.field}"
        value_filter = self.filter.compile()
        return CompiledEventProperty(label, None, self.field, value_filter, self.custom_object_label, True)
