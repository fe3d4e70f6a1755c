"""Taking events in: from a checked body to rows that are committed.

What is here: the rules that need the account's clock or the database, and the way into the ingest. What is not: the
shape of bodies (`event_bodies`) and the writing (`engine.ingest`). Everything that can be wrong is found before
anything is written. Follows reference 5.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from headrace.api.commands.event_bodies import MAX_BULK, BulkJob, EventProfile, NewEvent, Occurrence
from headrace.api.commands.limits import check_properties
from headrace.api.commands.profile_bodies import incoming_profile
from headrace.api.state import State
from headrace.clock import to_second
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.operation import Call
from headrace.storage import profile_rows
from headrace.storage.identity import IncomingProfile
from headrace.storage.ingest import IncomingEvent
from headrace.storage.metrics import API

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
FURTHEST = timedelta(days=366)
MAX_VALUE = Decimal(10) ** 12
"""A value that is no larger fits into the sums of reports. Our choice."""


@dataclass(frozen=True, slots=True)
class _Event:
    """One event of a request: what happened, to whom, and the pointers by which its parts are named."""

    person: IncomingProfile
    what: Occurrence
    pointer: str
    person_pointer: str
    backfill: bool

    @property
    def metric(self) -> tuple[str, str]:
        """Integration and name of the metric."""
        attributes = self.what.metric.data.attributes
        service = attributes.service
        return (API if service is None or service.lower() == API.lower() else service), attributes.name


async def create_event(call: Call[State, NewEvent]) -> None:
    """Take one event in; returns when it is committed. Raises `Problems`."""
    attributes = call.body.data.attributes
    pointer = "/data/attributes"
    person = _person(attributes.profile)
    await _take(
        call.ctx.state,
        [_Event(person, attributes, pointer, f"{pointer}/profile", bool(attributes.backfill))],
    )


async def create_events(call: Call[State, BulkJob]) -> None:
    """Take the events of several people in, all or none; returns when they are committed. Raises `Problems`."""
    people = call.body.data.attributes.people.data
    count = sum(len(one.attributes.events.data) for one in people)
    pointer = "/data/attributes/events-bulk-create/data"
    if not 0 < count <= MAX_BULK:
        raise Invalid(f"The job holds {count} events; it must hold 1 to {MAX_BULK}.", pointer=pointer)
    events: list[_Event] = []
    for row, one in enumerate(people):
        person = _person(one.attributes.profile)
        at = f"{pointer}/{row}/attributes"
        events += [
            _Event(
                person,
                event.attributes,
                f"{at}/events/data/{number}/attributes",
                f"{at}/profile",
                bool(event.attributes.backfill or one.attributes.backfill),
            )
            for number, event in enumerate(one.attributes.events.data)
        ]
    await _take(call.ctx.state, events)


def _person(profile: EventProfile) -> IncomingProfile:
    return incoming_profile(profile.data.attributes, profile.data.id)


async def _take(state: State, events: Sequence[_Event]) -> None:
    now = state.clock.now()
    problems = [problem for event in events for problem in _mistakes(event, now)]
    problems += await _unknown_people(state, events)
    if problems:
        raise Problems(problems)
    metrics = await _metric_ids(state, events)
    incoming = [_incoming(event, metrics[event.metric], now) for event in events]
    results = await state.services.ingest.submit(state.account_id, incoming, now)
    refused = [one for one in results if isinstance(one, Problem)]
    if refused:
        raise Problems(refused)


def _mistakes(event: _Event, now: datetime) -> list[Problem]:
    problems = check_properties(event.what.properties, f"{event.pointer}/properties")
    person = event.person
    if person.properties:
        problems += check_properties(person.properties, f"{event.person_pointer}/data/attributes/properties")
    if person.profile_id is None and not person.identifiers():
        problems.append(
            Invalid(
                "A profile needs an id, email, phone_number, external_id or anonymous_id; none was given.",
                pointer=f"{event.person_pointer}/data/attributes",
            )
        )
    return problems + _mistakes_of_time(event, now) + _mistakes_of_value(event)


def _mistakes_of_time(event: _Event, now: datetime) -> list[Problem]:
    moment = event.what.time
    if moment is None or EARLIEST <= moment <= now + FURTHEST:
        return []
    latest = (now + FURTHEST).date().isoformat()
    return [
        Invalid(
            f'"time" is {moment.isoformat()}; it must lie after the year 1989 and no later than {latest}, '
            "a year from now.",
            pointer=f"{event.pointer}/time",
        )
    ]


def _mistakes_of_value(event: _Event) -> list[Problem]:
    value = event.what.value
    if value is None or abs(value) <= MAX_VALUE:
        return []
    return [Invalid(f'"value" is {value}; it must lie within {MAX_VALUE:,}.', pointer=f"{event.pointer}/value")]


async def _unknown_people(state: State, events: Sequence[_Event]) -> list[Problem]:
    named = {event.person.profile_id for event in events if event.person.profile_id}
    if not named:
        return []
    async with state.database.connection() as connection:
        known = await profile_rows.existing(connection, state.account_id, named)
    missing = {event.person_pointer: event.person.profile_id for event in events}
    return [
        Invalid(f'There is no profile with the id "{one}".', pointer=f"{pointer}/data/id")
        for pointer, one in missing.items()
        if one and one not in known
    ]


async def _metric_ids(state: State, events: Sequence[_Event]) -> dict[tuple[str, str], str]:
    names: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        integration, name = event.metric
        names[integration].add(name)
    found: dict[tuple[str, str], str] = {}
    for integration, wanted in names.items():
        ids = await state.services.metrics.ids(state.account_id, wanted, integration)
        found.update({(integration, name): metric_id for name, metric_id in ids.items()})
    return found


def _incoming(event: _Event, metric_id: str, now: datetime) -> IncomingEvent:
    what = event.what
    moment = what.time
    return IncomingEvent(
        profile=event.person,
        metric_id=metric_id,
        occurred_at=to_second(moment or now),
        unique_id=what.unique_id,
        properties=what.properties,
        value=None if what.value is None else Decimal(str(what.value)),
        value_currency=what.value_currency,
        backfill=event.backfill,
    )
