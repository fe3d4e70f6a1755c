"""The filter language: text to comparisons and back.

What is here: `Comparison`, the parser and the printer, which are each other's inverse. What is not: which operators a
field takes (`filter_rules`) and SQL (`clauses`). A parsed filter is a plain tuple of comparisons that must all hold, so
that code without SQL, such as a report, can use it. Follows reference 7.6 and 7.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from headrace.errors import Invalid
from headrace.jsonapi.filter_words import Token, quote, read_word, tokens

Scalar = str | int | float | bool | datetime | date | None
Value = Scalar | tuple[Scalar, ...]

OPERATORS: Final = (
    "equals",
    "less-than",
    "less-or-equal",
    "greater-than",
    "greater-or-equal",
    "contains",
    "contains-any",
    "contains-all",
    "starts-with",
    "ends-with",
    "any",
    "has",
)
MAX_LENGTH: Final = 32_768
MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 1_000
MAX_COMPARISONS: Final = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """One test of one field. `value` is a tuple for a list and None for `null` and for `has`, which takes no value."""

    operator: str
    field: str
    value: Value = None


Filter = tuple[Comparison, ...]
"""Comparisons joined by AND; empty when there is no filter."""


def parse_filter(text: str, *, parameter: str | None = "filter", pointer: str | None = None) -> Filter:
    """Return the comparisons of a filter.

    Nested `and(...)` are flattened; at most 32,768 characters, 50 comparisons, 8 levels and 1,000 items of a list.
    Raises `Invalid`, saying what is wrong and at which character; it names `parameter`, or `pointer` if that is given.

    Our choice: the limits, which the sources leave open; a page of ids fits.
    """
    try:
        return _Parser(text).filter()
    except FilterError as error:
        raise Invalid(str(error), parameter=None if pointer else parameter, pointer=pointer) from None


def print_filter(parsed: Sequence[Comparison]) -> str:
    """Return the text that parses to these comparisons."""
    written = [_print_comparison(one) for one in parsed]
    return written[0] if len(written) == 1 else f"and({','.join(written)})" if written else ""


def _print_comparison(one: Comparison) -> str:
    if one.operator == "has":
        return f"has({one.field})"
    return f"{one.operator}({one.field},{print_value(one.value)})"


def print_value(value: Value) -> str:
    """Return a value as the filter language writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case datetime() | date():
            return value.isoformat()
        case tuple():
            return f"[{','.join(print_value(item) for item in value)}]"
        case int() | float():
            return repr(value)


class FilterError(ValueError):
    """The text is not a filter; the message says what and where."""


class _Parser:
    """Reads one filter from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise FilterError(f"The filter has {len(text)} characters; at most {MAX_LENGTH} are allowed.")
        if "\x00" in text:
            raise FilterError(f"The filter has a NUL character at character {text.index(chr(0)) + 1}.")
        self._tokens, unclosed = tokens(text)
        if unclosed is not None:
            raise FilterError(f"The text that a quote opens at character {unclosed + 1} of the filter is never closed.")
        self._at = 0
        self._found: list[Comparison] = []

    def filter(self) -> Filter:
        """Return the whole filter."""
        while not self._done():
            self._term(1)
            if not self._done():
                self._separator()
        return tuple(self._found)

    def _separator(self) -> None:
        token = self._next()
        if token.kind == ")":
            raise FilterError(f'The ")" at character {token.at + 1} of the filter closes nothing.')
        if token.kind != ",":
            raise FilterError(f'Expected "," at character {token.at + 1} of the filter, found {token.shown}.')
        if self._done():
            raise FilterError(f'Nothing follows the "," at character {token.at + 1} of the filter.')

    def _term(self, depth: int) -> None:
        name = self._next()
        if name.kind != "word":
            raise FilterError(f"Expected an operator at character {name.at + 1} of the filter, found {name.shown}.")
        if name.text in ("or", "not"):
            raise FilterError(f'"{name.text}" at character {name.at + 1} of the filter is not offered; use "and".')
        if name.text != "and" and name.text not in OPERATORS:
            raise FilterError(
                f'"{name.text}" at character {name.at + 1} of the filter is not an operator; '
                f"operators are {', '.join(OPERATORS)}, and."
            )
        self._expect("(", name)
        if name.text == "and":
            self._conjunction(name, depth)
        else:
            self._comparison(name)

    def _conjunction(self, name: Token, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise FilterError(f"The filter nests more than {MAX_DEPTH} levels at character {name.at + 1}.")
        while True:
            self._term(depth + 1)
            if self._closes(name):
                return

    def _comparison(self, name: Token) -> None:
        field = self._next_in(name)
        if field.kind != "word":
            raise FilterError(f"Expected a field at character {field.at + 1} of the filter, found {field.shown}.")
        value: Value = None
        if name.text != "has":
            self._expect(",", name)
            value = self._value(name)
        if not self._closes(name):
            raise FilterError(f'Too many arguments of "{name.text}(" at character {name.at + 1} of the filter.')
        if len(self._found) >= MAX_COMPARISONS:
            raise FilterError(f"The filter has more than {MAX_COMPARISONS} comparisons.")
        self._found.append(Comparison(name.text, field.text, value))

    def _value(self, name: Token) -> Value:
        token = self._next_in(name)
        return self._list(token) if token.kind == "[" else self._scalar(token)

    def _list(self, opening: Token) -> tuple[Scalar, ...]:
        items: list[Scalar] = []
        token = self._next_in(opening)
        while token.kind != "]" or items:
            items.append(self._scalar(token))
            if len(items) > MAX_ITEMS:
                raise FilterError(f"The list at character {opening.at + 1} has more than {MAX_ITEMS} items.")
            separator = self._next_in(opening)
            if separator.kind == "]":
                break
            if separator.kind != ",":
                raise FilterError(f'Expected "," or "]" at character {separator.at + 1}, found {separator.shown}.')
            token = self._next_in(opening)
        return tuple(items)

    def _scalar(self, token: Token) -> Scalar:
        if token.kind == "text":
            return token.text
        if token.kind != "word":
            raise FilterError(f"Expected a value at character {token.at + 1} of the filter, found {token.shown}.")
        try:
            return read_word(token.text)
        except ValueError as error:
            raise FilterError(f"{error} (character {token.at + 1} of the filter).") from None

    def _closes(self, opening: Token) -> bool:
        token = self._next_in(opening)
        if token.kind not in (",", ")"):
            raise FilterError(f'Expected "," or ")" at character {token.at + 1} of the filter, found {token.shown}.')
        return token.kind == ")"

    def _expect(self, kind: str, opening: Token) -> None:
        token = self._next_in(opening) if kind != "(" else self._next()
        if token.kind != kind:
            raise FilterError(
                f'Expected "{kind}" after "{opening.text}" at character {token.at + 1} of the filter, '
                f"found {token.shown}."
            )

    def _next_in(self, opening: Token) -> Token:
        if not self._done():
            return self._next()
        bracket, closing = ("[", "]") if opening.kind == "[" else (f"{opening.text}(", ")")
        where = f"at character {opening.at + 1} of the filter"
        raise FilterError(f'Unbalanced parenthesis: "{bracket}" {where} has no closing "{closing}".')

    def _next(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _done(self) -> bool:
        return self._tokens[self._at].kind == "end"
