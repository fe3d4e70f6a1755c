"""Trigger types that are stored and returned unchanged and do not run yet. Source: reference 1.2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict

from headrace.flows.triggers.base import Trigger, TriggerModel
from headrace.model import Event


class StoredTrigger(TriggerModel):
    """A trigger of a known type whose other fields are kept as they are."""

    model_config = ConfigDict(extra="allow")
    runs: ClassVar[bool] = False

    def compile(self) -> Trigger:
        """Return a trigger that nothing matches."""
        return Silent(self.type)


class ListTrigger(StoredTrigger):
    """Somebody is added to a list."""

    trigger_type: ClassVar[str] = "Added to List"


class SegmentTrigger(StoredTrigger):
    """Somebody begins to match a segment. Our choice: the API has no other name for it. Source: reference 1.2."""

    trigger_type: ClassVar[str] = "Added to List"


class DateTrigger(StoredTrigger):
    """A date of the profile or of one of its objects comes near."""

    trigger_type: ClassVar[str] = "Date Based"


class PriceDropTrigger(StoredTrigger):
    """A price falls."""

    trigger_type: ClassVar[str] = "Price Drop"


class LowInventoryTrigger(StoredTrigger):
    """A stock runs low."""

    trigger_type: ClassVar[str] = "Low Inventory"


@dataclass(frozen=True, slots=True)
class Silent:
    """The compiled form: nothing matches it."""

    type: str
    metric_id: str | None = None
    group_id: str | None = None

    def matches(self, event: Event, now: datetime | None = None) -> bool:
        """Say no."""
        return False
