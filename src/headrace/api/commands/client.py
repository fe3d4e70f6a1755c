"""What browsers and phones tell about their visitors: events, profiles and devices.

What is here: the commands of `/client/*` but for subscriptions (`client_subscriptions`). What is not: who calls
(`api.client_door`) and which pages may (`api.cors`). Follows the operations' descriptions and reference 5.4.

Whoever opens a shop's page knows its public id, so every caller here may be a stranger who pretends to be anybody. Such
a stranger can do this and no more:

- **Read nothing.** Every answer is empty, and none depends on what is stored about people: a profile id that names
  nobody, an identity (`_kx`) of another account, an identifier that belongs to somebody else, a profile that has as
  many properties as it may are all answered like what is in order, with 202, and nothing of it is stored. What answers
  do tell is what the request itself lacks, and whether the account and the list that it names exist, which pages show.
- **Change no identifier.** What a known person is found by stays (`IncomingProfile.guarded`): neither is an address
  replaced, nor are further addresses added or taken (`patch_identifiers` is passed over). Identifiers that a profile
  lacks are added, for a page learns its visitor's address after their anonymous id; one that somebody else holds never
  moves. A stranger can therefore add a phone number to a profile that has none, or their own device to somebody whose
  address they know: that is what sign-up forms and apps do, and the service allows it. A shop that sends secrets must
  not send them by a channel that people join in this way.
- **Change what a page may change.** Names, places and properties of somebody whose address they know, as a form does;
  and an event with a `unique_id` that they guess takes the place of the shop's own with the same metric, person and
  unique id. What must not be changed by a stranger belongs into events of the server, with ids that cannot be guessed.
- **End nothing.** Consent is only ever given (`client_subscriptions`). A device is taken only from the person who is
  named and only by who knows its token, as the device itself does.
- **Imitate no message.** Events of Headrace's own metrics, such as opened mails, are refused: conditions and reports
  rest on them. Other events can be made up, as in every shop's page.
- **Make no more metrics than `MOST_METRICS`.** Otherwise names drawn at random would grow the tables that every page
  of the shop's own people shows. Bodies and properties have the limits of `/api/*`.

Whether somebody is known may be measured, at most, by how long an answer takes; a new person costs one more statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headrace.api.commands.client_bodies import (
    ClientEvents,
    ClientProfile,
    UnregisterToken,
)
from headrace.api.commands.event_bodies import FURTHEST, MAX_BULK, NewEvent, PersonAttributes, PersonData
from headrace.api.commands.events import SINGLE, PostedEvent, incoming_event, meta_of, mistakes_of
from headrace.api.commands.profile_bodies import IDENTIFIERS, incoming_profile
from headrace.api.commands.profiles import change_of, checked, known_by
from headrace.api.commands.push_tokens import PERSON, NewToken, token_of
from headrace.api.commands.quick_events import MetricKey, QuickEvents
from headrace.api.state import State
from headrace.errors import Invalid, Problem, raise_any
from headrace.jsonapi.operation import Call
from headrace.storage import identity, profile_rows, profiles, push_tokens
from headrace.storage.aliases import follow
from headrace.storage.database import Connection
from headrace.storage.identity import IncomingProfile
from headrace.storage.metrics import OWN
from headrace.storage.profile_wishes import ProfileChange, Wish
from headrace.storage.resolve import Resolver

MOST_METRICS = 1_000
"""Our choice: an account that has so many gets no further ones from callers without a key."""
TOO_MANY = (
    f"This is a new metric, and the account has as many as callers without a private key may make, {MOST_METRICS:,}; "
    "name one that it has, or send its first event to /api/events."
)
EVENTS = "/data/attributes/events/data"
VISITOR = "/data/attributes/profile/data"
_COUNT_METRICS = "SELECT count(*) FROM metric WHERE account_id = $1"


class BulkEvent(PostedEvent):
    """One event of a visitor who brings several."""

    @property
    def pointer(self) -> str:
        """Where its attributes stand in the request."""
        return f"{EVENTS}/{self.number}/attributes"


# --- events -------------------------------------------------------------------------------------------------------


async def create_event(call: Call[State, NewEvent | QuickEvents]) -> None:
    """Take one event in; returns when it is committed. Raises `Problems`."""
    if isinstance(call.body, QuickEvents):
        await _take_quick(call.ctx.state, call.body)
        return
    state, attributes = call.ctx.state, call.body.data.attributes
    visitor = attributes["profile"]["data"]
    event = PostedEvent(described(state, visitor), attributes, bool(attributes.get("backfill")))
    await _take(state, visitor, [event])


async def create_events(call: Call[State, ClientEvents]) -> None:
    """Take the events of one visitor in, all or none; returns when they are committed. Raises `Problems`."""
    state, attributes = call.ctx.state, call.body.data.attributes
    rows, visitor = attributes.events.data, attributes.profile["data"]
    if not 0 < len(rows) <= MAX_BULK:
        raise Invalid(f"There are {len(rows)} events; there must be 1 to {MAX_BULK}.", pointer=EVENTS)
    person = described(state, visitor)
    events = [
        BulkEvent(person, row["attributes"], bool(row["attributes"].get("backfill") or attributes.backfill), 0, number)
        for number, row in enumerate(rows)
    ]
    await _take(state, visitor, events)


async def _take_quick(state: State, events: QuickEvents) -> None:
    """Take in an event with which nothing is wrong, and whose visitor names no id."""
    places = [SINGLE] * len(events.metrics)
    raise_any(_imitations(events.metrics, places))
    metrics = await _metrics(state, events.metrics, places)
    guarded = events._replace(people=[one._replace(guarded=True) for one in events.people])
    await state.services.ingest.submit(state.account_id, guarded.with_metrics(metrics), state.clock.now())


async def _take(state: State, visitor: PersonData, events: Sequence[PostedEvent]) -> None:
    now = state.clock.now()
    latest = now + FURTHEST
    keys, places = [one.metric for one in events], [one.pointer for one in events]
    raise_any([*(problem for event in events for problem in mistakes_of(event, latest)), *_imitations(keys, places)])
    change, person = visitor_change(visitor), await _who(state, events[0].person)
    if person is None:
        return
    metrics = await _metrics(state, keys, places)
    if meta_of(visitor) is not None:
        await _write_person(state, person, change)
    incoming = [incoming_event(one._replace(person=person), metrics[one.metric], now) for one in events]
    await state.services.ingest.submit(state.account_id, incoming, now)


def _imitations(keys: Sequence[MetricKey], places: Sequence[str]) -> list[Problem]:
    return [
        Invalid(
            f'"service" is "{service}", whose events Headrace records itself; "{name}" needs another one, or none.',
            pointer=f"{place}/metric/data/attributes/service",
        )
        for (service, name), place in zip(keys, places, strict=True)
        if service.strip().lower() == OWN.lower()
    ]


async def _metrics(state: State, keys: Sequence[MetricKey], places: Sequence[str]) -> Mapping[MetricKey, str]:
    """Return the ids of metrics by service and name; makes those that the account lacks while it may have more."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for service, name in keys:
        wanted[service].add(name)
    metrics, account_id = state.services.metrics, state.account_id
    found = {service: await metrics.known(account_id, names, service) for service, names in wanted.items()}
    lacking = [place for (service, name), place in zip(keys, places, strict=True) if name not in found[service]]
    if lacking:
        new = sum(len(names) - len(found[service]) for service, names in wanted.items())
        if await state.database.fetch_value(_COUNT_METRICS, account_id) + new > MOST_METRICS:
            raise Invalid(TOO_MANY, pointer=f"{lacking[0]}/metric/data/attributes/name")
        found = {service: await metrics.ids(account_id, names, service) for service, names in wanted.items()}
    return {(service, name): one for service, names in found.items() for name, one in names.items()}


