"""Taking events in: from a checked body to rows that are committed.

What is here: the rules that need the account's clock or the database, and the way into the ingest. What is not: the
shape of bodies (`event_bodies`) and the writing (`engine.ingest`). Everything that can be wrong is found before
anything is written. Follows reference 5.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from headrace.api.commands.event_bodies import (
    EARLIEST,
    FURTHEST,
    MAX_BULK,
    MAX_VALUE,
    BulkJob,
    EventProfile,
    NewEvent,
    Occurrence,
    PersonData,
    PersonsEventsData,
)
from headrace.api.commands.limits import check_properties, surely_within
from headrace.api.commands.profile_bodies import ProfileMeta, incoming_profile
from headrace.api.commands.profiles import known_by, wish_of, written
from headrace.api.commands.quick_events import QuickEvents
from headrace.api.state import State
from headrace.clock import to_second
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.operation import Call
from headrace.storage import profile_rows, profiles
from headrace.storage.aliases import follow
from headrace.storage.database import Connection
from headrace.storage.identity import IncomingProfile
from headrace.storage.ingest import IncomingEvent
from headrace.storage.metrics import API

SINGLE, BULK = "/data/attributes", "/data/attributes/events-bulk-create/data"


class PostedEvent(NamedTuple):
    """One event of a request: what happened, to whom, and where in a bulk job it stands.

    Pointers are worked out only for what is wrong, because a bulk job has a thousand events.
    """

    person: IncomingProfile
    what: Occurrence
    backfill: bool
    row: int | None = None
    number: int = 0

    @property
    def metric(self) -> tuple[str, str]:
        """Integration and name of the metric."""
        attributes = self.what["metric"]["data"]["attributes"]
        service = attributes.get("service")
        return (API if service is None or service.lower() == API.lower() else service), attributes["name"]

    @property
    def pointer(self) -> str:
        """Where its attributes stand in the request."""
        return SINGLE if self.row is None else f"{BULK}/{self.row}/attributes/events/data/{self.number}/attributes"

    @property
    def person_pointer(self) -> str:
        """Where its person stands in the request."""
        return f"{SINGLE if self.row is None else f'{BULK}/{self.row}/attributes'}/profile"


async def create_event(call: Call[State, NewEvent | QuickEvents]) -> None:
    """Take one event in; returns when it is committed. Raises `Problems`."""
    if isinstance(call.body, QuickEvents):
        await take_quick(call.ctx.state, call.body)
        return
    attributes, state = call.body.data.attributes, call.ctx.state
    event = PostedEvent(person_of(attributes["profile"], state), attributes, bool(attributes.get("backfill")))
    await _take(state, [event], [(attributes["profile"]["data"], f"{SINGLE}/profile/data")])


async def create_events(call: Call[State, BulkJob | QuickEvents]) -> None:
    """Take the events of several people in, all or none; returns when they are committed. Raises `Problems`."""
    if isinstance(call.body, QuickEvents):
        await take_quick(call.ctx.state, call.body)
        return
    people = call.body.data.attributes.people["data"]
    count = sum(len(one["attributes"]["events"]["data"]) for one in people)
    if not 0 < count <= MAX_BULK:
        raise Invalid(f"The job holds {count} events; it must hold 1 to {MAX_BULK}.", pointer=BULK)
    state = call.ctx.state
    await _take(
        state,
        [event for row, one in enumerate(people) for event in _of_person(state, row, one)],
        [
            (one["attributes"]["profile"]["data"], f"{BULK}/{row}/attributes/profile/data")
            for row, one in enumerate(people)
        ],
    )


def _of_person(state: State, row: int, one: PersonsEventsData) -> list[PostedEvent]:
    attributes = one["attributes"]
    person = person_of(attributes["profile"], state)
    backfill = bool(attributes.get("backfill"))
    return [
        PostedEvent(person, event["attributes"], bool(event["attributes"].get("backfill")) or backfill, row, number)
        for number, event in enumerate(attributes["events"]["data"])
    ]


def person_of(profile: EventProfile, state: State | None = None) -> IncomingProfile:
    """Return the person of an event as the storage takes them; `state` reads the identity of tracked links."""
    data = profile["data"]
    attributes = data.get("attributes") or {}
    profile_id = data.get("id")
    if profile_id is None and state is not None and (identity := attributes.get("_kx")):
        profile_id = known_by(state, identity)
    return incoming_profile(attributes, profile_id)


def meta_of(person: Mapping[str, Any]) -> ProfileMeta | None:
    """Return the changes that an event's person brings beside plain attributes, wherever they stand."""
    meta: ProfileMeta | None = person.get("meta") or (person.get("attributes") or {}).get("meta")
    return meta


