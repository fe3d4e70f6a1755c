"""The triggers: one file per type and these tables. Source: reference 1.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from headrace.conditions.parsing import OneOf
from headrace.flows.triggers.base import Trigger, TriggerModel
from headrace.flows.triggers.date import AnyDate, CompiledDate, DateTrigger
from headrace.flows.triggers.list import ListTrigger
from headrace.flows.triggers.low_inventory import LowInventoryTrigger
from headrace.flows.triggers.metric import MetricTrigger
from headrace.flows.triggers.price_drop import PriceDropTrigger
from headrace.flows.triggers.segment import SegmentTrigger

__all__ = ["TRIGGERS", "UNCONFIGURED", "AnyTrigger", "CompiledDate", "Trigger", "TriggerModel"]

UNCONFIGURED = "Unconfigured"
"""The `trigger_type` of a flow without a trigger."""

TRIGGERS: Mapping[str, type[TriggerModel]] = {
    "metric": MetricTrigger,
    "list": ListTrigger,
    "segment": SegmentTrigger,
    "date": DateTrigger,
    "price-drop": PriceDropTrigger,
    "low-inventory": LowInventoryTrigger,
}
FORMS: Mapping[str, Any] = {**TRIGGERS, "date": AnyDate}
"""How each type is read: dates have a form for each kind of field."""
AnyTrigger = Annotated[TriggerModel, OneOf(FORMS)]
