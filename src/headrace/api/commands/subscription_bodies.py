"""The bodies of the jobs that subscribe and unsubscribe people, and what each row of them asks for.

What is here: the shape of requests and the rules within one row. What is not: what needs the database
(`subscriptions`). Follows the operations' descriptions and reference 4.4. Our choice: a row without `subscriptions`,
which older revisions allow, is about marketing on the channels of the identifiers that it gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from headrace.api.commands.push_tokens import DeviceMetadata, TokenText
from headrace.api.commands.values import Email, Moment, Phone, ShortText
from headrace.engine.subscription_rows import Person, Wish
from headrace.errors import Invalid, Problem
from headrace.jsonapi.bodies import Id, Model, ToOne
from headrace.model import Channel
from headrace.storage.consents import Purpose
from headrace.storage.identity import normal_email
from headrace.storage.push_tokens import ALLOWED, ENABLED, Token

MOST_SUBSCRIBED = 1000
MOST_UNSUBSCRIBED = 100
"""Rows of one job. Source: the operations' descriptions."""
EARLIEST_BIRTH = date(1900, 1, 1)
ROWS = "/data/attributes/profiles/data"

CHANNELS = {"email": Channel.EMAIL, "sms": Channel.SMS, "whatsapp": Channel.WHATSAPP, "push": Channel.PUSH}
NEEDED = {"email": "email", "sms": "phone_number", "whatsapp": "phone_number"}
"""The identifier that a channel reaches people by."""
NAMES = ("profile_id", "email", "phone_number")
"""What tells whether two rows are about the same person."""


def _small(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == 10 else "")
    except ValueError:
        raise ValueError("it must be a date, like 1990-02-28") from None


Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class Given(Model):
    """A consent that is given."""

    consent: Literal["SUBSCRIBED"]
    consented_at: Moment | None = None


class GivenNow(Model):
    """A consent that has no date of its own."""

    consent: Literal["SUBSCRIBED"]


class Ended(Model):
    """A consent that is ended."""

    consent: Literal["UNSUBSCRIBED"]


class PushToken(Model):
    """A device."""

    token: TokenText
    platform: Literal["android", "ios"]
    vendor: Annotated[Literal["apns", "fcm"], BeforeValidator(_small)]
    enablement_status: Literal["AUTHORIZED", "DENIED", "NOT_DETERMINED", "PROVISIONAL", "UNAUTHORIZED"] | None = None
    background: Literal["AVAILABLE", "DENIED", "RESTRICTED"] | None = None
    device_metadata: DeviceMetadata | None = None

    def stored(self) -> Token:
        """Return the device as the storage takes it."""
        status = self.enablement_status or ALLOWED
        told = self.device_metadata.model_dump(exclude_none=True) if self.device_metadata else {}
        return Token(self.token, self.platform, self.vendor, status in ENABLED, status, self.background, told)


class GivenEmail(Model):
    """What may be given for e-mail."""

    marketing: Given | None = None
    open_tracking: GivenNow | None = None


class GivenSms(Model):
    """What may be given for text messages and WhatsApp."""

    marketing: Given | None = None
    transactional: Given | None = None


class GivenPush(Model):
    """What may be given for push messages; `anonymous_id` names somebody without other identifiers."""

    marketing: Given
    tokens: list[PushToken] | None = None
    anonymous_id: ShortText | None = None


class GivenChannels(Model):
    """The channels that somebody subscribes to."""

    email: GivenEmail | None = None
    sms: GivenSms | None = None
    whatsapp: GivenSms | None = None
    push: GivenPush | None = None


class EndedEmail(Model):
    """What may be ended for e-mail."""

    marketing: Ended | None = None
    open_tracking: Ended | None = None


class EndedSms(Model):
    """What may be ended for text messages."""

    marketing: Ended | None = None
    transactional: Ended | None = None


class EndedWhatsApp(EndedSms):
    """What may be ended for WhatsApp."""

    conversational: Ended | None = None


class EndedPush(Model):
    """What may be ended for push messages."""

    marketing: Ended
    tokens: list[PushToken] = Field(default_factory=list)