async def _take(state: State, events: Sequence[PostedEvent], people: Sequence[tuple[PersonData, str]]) -> None:
    """Take events in; `people` are the bodies of those whom they are about, and where each stands."""
    now = state.clock.now()
    latest = now + FURTHEST
    problems = [problem for event in events for problem in mistakes_of(event, latest)]
    problems += await _unknown_people(state, events)
    if problems:
        raise Problems(problems)
    keys = [event.metric for event in events]
    metrics = await _metric_ids(state, set(keys))
    await _change_people(state, people)
    await _hand_in(state, [incoming_event(event, metrics[key], now) for event, key in zip(events, keys, strict=True)])


async def _change_people(state: State, people: Sequence[tuple[PersonData, str]]) -> None:
    """Make the changes that events bring for their people, before the events; raises `Problems`, and changes nobody.

    Our choice: whoever sends a request once more because its answer was lost makes its changes once more.
    """
    wishes = [
        (wish_of(state, person.get("id"), person.get("attributes") or {}, meta, pointer), pointer)
        for person, pointer in people
        if (meta := meta_of(person)) is not None
    ]
    if not wishes:
        return
    ids, now = state.services.ids, state.clock.now()

    async def attempt(transaction: Connection) -> None:
        asked = [wish for wish, _ in wishes]
        results = await profiles.write_profiles(transaction, state.account_id, ids, asked, now)
        for result, (_, pointer) in zip(results, wishes, strict=True):
            written(result, pointer)

    await profiles.racing(state.database, attempt)


async def take_quick(state: State, read: QuickEvents) -> None:
    """Take in events that were read and checked in one go; returns when they are committed. Raises `Problems`."""
    await _hand_in(state, read.with_metrics(await _metric_ids(state, set(read.metrics))))


async def _hand_in(state: State, events: Sequence[IncomingEvent]) -> None:
    results = await state.services.ingest.submit(state.account_id, events, state.clock.now())
    refused = [one for one in results if isinstance(one, Problem)]
    if refused:
        raise Problems(refused)


def mistakes_of(event: PostedEvent, latest: datetime) -> list[Problem]:
    """Return what is wrong with an event of the right shape; `latest` is the latest time that it may have."""
    problems: list[Problem] = []
    person, what = event.person, event.what
    if not surely_within(what["properties"]):
        problems += check_properties(what["properties"], f"{event.pointer}/properties")
    if person.properties:
        problems += check_properties(person.properties, f"{event.person_pointer}/data/attributes/properties")
    if not (person.profile_id or person.is_identified):
        problems.append(
            Invalid(
                "A profile needs an id, email, phone_number, external_id, anonymous_id or the _kx of a link of this "
                "account; none was given.",
                pointer=f"{event.person_pointer}/data/attributes",
            )
        )
    moment, value = what.get("time"), what.get("value")
    if moment is not None and not EARLIEST <= moment <= latest:
        problems.append(_wrong_time(event, moment, latest))
    if value is not None and abs(value) > MAX_VALUE:
        detail = f'"value" is {value}; it must lie within {MAX_VALUE:,}.'
        problems.append(Invalid(detail, pointer=f"{event.pointer}/value"))
    return problems


def _wrong_time(event: PostedEvent, moment: datetime, latest: datetime) -> Problem:
    return Invalid(
        f'"time" is {moment.isoformat()}; it must lie after the year 1989 and no later than '
        f"{latest.date().isoformat()}, a year from now.",
        pointer=f"{event.pointer}/time",
    )


async def _unknown_people(state: State, events: Sequence[PostedEvent]) -> list[Problem]:
    named = {event.person.profile_id for event in events if event.person.profile_id}
    if not named:
        return []
    async with state.database.connection() as connection:
        known = await profile_rows.existing(connection, state.account_id, named)
        known |= (await follow(connection, state.account_id, named - known)).keys()
    missing = {event.person_pointer: event.person.profile_id for event in events}
    return [
        Invalid(f'There is no profile with the id "{one}".', pointer=f"{pointer}/data/id")
        for pointer, one in missing.items()
        if one and one not in known
    ]


async def _metric_ids(state: State, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    metrics, account_id = state.services.metrics, state.account_id
    at_hand = {key: one for key in keys if (one := metrics.at_hand(account_id, *key)) is not None}
    return at_hand if len(at_hand) == len(keys) else await _looked_up(state, keys)


async def _looked_up(state: State, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    names: defaultdict[str, set[str]] = defaultdict(set)
    for integration, name in keys:
        names[integration].add(name)
    found: dict[tuple[str, str], str] = {}
    for integration, wanted in names.items():
        ids = await state.services.metrics.ids(state.account_id, wanted, integration)
        found.update({(integration, name): metric_id for name, metric_id in ids.items()})
    return found


def incoming_event(event: PostedEvent, metric_id: str, now: datetime) -> IncomingEvent:
    """Return an event as the ingest takes it; `now` is the account's time, for an event without a time of its own."""
    what = event.what
    value = what.get("value")
    return IncomingEvent(
        event.person,
        metric_id,
        to_second(what.get("time") or now),
        what.get("unique_id"),
        what["properties"],
        None if value is None else Decimal(str(value)),
        what.get("value_currency"),
        event.backfill,
    )
