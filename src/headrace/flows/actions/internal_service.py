"""`internal-service`: a service of the platform. `track-event` records an event of the person; the others, reports and
unknown ones, are kept as they are and passed over. Source: reference 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from headrace.conditions.parsing import Model, OneOf
from headrace.flows.actions.base import RUNNING, Action, OneWay, Place, Status
from headrace.flows.actions.changing import CompiledChange, Fixed
from headrace.flows.actions.passing import CompiledUnsupported
from headrace.flows.step import TrackEvent


class ScheduleReport(Model):
    """A report is made."""

    service_method_type: Literal["schedule-report"]
    report_id: str


class TrackEventService(Model):
    """An event is recorded: `event_key` is its metric's name."""

    service_method_type: Literal["track-event"]
    event_key: str | None = None
    event_payload: dict[str, Any] | None = None
    tracking_company_id: str | None = None


class ScheduleReportBuilderReport(Model):
    """A report of the report builder is made."""

    service_method_type: Literal["schedule-report-builder-report"]
    report_id: str


class UnknownService(Model):
    """Something that the description does not show."""

    service_method_type: Literal["unknown"]


SERVICES: Mapping[str, type[Model]] = {
    "schedule-report": ScheduleReport,
    "track-event": TrackEventService,
    "schedule-report-builder-report": ScheduleReportBuilderReport,
    "unknown": UnknownService,
}


def _service(value: Mapping[str, Any]) -> str | None:
    given = value.get("service_method_type")
    return given if isinstance(given, str) else None


class InternalServiceData(Model):
    """The service and the status."""

    service_configuration: Annotated[Model, OneOf(SERVICES, _service, "service_method_type")] | None = None
    status: Status = "draft"


class InternalService(OneWay):
    """The action as a document writes it."""

    type: Literal["internal-service"]
    data: InternalServiceData | None = None

    @property
    def track_event(self) -> TrackEventService | None:
        """The event to record, None for every other service."""
        found = self.data.service_configuration if self.data else None
        return found if isinstance(found, TrackEventService) else None

    @property
    def acts(self) -> bool:
        """Whether it records an event."""
        running = self.data is not None and self.data.status in RUNNING
        return running and self.track_event is not None and bool(self.track_event.event_key)

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return that the event has no name."""
        nameless = self.track_event is not None and not self.track_event.event_key
        return [("/data/service_configuration/event_key", "has no event_key")] if nameless else []

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        event, running = self.track_event, self.data is not None and self.data.status in RUNNING
        if event is None and running:
            return CompiledUnsupported(place.action_id, self.type, self.next_id)
        effect = Fixed(TrackEvent(event.event_key, event.event_payload or {})) if event and event.event_key else None
        return CompiledChange(place.action_id, self.type, self.next_id, self.acts, effect, timeline=place.timeline)
