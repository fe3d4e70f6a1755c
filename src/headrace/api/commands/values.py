"""Kinds of value that request bodies hold, each with its rule and a sentence for what breaks it.

What is here: e-mail addresses, phone numbers, countries, zones, places, moments, currencies. What is not: whole bodies.
Our choice: an address needs one "@" and a dot after it, a phone number a country's code and as many digits as numbers
of that country have; a mail or a message is what proves them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from datetime import time as day_time
from functools import lru_cache
from typing import Annotated, Any

import phonenumbers
from pydantic import (
    AfterValidator,
    PlainValidator,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
)

from headrace.api.commands.countries import is_country
from headrace.flows.schedule import read_zone
from headrace.jsonapi.filter_words import read_moment

_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
_PHONE = re.compile(r"\+[0-9][0-9 ().-]{5,38}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def email_of(text: str) -> str:
    """Return an e-mail address without blanks around it; raises `ValueError` with the rule that it breaks."""
    text = text.strip()
    if len(text) > 254 or not _EMAIL.fullmatch(text) or ".." in text:
        raise ValueError("it must be an e-mail address, like sarah@example.com")
    return text


@lru_cache(4096)
def e164(text: str) -> str:
    """Return a phone number as E.164 writes it; raises `ValueError` with the rule that a text breaks.

    Spaces, dots, hyphens and parentheses are passed over. Source: reference 4.4.
    """
    text = text.strip()
    if not _PHONE.fullmatch(text):
        raise ValueError("it must be a phone number in E.164 form, with + and the country's code, like +15005550006")
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise ValueError("no country has the code that it begins with; phone numbers look like +15005550006") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError(
            f"numbers that begin with +{number.country_code} do not have its length; "
            "it must be a phone number in E.164 form, like +15005550006"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _country(text: str) -> str:
    if text.strip() and not is_country(text):
        raise ValueError("it must be a country: a code of ISO 3166, like US or USA, or its name in English")
    return text


@lru_cache(1024)
def _zone(text: str) -> str:
    if text and read_zone(text) is None:
        raise ValueError("it must be a time zone of the IANA database, like America/New_York")
    return text


def currency_of(text: str) -> str:
    """Return a currency's code; raises `ValueError` with the rule that it breaks."""
    if not _CURRENCY.fullmatch(text):
        raise ValueError("it must be an ISO 4217 code of three capital letters, like USD")
    return text


def moment_of(value: Any) -> datetime:
    """Return the moment that a text writes, in UTC; raises `ValueError` with the rule that it breaks."""
    if not isinstance(value, str):
        raise ValueError("it must be text: an RFC 3339 date, like 2026-07-15T20:24:32Z")
    read = read_moment(value.strip())
    if isinstance(read, datetime):
        try:
            return read.astimezone(UTC)
        except OverflowError:
            raise ValueError("it lies outside the years 1 to 9999") from None
    if isinstance(read, date):
        return datetime.combine(read, day_time(), UTC)
    raise ValueError("it must be an RFC 3339 date, like 2026-07-15T20:24:32Z")


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("it must be a number, without quotes")
    return value


def _coordinate(most: int) -> Callable[[Any], str | int | float]:
    def check(value: Any) -> str | int | float:
        if isinstance(value, str) and not value.strip():
            return value
        if isinstance(value, bool) or not isinstance(value, str | int | float) or not _within(value, most):
            raise ValueError(f"it must be a number from -{most} to {most}, or a text that holds one")
        return value

    return check


def _within(value: str | int | float, most: int) -> bool:
    try:
        number = float(value) if len(str(value)) <= 255 else math.inf
    except ValueError:
        return False
    return -most <= number <= most


Email = Annotated[str, AfterValidator(email_of)]
Phone = Annotated[str, AfterValidator(e164)]
Currency = Annotated[str, AfterValidator(currency_of)]
Moment = Annotated[datetime, PlainValidator(moment_of), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment, written as text; without an offset it is UTC."""
ShortText = Annotated[str, StringConstraints(max_length=255)]
Text = Annotated[str, StringConstraints(max_length=2048)]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
_PLACE = WithJsonSchema({"type": ["string", "number"], "maxLength": 255})
Latitude = Annotated[str | int | float, PlainValidator(_coordinate(90)), _PLACE]
Longitude = Annotated[str | int | float, PlainValidator(_coordinate(180)), _PLACE]
Country = Annotated[Text, AfterValidator(_country)]
Zone = Annotated[ShortText, AfterValidator(_zone)]
Flag = StrictBool
Properties = dict[str, Any]
