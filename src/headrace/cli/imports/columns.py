"""Which column of a file says what about a person, and what its cells are.

What is here: the names that are understood unasked, `--map` and `--type`, and reading a cell as a type. What is not:
the rules of attributes, which are those of the API. Our choice: a column that nobody mapped becomes a custom property
of its name, because whoever exports a column wants to keep it; an empty cell says nothing, so that a file with gaps
clears nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.cli.imports.error_files import OWN_COLUMNS
from headrace.errors import CommandError
from headrace.jsonapi.filter_words import read_moment
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED

IDENTIFIERS = ("id", "email", "phone_number", "external_id", "anonymous_id")
FIELDS = ("first_name", "last_name", "organization", "title", "image", "locale")
PLACES = ("address1", "address2", "city", "country", "region", "zip", "latitude", "longitude", "timezone", "ip")
CHANNELS = ("email", "sms", "whatsapp")
PROPERTY, PLACE, CONSENT = "properties.", "location.", "consent."
IGNORED = "-"
"""What `--map` says of a column that is to be left out."""
CONSENTS = tuple(f"{CONSENT}{name}" for name in CHANNELS)
TARGETS = (*IDENTIFIERS, *FIELDS, *(f"{PLACE}{name}" for name in PLACES), *CONSENTS)
_WORDS = {
    "e_mail": "email",
    "email_address": "email",
    "e_mail_address": "email",
    "phone": "phone_number",
    "mobile_phone": "phone_number",
    "firstname": "first_name",
    "given_name": "first_name",
    "lastname": "last_name",
    "surname": "last_name",
    "family_name": "last_name",
    "company": "organization",
    "address": "location.address1",
    "address_1": "location.address1",
    "address_2": "location.address2",
    "state": "location.region",
    "province": "location.region",
    "zip_code": "location.zip",
    "zipcode": "location.zip",
    "postal_code": "location.zip",
    "postcode": "location.zip",
    "time_zone": "location.timezone",
    **{name: f"{PLACE}{name}" for name in PLACES},
    **{name: name for name in (*IDENTIFIERS, *FIELDS) if name != "id"},
}
"""Headings that are understood, in small letters and with `_` between words."""


def _number(text: str) -> int | float:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]{1,3})?", text) and abs(float(text)) < 1e300:
        return float(text)
    raise ValueError("it must be a number, like 12 or 12.50")


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in ("true", "yes", "1", "t", "y"):
        return True
    if word in ("false", "no", "0", "f", "n"):
        return False
    raise ValueError("it must be true or false (also: yes, no, 1, 0)")


def _date(text: str) -> str:
    if read_moment(text) is None:
        raise ValueError("it must be a date, like 2026-07-15 or 2026-07-15T20:24:32Z")
    return text


def _list(text: str) -> list[Any]:
    if not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list):
        raise ValueError('it must be a list, like ["red","blue"] or red, blue')
    return found


def consent_of(text: str) -> str | None:
    """Return the state of consent that a text tells, None for nobody asked; raises `ValueError`."""
    word = re.sub(r"[^a-z]+", "_", text.lower())
    if word in ("subscribed", "true", "yes", "y"):
        return SUBSCRIBED
    if word in ("unsubscribed", "false", "no", "n"):
        return UNSUBSCRIBED
    if word in ("never_subscribed", "none", "unknown"):
        return None
    raise ValueError("it must be subscribed, unsubscribed or never_subscribed")


TYPES: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "list": _list,
}
"""What `--type` may say of a property; `ValueError` tells the rule."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is read: where it stands, its heading, what it says, and how its cells are read.

    `section` and `name` are the two parts of the target (`location.city`); the first is empty for the profile's own.
    """

    number: int
    heading: str
    target: str
    read: Callable[[str], Any]
    section: str
    name: str

    @classmethod
    def of(cls, number: int, heading: str, target: str, read: Callable[[str], Any]) -> Column:
        """Return the column with its target taken apart."""
        section, dot, name = target.partition(".")
        parts = (section, name) if dot else ("", target)
        return cls(number, heading, target, read, *parts)

    @property
    def pointer(self) -> str:
        """Where its value stands among a profile's attributes."""
        name = self.name.replace("~", "~0").replace("/", "~1")
        return f"/{self.section}/{name}" if self.section else f"/{name}"


def columns_of(
    header: Sequence[str], mapping: Mapping[str, str], types: Mapping[str, str], *, only_mapped: bool = False
) -> list[Column]:
    """Return the columns of a file that are read; `mapping` is heading -> field, `types` heading -> type.

    Raises `CommandError` for a heading that the file lacks or has twice, a field that does not exist or is given twice,
    and where no column tells who a person is.
    """
    for heading in (*mapping, *types):
        if heading not in header:
            raise CommandError(f"the file has no column {heading!r}; it has {', '.join(map(repr, header))}")
    columns: list[Column] = []
    for number, heading in enumerate(header):
        if heading and header.index(heading) != number:
            raise CommandError(f"the file has two columns {heading!r}; headings must differ")
        column = _column(number, heading, mapping, types, only_mapped)
        columns += [column] if column else []
    _check(columns)
    return columns


def _column(
    number: int, heading: str, mapping: Mapping[str, str], types: Mapping[str, str], only_mapped: bool
) -> Column | None:
    told = mapping.get(heading)
    word = re.sub(r"[^a-z0-9]+", "_", heading.lower()).strip("_")
    target = told or (heading if heading in TARGETS and heading != "id" else _WORDS.get(word))
    if target is None and not only_mapped and heading and heading not in OWN_COLUMNS:
        target = heading if heading.startswith(PROPERTY) else f"{PROPERTY}{heading}"
    if target in (None, IGNORED):
        return None
    target, _, kind = _split(str(target))
    kind = types.get(heading, kind)
    if target not in TARGETS and not (target.startswith(PROPERTY) and target != PROPERTY):
        raise CommandError(
            f"--map {heading}={target}: there is no field {target!r}; there are {', '.join(TARGETS)}, properties.NAME "
            f"for a custom property and {IGNORED} to leave a column out"
        )
    if kind not in TYPES:
        raise CommandError(f"--type {heading}={kind}: there is no type {kind!r}; there are {', '.join(TYPES)}")
    if kind != "text" and target in TARGETS:
        raise CommandError(f"the column {heading!r} is {target}, which is text; only custom properties have a type")
    return Column.of(number, heading, target, consent_of if target in CONSENTS else TYPES[kind])


def _split(target: str) -> tuple[str, str, str]:
    """Return a field and its type, which may stand behind it: `properties.age:number`."""
    name, colon, kind = target.rpartition(":")
    return (name, colon, kind) if kind in TYPES and name else (target, "", "text")


def _check(columns: Sequence[Column]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        if other := seen.get(column.target):
            raise CommandError(
                f"the columns {other!r} and {column.heading!r} are both {column.target}; leave one out by --map "
                f'"{column.heading}={IGNORED}", or map it to another field'
            )
        seen[column.target] = column.heading
    if not any(column.target in IDENTIFIERS for column in columns):
        raise CommandError(
            f"no column tells who a person is; map one to {', '.join(IDENTIFIERS[1:])} or id, like --map Mail=email"
        )


def pairs(name: str, given: Sequence[str], form: str = "COLUMN=FIELD") -> dict[str, str]:
    """Return what an option that is given several times, like `column=field`, says; raises `CommandError`."""
    found: dict[str, str] = {}
    for text in given:
        left, sign, right = text.rpartition("=")
        if not (sign and left.strip() and right.strip()):
            raise CommandError(f"{name} {text!r} must be of the form {form}")
        found[left.strip()] = right.strip()
    return found
