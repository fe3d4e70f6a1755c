"""The words of the filter language: tokens, quoting, and what a bare word means.

What is here: splitting a filter into tokens, and numbers, dates, true, false and null. What is not: how tokens combine
(`filters`). Follows reference 7.6 and 7.8.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

_WORD = re.compile(r"[^\s,()\[\]\"'](?:[^,()\[\]\"']*[^\s,()\[\]\"'])?")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(?:([Zz])|([-+ ]?)(\d{2}):?(\d{2}))?", re.ASCII
)
_MARKS = "(),[]"
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a filter: `kind` is word, text (quoted), end, or the mark itself; `at` counts from 0."""

    kind: str
    text: str
    at: int

    @property
    def shown(self) -> str:
        """Return the token as an error message names it."""
        return "the end" if self.kind == "end" else quote(self.text) if self.kind == "text" else f'"{self.text}"'


def tokens(text: str) -> tuple[list[Token], int | None]:
    """Return the tokens of a filter, the last of kind `end`, and where a quote opens that is never closed, or None."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        mark = text[at]
        if mark.isspace():
            at += 1
        elif mark in _MARKS:
            found.append(Token(mark, mark, at))
            at += 1
        elif mark in "\"'":
            value, end = _unquote(text, at)
            if end is None:
                return found, at
            found.append(Token("text", value, at))
            at = end
        else:
            word = _WORD.match(text, at)
            found.append(Token("word", word[0] if word else mark, at))
            at = word.end() if word else at + 1
    found.append(Token("end", "", len(text)))
    return found, None


def _unquote(text: str, start: int) -> tuple[str, int | None]:
    """Return the quoted text that opens at `start` and where it ends; None when it does not end.

    A backslash escapes a quote of either kind and itself; before anything else it stands for itself.
    """
    mark, at = text[start], start + 1
    parts: list[str] = []
    while at < len(text):
        letter = text[at]
        if letter == mark:
            return "".join(parts), at + 1
        if letter == "\\" and text[at + 1 : at + 2] in ("\\", '"', "'"):
            at += 1
            letter = text[at]
        parts.append(letter)
        at += 1
    return "", None


def quote(text: str) -> str:
    """Return `text` in double quotes, quotes and backslashes escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read_word(word: str) -> int | float | bool | datetime | date | None:
    """Return what a bare word stands for; raises `ValueError` with a sentence for anything else.

    A date with a time is an aware datetime in its own offset, UTC when it has none; a day alone is a `date`.
    """
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if _NUMBER.fullmatch(word):
        return _number(word)
    moment = read_moment(word)
    if moment is None:
        raise ValueError(f"{quote(word)} is not a number, a date, true, false or null; text needs quotes")
    return moment


def _number(word: str) -> int | float:
    if len(word) > 40:
        raise ValueError(f'"{word[:40]}..." is too long for a number')
    if word.lstrip("+-").isdigit():
        return int(word)
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f'"{word}" is too large for a number')
    return number


def read_moment(text: str) -> datetime | date | None:
    """Return the moment or day that `text` writes, or None when it writes none.

    Taken are `Z`, `+00:00`, `+0000`, a space where a query string had an unescaped `+`, and no offset, which is UTC.
    Raises `ValueError` for a date that looks right and does not exist. Source: reference 7.8.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        found = _MOMENT.fullmatch(text)
        if found is None:
            return None
        if found[3] == "Z" or (found[5] is not None and text[-6] in "+-"):
            return datetime.fromisoformat(text)
        clock = found[2] if len(found[2]) <= 15 else found[2][:15]
        return datetime.fromisoformat(f"{found[1]}T{clock}").replace(tzinfo=_zone(found))
    except ValueError as error:
        raise ValueError(f"{quote(text)} is not a date that exists: {error}") from None


def _zone(found: re.Match[str]) -> timezone:
    if found[5] is None:
        return UTC
    offset = timedelta(hours=int(found[5]), minutes=int(found[6]))
    return timezone(-offset if found[4] == "-" else offset)
