"""The bodies of the event operations. Follows reference 5.4."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from headrace.api.commands.profile_bodies import ProfileAttributes
from headrace.api.commands.values import Currency, Flag, Moment, Number, Properties
from headrace.jsonapi.bodies import Id, Model

MAX_BULK = 1000
"""Events of one bulk job. Source: reference 5.4 and the operation's description."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class MetricAttributes(Model):
    """A metric by name. `service` names the integration it belongs to; none, and "api", mean the API's own."""

    name: Name
    service: Name | None = None


class MetricData(Model):
    """`data` of the metric of an event."""

    type: Literal["metric"]
    id: Id | None = None
    attributes: MetricAttributes


class EventMetric(Model):
    """The metric of an event."""

    data: MetricData


class PersonData(Model):
    """`data` of the profile of an event."""

    type: Literal["profile"]
    id: Id | None = None
    attributes: ProfileAttributes = Field(default_factory=ProfileAttributes)


class EventProfile(Model):
    """The profile of an event."""

    data: PersonData


class Occurrence(Model):
    """What happened and when, without who did it."""

    properties: Properties
    metric: EventMetric
    time: Moment | None = None
    value: Number | None = None
    value_currency: Currency | None = None
    unique_id: Name | None = None
    backfill: Flag | None = None


class EventAttributes(Occurrence):
    """What happened, when, and who did it."""

    profile: EventProfile


class NewEventData(Model):
    """`data` of an event."""

    type: Literal["event"]
    attributes: EventAttributes


class NewEvent(Model):
    """The body of POST /api/events."""

    data: NewEventData


class OccurrenceData(Model):
    """`data` of an event whose person stands above it."""

    type: Literal["event"]
    attributes: Occurrence


class Occurrences(Model):
    """The events of one person."""

    data: list[OccurrenceData]


class PersonsEvents(Model):
    """One person and their events."""

    profile: EventProfile
    events: Occurrences
    backfill: Flag | None = None


class PersonsEventsData(Model):
    """`data` of one person's events."""

    type: Literal["event-bulk-create"]
    attributes: PersonsEvents


class BulkCreate(Model):
    """People and their events."""

    data: list[PersonsEventsData]


class BulkAttributes(Model):
    """`attributes` of a bulk job."""

    people: BulkCreate = Field(alias="events-bulk-create")


class BulkData(Model):
    """`data` of a bulk job."""

    type: Literal["event-bulk-create-job"]
    attributes: BulkAttributes


class BulkJob(Model):
    """The body of POST /api/event-bulk-create-jobs."""

    data: BulkData