# --- people -------------------------------------------------------------------------------------------------------


async def create_profile(call: Call[State, ClientProfile]) -> None:
    """Make or change the visitor's profile; returns when that is committed. Raises `Problems`."""
    state, visitor = call.ctx.state, call.body.data
    change, person = visitor_change(visitor, "/data"), described(state, visitor)
    need_name(person, "/data")
    known = await _who(state, person)
    if known is not None:
        await _write_person(state, known, change)


def described(state: State, visitor: Mapping[str, Any]) -> IncomingProfile:
    """Return a visitor as they describe themselves; the identity of a tracked link counts like an id."""
    attributes = _attributes(visitor)
    profile_id = visitor.get("id") or known_by(state, attributes.get("_kx"))
    return incoming_profile(attributes, profile_id)._replace(guarded=True)


def need_name(person: IncomingProfile, pointer: str) -> None:
    """Raise `Invalid` for somebody who names themselves by nothing."""
    if not (person.profile_id or person.is_identified):
        raise Invalid(
            "A profile needs an id, email, phone_number, external_id, anonymous_id or the _kx of a link of this "
            "account; none was given.",
            pointer=f"{pointer}/attributes",
        )


async def _who(state: State, person: IncomingProfile) -> IncomingProfile | None:
    """Return a person without an id that names nobody; None where nothing else names them."""
    if person.profile_id is None:
        return person
    async with state.database.connection() as connection:
        profile_id = await known_id(connection, state.account_id, person.profile_id)
    known = person._replace(profile_id=profile_id)
    return known if profile_id or known.is_identified else None


