"""What happens in a simulation, and to whom: reading it from JSON lines.

A line of events is an object with `at` (a time since the start such as `1d 2h`, or a moment of ISO 8601; the start
where it is missing), `profile` (an e-mail address, or an object) and one thing that happens:

    {"at": "1d 2h", "profile": "ana@example.com", "metric": "Placed Order", "value": 12.5, "properties": {}}
    {"at": "2d", "profile": {"email": "ana@example.com"}, "join": "Newsletter"}        also "leave"
    {"at": "3d", "profile": "ana@example.com", "set": {"first_name": "Ana", "tier": "gold"}}
    {"at": "4d", "profile": "ana@example.com", "consent": {"sms": "SUBSCRIBED"}}

A line of people is a profile object, which may carry `consent` and `lists`. What is not here: playing (`simulate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from headrace.engine.durations import read_duration, read_moment
from headrace.errors import CommandError
from headrace.model import Channel
from headrace.storage.identity import IncomingProfile

IDENTIFIERS = ("email", "phone_number", "external_id", "anonymous_id")
FIELDS = ("first_name", "last_name", "organization", "title", "image", "locale", "timezone")
KNOWN = (*IDENTIFIERS, *FIELDS, "location", "properties")
KEYS = ("at", "profile", "metric", "value", "properties", "join", "leave", "set", "consent")
"""What a line of a file of events may have."""
CONSENTED = (Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WHATSAPP)
CHANNELS = {channel.name.lower(): channel for channel in CONSENTED}
SUBSCRIPTIONS = ("SUBSCRIBED", "UNSUBSCRIBED")
MOST_TOLD = 10
"""Mistakes that are told of one file."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """An event of a metric, which is named."""

    metric: str
    properties: Mapping[str, Any]
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The person comes on a list, which is named, or leaves it."""

    group: str
    joins: bool = True


