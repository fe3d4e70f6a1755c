"""An event: a dated fact about a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `number` is its 63-bit id (`headrace.ids.event_number`); `occurred_at` is UTC at one-second grain."""

    number: int
    profile_id: str
    metric_id: str
    occurred_at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    value: Decimal | None = None
    value_currency: str | None = None