class EndedChannels(Model):
    """The channels that somebody unsubscribes from."""

    email: EndedEmail | None = None
    sms: EndedSms | None = None
    whatsapp: EndedWhatsApp | None = None
    push: EndedPush | None = None


class SubscribedAttributes(Model):
    """A row of a job that subscribes."""

    email: Email | None = None
    phone_number: Phone | None = None
    subscriptions: GivenChannels | None = None
    age_gated_date_of_birth: Day | None = None


class UnsubscribedAttributes(Model):
    """A row of a job that unsubscribes."""

    email: Email | None = None
    phone_number: Phone | None = None
    subscriptions: EndedChannels | None = None


class SubscribedProfile(Model):
    """Somebody who subscribes."""

    type: Literal["profile"]
    id: Id | None = None
    attributes: SubscribedAttributes


class UnsubscribedProfile(Model):
    """Somebody who unsubscribes."""

    type: Literal["profile"]
    attributes: UnsubscribedAttributes


class SubscribedProfiles(Model):
    """Those who subscribe."""

    data: Annotated[list[SubscribedProfile], Field(min_length=1, max_length=MOST_SUBSCRIBED)]


class UnsubscribedProfiles(Model):
    """Those who unsubscribe."""

    data: Annotated[list[UnsubscribedProfile], Field(min_length=1, max_length=MOST_UNSUBSCRIBED)]


class ListRelationship(Model):
    """The list that a job is about."""

    list: ToOne[Literal["list"]] | None = None


class SubscribeAttributes(Model):
    """A job that subscribes."""

    custom_source: ShortText | None = None
    profiles: SubscribedProfiles
    historical_import: bool | None = None


class UnsubscribeAttributes(Model):
    """A job that unsubscribes."""

    profiles: UnsubscribedProfiles


class SubscribeData(Model):
    """`data` of a job that subscribes."""

    type: Literal["profile-subscription-bulk-create-job"]
    attributes: SubscribeAttributes
    relationships: ListRelationship | None = None


class UnsubscribeData(Model):
    """`data` of a job that unsubscribes."""

    type: Literal["profile-subscription-bulk-delete-job"]
    attributes: UnsubscribeAttributes
    relationships: ListRelationship | None = None


class SubscribeJob(Model):
    """The body of POST /api/profile-subscription-bulk-create-jobs."""

    data: SubscribeData


class UnsubscribeJob(Model):
    """The body of POST /api/profile-subscription-bulk-delete-jobs."""

    data: UnsubscribeData


Row = SubscribedProfile | UnsubscribedProfile


@dataclass(frozen=True, slots=True)
class Rules:
    """What rows are checked against: the account's time, whether they are history, and the age that must be proven."""

    now: datetime
    historical: bool = False
    minimum_age: int | None = None


def person_of(row: Row) -> Person:
    """Return what a row asks for."""
    given = row.attributes
    channels, push = given.subscriptions, given.subscriptions.push if given.subscriptions else None
    return Person(
        profile_id=row.id if isinstance(row, SubscribedProfile) else None,
        email=given.email or None,
        phone_number=given.phone_number or None,
        anonymous_id=push.anonymous_id if isinstance(push, GivenPush) else None,
        wishes=tuple(wish for _, wish in _wishes(row)) if channels else _implied(given),
        tokens=tuple(one.stored() for one in (push.tokens or ())) if push else (),
        born=given.age_gated_date_of_birth if isinstance(given, SubscribedAttributes) else None,
    )


def _wishes(row: Row) -> Iterator[tuple[str, Wish]]:
    """Return channel.purpose, as the row spells it, and the wish."""
    for name, channel in CHANNELS.items():
        part = getattr(row.attributes.subscriptions, name, None)
        for purpose in Purpose:
            asked = getattr(part, purpose.name.lower(), None)
            if asked is not None:
                at = asked.consented_at if isinstance(asked, Given) else None
                yield f"{name}/{purpose.name.lower()}", Wish(int(channel), int(purpose), at)


def _implied(given: SubscribedAttributes | UnsubscribedAttributes) -> tuple[Wish, ...]:
    marketing = int(Purpose.MARKETING)
    email = (Wish(int(Channel.EMAIL), marketing),) if given.email else ()
    return (*email, Wish(int(Channel.SMS), marketing)) if given.phone_number else email


