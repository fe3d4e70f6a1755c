"""Kinds of value that request bodies hold, each with its rule and a sentence for what breaks it.

What is here: e-mail addresses, phone numbers, moments, currencies. What is not: whole bodies. Our choice: an address
needs one "@" and a dot after it, a phone number the shape of E.164; a mail or a message is what proves them.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from datetime import time as day_time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    PlainValidator,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
)

from headrace.jsonapi.filter_words import read_moment

_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def _email(text: str) -> str:
    text = text.strip()
    if len(text) > 254 or not _EMAIL.fullmatch(text) or ".." in text:
        raise ValueError("it must be an e-mail address, like sarah@example.com")
    return text


def _phone(text: str) -> str:
    text = text.strip()
    if not _PHONE.fullmatch(text):
        raise ValueError("it must be a phone number in E.164 form, like +15005550006")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise ValueError("it must be an ISO 4217 code of three capital letters, like USD")
    return text


def _moment(value: Any) -> datetime:
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


def _coordinate(value: Any) -> str | int | float:
    if isinstance(value, str) and len(value) <= 255:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("it must be a number, or a short text that holds one")
    return value


Email = Annotated[str, AfterValidator(_email)]
Phone = Annotated[str, AfterValidator(_phone)]
Currency = Annotated[str, AfterValidator(_currency)]
Moment = Annotated[datetime, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment, written as text; without an offset it is UTC."""
ShortText = Annotated[str, StringConstraints(max_length=255)]
Text = Annotated[str, StringConstraints(max_length=2048)]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Coordinate = Annotated[
    str | int | float, PlainValidator(_coordinate), WithJsonSchema({"type": ["string", "number"], "maxLength": 255})
]
Flag = StrictBool
Properties = dict[str, Any]
