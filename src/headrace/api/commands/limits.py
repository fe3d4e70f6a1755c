"""The limits of custom properties. Source: reference 5.4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from headrace.errors import Invalid, Problem

MAX_PROPERTIES = 400
MAX_STRING = 100 * 1024
"""Bytes of one string in UTF-8."""
MAX_ARRAY = 4000
MAX_DEPTH = 10

_SIMPLE = frozenset((bool, int, float, type(None)))
"""Types of JSON values that no limit concerns; asked first, because every event passes here."""


def surely_within(properties: Mapping[str, Any]) -> bool:
    """Return whether properties are so short, written as JSON, that they cannot break a limit.

    Asked first, because every event passes here. A property takes five bytes or more, and a level a bracket.
    """
    written = orjson.dumps(properties)
    return _is_short(written)


def written_if_short(properties: Mapping[str, Any]) -> str | None:
    """Return properties as JSON where `surely_within` holds of them, else None.

    Raises `TypeError` where they hold what JSON as it is written here cannot, such as a number of more than 64 bits.
    """
    written = orjson.dumps(properties)
    return written.decode() if _is_short(written) else None


def _is_short(written: bytes) -> bool:
    return len(written) < 5 * MAX_PROPERTIES and written.count(b"[") + written.count(b"{") <= MAX_DEPTH


def check_properties(properties: Mapping[str, Any], pointer: str) -> list[Problem]:
    """Return what is wrong with properties that stand at `pointer` in the request."""
    if len(properties) > MAX_PROPERTIES:
        return [_refused(pointer, f"There are {len(properties)} properties; at most {MAX_PROPERTIES} are allowed.")]
    problems: list[Problem] = []
    for name, value in properties.items():
        if len(name) > MAX_STRING // 4 and len(name.encode()) > MAX_STRING:
            problems.append(_refused(pointer, f"The name of a property is longer than {MAX_STRING} bytes."))
        elif type(value) not in _SIMPLE:
            _check(value, pointer, (name,), problems)
    return problems


def _check(value: Any, pointer: str, path: tuple[str, ...], problems: list[Problem]) -> None:
    if isinstance(value, str):
        if len(value) > MAX_STRING // 4 and len(value.encode()) > MAX_STRING:
            problems.append(_at(pointer, path, f"is a string of more than {MAX_STRING} bytes, the most allowed"))
    elif isinstance(value, dict | list):
        if len(path) >= MAX_DEPTH:
            problems.append(_at(pointer, path, f"nests more than {MAX_DEPTH} levels deep"))
        elif isinstance(value, dict):
            for name, below in value.items():
                if type(below) not in _SIMPLE:
                    _check(below, pointer, (*path, name), problems)
        elif len(value) > MAX_ARRAY:
            problems.append(_at(pointer, path, f"is an array of {len(value)} items; at most {MAX_ARRAY} are allowed"))
        else:
            for index, below in enumerate(value):
                if type(below) not in _SIMPLE:
                    _check(below, pointer, (*path, str(index)), problems)


def _at(pointer: str, path: tuple[str, ...], rule: str) -> Problem:
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in path)
    return _refused(f"{pointer}/{'/'.join(escaped)}", f'"{path[-1][:80]}" {rule}.')


def _refused(pointer: str, detail: str) -> Problem:
    return Invalid(detail, pointer=pointer)