def mistakes_in(row: Row, number: int, rules: Rules) -> Iterator[Problem]:
    """Return what is wrong with a row of a job."""
    return mistakes_at(f"{ROWS}/{number}/attributes", row, rules)


def mistakes_at(at: str, row: Row, rules: Rules) -> Iterator[Problem]:
    """Return what is wrong with a row whose attributes stand at a place in the request."""
    person = person_of(row)
    by_device = isinstance(row, UnsubscribedProfile) and bool(person.tokens)
    if not (person.incoming.is_identified or person.profile_id or by_device):
        yield Invalid("A row needs an email or a phone_number; neither was given.", pointer=at)
        return
    if not person.wishes:
        yield Invalid(
            '"subscriptions" names no channel; it must hold email, sms, whatsapp or push.',
            pointer=f"{at}/subscriptions",
        )
    yield from _unreachable(row, person, at)
    for place, wish in _wishes(row):
        yield from _wrong_date(wish, f"{at}/subscriptions/{place}/consented_at", place, rules)
    yield from _wrong_age(person, f"{at}/age_gated_date_of_birth", rules)


def _unreachable(row: Row, person: Person, at: str) -> Iterator[Problem]:
    for channel, needed in NEEDED.items():
        asked = getattr(row.attributes.subscriptions, channel, None)
        if asked is not None and not person.profile_id and not getattr(person, needed):
            yield Invalid(
                f'"subscriptions" holds {channel}, and "{needed}" is missing; that channel needs it.',
                pointer=f"{at}/{needed}",
            )


def _wrong_date(wish: Wish, pointer: str, place: str, rules: Rules) -> Iterator[Problem]:
    if wish.at is None:
        if rules.historical and wish.purpose in (Purpose.MARKETING, Purpose.TRANSACTIONAL):
            yield Invalid(
                f'"consented_at" of {place} is missing; with historical_import every consent needs it.', pointer=pointer
            )
    elif not rules.historical:
        yield Invalid(
            f'"consented_at" of {place} is {wish.at.isoformat()}; it may be given only with historical_import.',
            pointer=pointer,
        )
    elif wish.at >= rules.now:
        yield Invalid(
            f'"consented_at" of {place} is {wish.at.isoformat()}; it must lie before now, {rules.now.isoformat()}.',
            pointer=pointer,
        )


def _wrong_age(person: Person, pointer: str, rules: Rules) -> Iterator[Problem]:
    born = person.born
    if born is not None and not EARLIEST_BIRTH <= born <= rules.now.date():
        yield Invalid(
            f'"age_gated_date_of_birth" is {born.isoformat()}; it must lie between {EARLIEST_BIRTH.isoformat()} and '
            "today.",
            pointer=pointer,
        )
    texts = any(wish.channel == Channel.SMS for wish in person.wishes)
    if born is None and texts and rules.minimum_age is not None:
        yield Invalid(
            '"age_gated_date_of_birth" is missing; whoever subscribes to text messages of this account must be '
            f"{rules.minimum_age} years old.",
            pointer=pointer,
        )


def each_once(people: Sequence[Person]) -> list[Person]:
    """Return the rows without those that say the same about the same person once more; see `repeated` for others."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for person in people:
        names = {(name, value.lower()) for name in NAMES if (value := getattr(person, name))}
        if not names & seen:
            kept.append(person)
        seen |= names
    return kept


def repeated(people: Sequence[Person]) -> Iterator[tuple[int, int, str, str]]:
    """Return (row, earlier row, identifier, value) for rows that say something else about the same person.

    The value is as the later row spells it; two spellings of one address are the same.
    """
    seen: dict[tuple[str, str], int] = {}
    alike = [replace(person, email=normal_email(person.email)) for person in people]
    for number, person in enumerate(alike):
        for name in NAMES:
            value = (getattr(person, name) or "").lower()
            first = seen.setdefault((name, value), number) if value else number
            if alike[first] != person:
                yield number, first, name, getattr(people[number], name)
