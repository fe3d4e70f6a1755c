"""`metric`: each event of a metric that satisfies the trigger filter. Source: reference 1.2, 1.3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from headrace.conditions import EVERYBODY, CompiledFilter, TriggerFilter
from headrace.conditions.facts import Moment, Unanswered
from headrace.flows.triggers.base import Trigger, WithId
from headrace.model import Event, Profile


class MetricTrigger(WithId):
    """The trigger as a document writes it."""

    trigger_type: ClassVar[str] = "Metric"

    type: Literal["metric"]
    trigger_filter: TriggerFilter | None = None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the trigger filter."""
        return [("/trigger_filter", self.trigger_filter)] if self.trigger_filter else []

    def compile(self) -> Trigger:
        """Return the compiled trigger."""
        return CompiledMetric(self.id, self.trigger_filter.compile("trigger") if self.trigger_filter else EVERYBODY)


@dataclass(frozen=True, slots=True)
class CompiledMetric:
    """The compiled trigger."""

    metric_id: str | None
    trigger_filter: CompiledFilter
    type: str = "metric"
    group_id: str | None = None

    def matches(self, event: Event, now: datetime | None = None) -> bool:
        """Tell whether an event is of the metric and passes the filter."""
        if event.metric_id != self.metric_id:
            return False
        if not self.trigger_filter.groups:
            return True
        return self.trigger_filter.holds(EventFacts(event, Moment(now or event.occurred_at, None, UTC))).holds


@dataclass(frozen=True, slots=True)
class EventFacts(Unanswered):
    """Facts that hold an event and nothing else: all that a trigger filter may ask about."""

    event: Event
    moment: Moment

    @property
    def profile(self) -> Profile:
        """A person of whom only the id is known."""
        return Profile(self.event.profile_id)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Nothing: no action was carried out."""
        return {}