async def known_id(connection: Connection, account_id: str, profile_id: str) -> str | None:
    """Return the id of the profile that an id means now, None for one that names nobody."""
    if await profile_rows.existing(connection, account_id, {profile_id}):
        return profile_id
    return (await follow(connection, account_id, {profile_id})).get(profile_id)


def _attributes(visitor: Mapping[str, Any]) -> PersonAttributes:
    attributes: PersonAttributes | None = visitor.get("attributes")
    return attributes or {}


def visitor_change(visitor: Mapping[str, Any], pointer: str = VISITOR) -> ProfileChange:
    """Return what is to become of a visitor's profile, identifiers aside; raises `Problems`."""
    attributes = _attributes(visitor)
    asked = checked(change_of(attributes, meta_of(visitor)), pointer)
    fields = {name: value for name, value in asked.fields.items() if name not in IDENTIFIERS}
    return replace(asked, fields=fields, more_emails=(), fewer_emails=())


async def _write_person(state: State, person: IncomingProfile, change: ProfileChange) -> None:
    async def attempt(transaction: Connection) -> None:
        await written_person(transaction, state, person, change)

    await profiles.racing(state.database, attempt)


async def written_person(
    transaction: Connection, state: State, person: IncomingProfile, change: ProfileChange
) -> str | None:
    """Make or change somebody within a transaction that races for identifiers, and return their id.

    None where an id names nobody any more. A change that breaks a rule of the profile as it is stored is passed over.
    """
    now, ids = state.clock.now(), state.services.ids
    named = IncomingProfile(*person[:5], guarded=True)
    [answer] = await Resolver(transaction, state.account_id, ids, now).resolve([named])
    if isinstance(answer, Problem):
        return None
    if change != ProfileChange():
        await profiles.write_profiles(transaction, state.account_id, ids, [Wish(change, answer)], now)
    return answer


# --- devices ------------------------------------------------------------------------------------------------------


async def create_push_token(call: Call[State, NewToken]) -> None:
    """Make or change the visitor's profile and give it the device; whoever had it before loses it."""
    state, attributes = call.ctx.state, call.body.data.attributes
    visitor: dict[str, Any] = {"id": attributes.profile.data.id, "attributes": attributes.profile.data.attributes}
    change, person = visitor_change(visitor, PERSON), described(state, visitor)
    need_name(person, PERSON)
    known, token = await _who(state, person), token_of(attributes)
    if known is None:
        return

    async def attempt(transaction: Connection) -> None:
        profile_id = await written_person(transaction, state, known, change)
        if profile_id is not None:
            await push_tokens.set_token(transaction, state.account_id, profile_id, token, state.clock.now())

    await profiles.racing(state.database, attempt)


async def unregister_push_token(call: Call[State, UnregisterToken]) -> None:
    """Take the device from the visitor who is named; nobody is made or changed for it.

    Our choice: what else the request says about the visitor is passed over.
    """
    state, attributes = call.ctx.state, call.body.data.attributes
    person = described(state, attributes.profile["data"])
    need_name(person, VISITOR)
    async with state.database.transaction() as transaction:
        profile_id = await _owner(transaction, state.account_id, person)
        if profile_id is not None:
            now = state.clock.now()
            await push_tokens.remove_token(transaction, state.account_id, profile_id, attributes.token, now)


async def _owner(transaction: Connection, account_id: str, person: IncomingProfile) -> str | None:
    """Return whom an id or the first known identifier names, None where that is nobody."""
    if person.profile_id and (found := await known_id(transaction, account_id, person.profile_id)):
        return found
    given = person.identifiers()
    known = await identity.find(transaction, account_id, given)
    return next((known[one] for one in given if one in known), None)
