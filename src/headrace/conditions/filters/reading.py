"""How a value of unknown type is read as text, alike in Python and in the database.

Our choice: numbers are compared by their shortest plain decimal spelling (1.50 is `1.5`, 1e3 is `1000`), booleans are
`true` and `false`, lists and objects have no text. Only ASCII blanks are trimmed and only ASCII letters folded, so that
no locale has a say.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.conditions.parsing import BLANKS

_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def as_text(value: Any) -> str | None:
    """Return a scalar's spelling, None for what has none."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _plain(Decimal(repr(value)))
        case Decimal():
            return _plain(value)
        case _:
            return None


def fold(text: str) -> str:
    """Return a text without blanks around it, its ASCII letters small."""
    return text.strip(BLANKS).translate(_LOWER)


def _plain(number: Decimal) -> str:
    if not number:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
