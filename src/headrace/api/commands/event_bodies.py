"""The bodies of the event operations. Follows reference 5.4.

What stands once per event is a dict and not a model: a bulk job brings a thousand of each, and checking dicts takes
half the time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from headrace.api.commands.profile_bodies import KnownAttributes, ProfileMeta
from headrace.api.commands.values import Currency, Flag, Moment, Number, Properties
from headrace.jsonapi.bodies import Id, Model

MAX_BULK = 1000
"""Events of one bulk job. Source: reference 5.4 and the operation's description."""

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
FURTHEST = timedelta(days=366)
MAX_VALUE = 10**12
"""A value that is no larger fits into the sums of reports. Our choice."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


@with_config(extra="forbid")
class MetricAttributes(TypedDict):
    """A metric by name. `service` names the integration it belongs to; none, and "api", mean the API's own."""

    name: Name
    service: NotRequired[Name | None]


@with_config(extra="forbid")
class MetricData(TypedDict):
    """`data` of the metric of an event."""

    type: Literal["metric"]
    id: NotRequired[Id | None]
    attributes: MetricAttributes


@with_config(extra="forbid")
class EventMetric(TypedDict):
    """The metric of an event."""

    data: MetricData


class PersonAttributes(KnownAttributes, total=False):
    """What an event says of its person; `meta` stands here in single events, and beside the attributes in bulk."""

    meta: ProfileMeta | None


@with_config(extra="forbid")
class PersonData(TypedDict):
    """`data` of the profile of an event. Our choice: `meta` is taken in both of its places everywhere."""

    type: Literal["profile"]
    id: NotRequired[Id | None]
    attributes: NotRequired[PersonAttributes]
    meta: NotRequired[ProfileMeta | None]


@with_config(extra="forbid")
class EventProfile(TypedDict):
    """The profile of an event."""

    data: PersonData


@with_config(extra="forbid")
class Occurrence(TypedDict):
    """What happened and when, without who did it."""

    properties: Properties
    metric: EventMetric
    time: NotRequired[Moment | None]
    value: NotRequired[Number | None]
    value_currency: NotRequired[Currency | None]
    unique_id: NotRequired[Name | None]
    backfill: NotRequired[Flag | None]


@with_config(extra="forbid")
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


@with_config(extra="forbid")
class OccurrenceData(TypedDict):
    """`data` of an event whose person stands above it."""

    type: Literal["event"]
    attributes: Occurrence


@with_config(extra="forbid")
class Occurrences(TypedDict):
    """The events of one person."""

    data: list[OccurrenceData]


@with_config(extra="forbid")
class PersonsEvents(TypedDict):
    """One person and their events."""

    profile: EventProfile
    events: Occurrences
    backfill: NotRequired[Flag | None]


@with_config(extra="forbid")
class PersonsEventsData(TypedDict):
    """`data` of one person's events."""

    type: Literal["event-bulk-create"]
    attributes: PersonsEvents


@with_config(extra="forbid")
class BulkCreate(TypedDict):
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
