"""The triggers: one file per type and this table. Types that are only stored are in `stored.py`.

Source: reference 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.flows.triggers.base import Trigger, TriggerModel
from headrace.flows.triggers.metric import MetricTrigger
from headrace.flows.triggers.stored import (
    DateTrigger,
    ListTrigger,
    LowInventoryTrigger,
    PriceDropTrigger,
    SegmentTrigger,
)

__all__ = ["TRIGGERS", "UNCONFIGURED", "Trigger", "TriggerModel"]

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