@dataclass(frozen=True, slots=True)
class Changed:
    """Attributes of the person become others; what is no attribute is a custom property."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Consented:
    """The person subscribes to a channel, or unsubscribes."""

    channel: Channel
    subscription: str


Act: TypeAlias = Tracked | Joined | Changed | Consented


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that happens to somebody at a moment (UTC)."""

    at: datetime
    person: IncomingProfile
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is there when the simulation begins."""

    profile: IncomingProfile
    acts: tuple[Act, ...] = ()


def read_scenes(lines: Iterable[str], start: datetime) -> list[Scene]:
    """Return what lines of JSON tell, in the order of time; raises `CommandError` naming the lines that are wrong."""
    scenes = _each(lines, lambda one: _scene(one, start))
    return sorted(scenes, key=lambda scene: scene.at)


def read_people(lines: Iterable[str]) -> list[Person]:
    """Return the people whom lines of JSON describe; raises `CommandError` naming the lines that are wrong."""
    return _each(lines, _person)


def profile_of(given: Any) -> IncomingProfile:
    """Return a person from an object, or from a text: an e-mail address, or the part of one of example.com."""
    if isinstance(given, IncomingProfile):
        return given
    if isinstance(given, str) and given.strip():
        return IncomingProfile(email=given if "@" in given else f"{given}@example.com")
    if not isinstance(given, dict):
        raise CommandError(f"profile is {_shown(given)}; it must be an e-mail address or an object")
    strange = sorted(set(given) - set(KNOWN))
    if strange:
        raise CommandError(f"profile has {', '.join(strange)}; it may have {', '.join(KNOWN)}")
    named: dict[str, Any] = {key: _text(given, key) for key in IDENTIFIERS if given.get(key) is not None}
    person = IncomingProfile(
        **named,
        fields={key: _text(given, key) for key in FIELDS if given.get(key) is not None},
        location=_object(given, "location"),
        properties=_object(given, "properties"),
    )
    if not person.is_identified:
        raise CommandError(f"profile names nobody; it needs one of {', '.join(IDENTIFIERS)}")
    return person


def label_of(person: IncomingProfile) -> str:
    """Return what to call a person in reports."""
    return next(one for one in (person.email, person.phone_number, person.external_id, person.anonymous_id, "?") if one)


def changes_of(values: Mapping[str, Any]) -> IncomingProfile:
    """Return a person with nothing but changed attributes; the caller adds who it is."""
    fields = {key: str(value) for key, value in values.items() if key in FIELDS}
    return IncomingProfile(fields=fields, properties={key: one for key, one in values.items() if key not in FIELDS})


def _each(lines: Iterable[str], read: Any) -> list[Any]:
    found, wrong = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(read(_parsed(line)))
        except CommandError as error:
            wrong.append(f"line {number}: {error}")
    if wrong:
        more = [] if len(wrong) <= MOST_TOLD else [f"and {len(wrong) - MOST_TOLD} more lines"]
        raise CommandError("\n  ".join([*wrong[:MOST_TOLD], *more]))
    return found


def _parsed(line: str) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CommandError("it is not an object")
    return value


def _scene(line: dict[str, Any], start: datetime) -> Scene:
    left = dict(line)
    at = _moment(left.pop("at", "0s"), start)
    person = profile_of(left.pop("profile", None))
    acts = _acts(left)
    if not acts:
        raise CommandError("nothing happens in it; say metric, join, leave, set or consent")
    return Scene(at, person, acts)


def _person(line: dict[str, Any]) -> Person:
    left = dict(line)
    lists, consent = left.pop("lists", []), left.pop("consent", {})
    if not isinstance(lists, list) or not all(isinstance(one, str) for one in lists):
        raise CommandError(f"lists is {_shown(lists)}; it must be an array of names")
    acts = (*(Joined(one) for one in lists), *_consents(consent))
    return Person(profile_of(left), acts)


def _acts(left: dict[str, Any]) -> tuple[Act, ...]:
    found: list[Act] = []
    if "metric" in left:
        value = left.pop("value", None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise CommandError(f"value is {_shown(value)}; it must be a number")
        amount = None if value is None else Decimal(str(value))
        found.append(Tracked(_text(left, "metric"), _object(left, "properties"), amount))
    found += (Joined(_text(left, key), key == "join") for key in ("join", "leave") if key in left)
    if "set" in left:
        found.append(Changed(_object(left, "set")))
    found += _consents(left.get("consent", {}))
    strange = sorted(set(left) - {"metric", "properties", "join", "leave", "set", "consent"})
    if strange:
        raise CommandError(f"{', '.join(strange)} means nothing here; a line may have {', '.join(KEYS)}")
    return tuple(found)


def _consents(given: Any) -> list[Act]:
    if not isinstance(given, dict):
        raise CommandError(f'consent is {_shown(given)}; it must be an object like {{"sms": "SUBSCRIBED"}}')
    for channel, subscription in given.items():
        if channel not in CHANNELS:
            raise CommandError(f"consent names {channel!r}; it must be one of {', '.join(CHANNELS)}")
        if subscription not in SUBSCRIPTIONS:
            raise CommandError(f"consent is {_shown(subscription)}; it must be one of {', '.join(SUBSCRIPTIONS)}")
    return [Consented(CHANNELS[channel], subscription) for channel, subscription in given.items()]


def _moment(given: Any, start: datetime) -> datetime:
    if not isinstance(given, str):
        raise CommandError(f"at is {_shown(given)}; it must be a text like 1d 2h, or a moment of ISO 8601")
    dated = len(given) > 4 and given[:4].isdigit() and given[4] == "-"
    moment = read_moment(given) if dated else start + read_duration(given)
    if moment < start:
        raise CommandError(f"at is {given!r}, before the simulation begins at {start.isoformat()}")
    return moment


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given[key]
    if not isinstance(value, str) or not value.strip():
        raise CommandError(f"{key} is {_shown(value)}; it must be a text")
    return value


def _object(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = given.get(key) or {}
    if not isinstance(value, dict):
        raise CommandError(f"{key} is {_shown(value)}; it must be an object")
    return value


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()[:80]
