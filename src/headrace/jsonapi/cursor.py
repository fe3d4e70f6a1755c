"""Cursors: where a page begins, as text of URL-safe letters that says nothing to its reader.

What is here: writing and reading cursors. What is not: the clause that a cursor becomes (`clauses.after`). A cursor
holds the sort value and id of a row, not a position, so that it survives inserts and deletes between pages; it holds
a digest of the list it was made for (path, filter and sort) and is refused elsewhere. Follows reference 7.6 and 7.8.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import orjson
from sqlalchemy import types as sqltypes
from sqlalchemy.types import TypeEngine

from headrace.errors import Invalid

VERSION = 1
MAX_CURSOR = 4096
MAX_DIGITS = 60
PARAMETER = "page[cursor]"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row that a page begins after, or, when `backward`, ends before."""

    value: Any
    key: Any
    backward: bool = False


def binding(path: str, filter_text: str, sort: str) -> str:
    """Return the digest of the list that a cursor belongs to."""
    return hashlib.blake2b("\n".join((path, filter_text, sort)).encode(), digest_size=6).hexdigest()


def write_cursor(cursor: Cursor, bound_to: str) -> str:
    """Return a cursor as URL-safe letters, digits, `-` and `_`."""
    payload = orjson.dumps([VERSION, bound_to, int(cursor.backward), _tagged(cursor.value), _tagged(cursor.key)])
    return base64.urlsafe_b64encode(_checksum(payload) + payload).decode().rstrip("=")


def read_cursor(text: str, bound_to: str, parameter: str = PARAMETER) -> Cursor:
    """Return the cursor that `text` writes; raises `Invalid` for one that is garbled, foreign or of an old form.

    A leading `=` and a whole link holding the cursor are met kindly. Source: reference 7.8.
    """
    parts = _parts(_bare(text, parameter))
    if parts is None:
        raise garbled(text, parameter)
    version, bound, backward, value, key = parts
    if version != VERSION:
        raise _refused(text, parameter, "has expired; start again from the first page")
    if bound != bound_to:
        raise _refused(
            text, parameter, "belongs to a list with another path, filter or sort; start from its first page"
        )
    return Cursor(value, key, bool(backward))


def _parts(bare: str) -> tuple[Any, ...] | None:
    """Return version, binding, direction, value and key, or None for text that was never a cursor of ours."""
    try:
        if len(bare) > MAX_CURSOR:
            return None
        text = bare.rstrip("=")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if raw[:4] != _checksum(raw[4:]):
            return None
        version, bound, backward, value, key = orjson.loads(raw[4:])
        return version, bound, backward, _untagged(value), _untagged(key)
    except (ValueError, TypeError, KeyError, ArithmeticError):
        return None


def _refused(text: str, parameter: str, reason: str) -> Invalid:
    return Invalid(f'{parameter} "{_short(text)}" {reason}.', parameter=parameter)


def _bare(text: str, parameter: str) -> str:
    text = text.strip().lstrip("=")
    if not text.startswith(("https://", "http://")):
        return text
    found = parse_qs(urlsplit(text).query).get(parameter)
    if not found:
        raise Invalid(
            f'{parameter} is a link, "{_short(text)}", in which there is no {parameter}.', parameter=parameter
        )
    return found[0]


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def _checksum(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=4).digest()


def _tagged(value: Any) -> Any:
    """Return a value as JSON: what JSON cannot write becomes a pair of a letter and a text."""
    if isinstance(value, datetime):
        return ["d", value.isoformat()]
    if isinstance(value, UUID):
        return ["u", str(value)]
    if isinstance(value, Decimal):
        return ["n", str(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a cursor cannot hold {type(value).__name__}")


def _untagged(value: Any) -> Any:
    """Return what `_tagged` wrote; raises `ValueError` for what it never writes."""
    if isinstance(value, list):
        letter, text = value
        if not isinstance(text, str):
            raise ValueError("a tagged value is text")
        return _READERS[letter](text)
    if isinstance(value, dict) or (isinstance(value, str) and "\x00" in value):
        raise ValueError("a cursor holds plain values")
    return value


def _moment(text: str) -> datetime:
    """Return a moment that lies within the years 1 to 9999 wherever it is told."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1 < moment.year < 9999:
        raise ValueError("a cursor's moments have an offset")
    return moment


def _decimal(text: str) -> Decimal:
    """Return a number that can be written out: a database would write 1E+999999 out, too."""
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError("a cursor's numbers are finite")
    return number


_READERS: Mapping[str, Callable[[str], Any]] = {
    "d": _moment,
    "u": UUID,
    "n": _decimal,
}


def fits(value: Any, kind: TypeEngine[Any]) -> bool:
    """Tell whether a cursor's value is one that a column of some type may have, so that the database can compare it.

    Cursors are not signed: whoever forges one gets to see another page of a list that is theirs anyway.
    """
    match kind:
        case sqltypes.Uuid():
            return isinstance(value, UUID)
        case sqltypes.DateTime():
            return isinstance(value, datetime)
        case sqltypes.Boolean():
            return isinstance(value, bool)
        case sqltypes.Integer():
            most = _BITS.get(type(kind).__name__, 31)
            return isinstance(value, int) and not isinstance(value, bool) and -(1 << most) <= value < 1 << most
        case sqltypes.Numeric():
            return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        case _:
            return isinstance(value, str)


_BITS = {"SmallInteger": 15, "SMALLINT": 15, "BigInteger": 63, "BIGINT": 63}


def texts_of(cursor: Cursor, text: str, parameter: str = PARAMETER) -> str | list[str]:
    """Return the text, or the list of texts, that a cursor's key holds as JSON; raises `Invalid` for any other."""
    with suppress(ValueError, TypeError):
        found = orjson.loads(cursor.key)
        if isinstance(found, str) or (isinstance(found, list) and all(isinstance(one, str) for one in found)):
            plain: str | list[str] = found
            if not any("\x00" in one for one in plain):
                return plain
    raise garbled(text, parameter)


def garbled(text: str, parameter: str = PARAMETER) -> Invalid:
    """Return the problem of a text that is no cursor of ours."""
    return _refused(text, parameter, "is not a cursor; use one from links.next or links.prev")
