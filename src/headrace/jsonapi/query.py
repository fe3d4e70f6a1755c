"""What a query string asks for, checked against one operation's row.

What is here: the parts of a row that speak of the query (`Page`, `Sortable`, `Parameter`), the parsed `Query`, and the
parser. What is not: the filter language (`filters`, `filter_rules`) and cursors (`cursor`). Whatever the operation does
not offer is a problem that names the parameter, the value and what is allowed; several mistakes give several problems.
Follows reference 7.6 and 7.8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement

from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.context import EMPTY
from headrace.jsonapi.cursor import Cursor, binding, read_cursor
from headrace.jsonapi.filter_rules import BOUNDS, check_filter, listed
from headrace.jsonapi.filters import Filter, parse_filter, print_filter

if TYPE_CHECKING:
    from headrace.jsonapi.operation import Operation
    from headrace.jsonapi.resource import Resources

Pairs = Sequence[tuple[str, str]]

_FIELDS = re.compile(r"(fields|additional-fields)\[([^\[\]]*)\]")
MAX_NAMES = 500
"""Names of one list, such as `include` or `fields[...]`. Our choice: more than any resource has."""
MAX_SHOWN = 100
"""Letters of a name or value that a message repeats."""
PLAIN = ("filter", "sort", "include", "page[cursor]", "page[size]")


@dataclass(frozen=True, slots=True)
class Page:
    """The page sizes of a list; a `fixed` size cannot be asked for. Source: reference 7.6."""

    default: int = 50
    maximum: int = 50
    minimum: int = 1
    fixed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Sortable:
    """One sort key and its column; `dated` marks a date that filters may bound."""

    column: ColumnElement[Any]
    dated: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A plain query parameter of one operation, such as the reports' `page_cursor`."""

    name: str
    description: str = ""
    required: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A checked query string.

    `filter` holds stored values (see `Filterable.convert`). `sort` is the key in force, None for the id; `fields` and
    `additional` are the names asked for by type. `size` is None in an unpaged list. `pairs` are the parameters as they
    came, for links; `bound_to` is what cursors of this list are bound to.
    """

    filter: Filter = ()
    sort: str | None = None
    descending: bool = False
    include: tuple[str, ...] | None = None
    fields: Mapping[str, frozenset[str]] = field(default_factory=lambda: EMPTY)
    additional: Mapping[str, frozenset[str]] = field(default_factory=lambda: EMPTY)
    cursor: Cursor | None = None
    size: int | None = None
    parameters: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    pairs: Pairs = ()
    bound_to: str = ""


def asks_nothing(operation: Operation, pairs: Pairs) -> bool:
    """Return whether a query string is empty and its operation has no default that could stand in for a parameter.

    Then `Query()` is the answer, and posting events need not look for parameters that it does not have.
    """
    required = any(one.required for one in operation.parameters)
    return not (pairs or operation.page or operation.default_sort or required)


def parse_query(
    operation: Operation, resources: Resources, pairs: Pairs, *, path: str = "", now: datetime | None = None
) -> Query:
    """Return what a query string asks of an operation.

    `pairs` are its decoded names and values in order; `path` is the list's own path, to which cursors are bound.
    Raises `Problems` with one problem per mistake. A parameter given twice is joined where it is a list, and a mistake
    elsewhere unless the values agree.
    """
    return _Reading(operation, resources, pairs, path, now).query()


class _Reading:
    """The state of reading one query string: what is left to read and the problems found so far."""

    def __init__(
        self, operation: Operation, resources: Resources, pairs: Pairs, path: str, now: datetime | None
    ) -> None:
        self._operation = operation
        self._resources = resources
        self._pairs = pairs
        self._path = path
        self._now = now
        self._problems: list[Problem] = []
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def query(self) -> Query:
        """Return the query, or raise `Problems`."""
        self._refuse_unknown()
        parsed, filter_text = self._filter()
        sort, descending = self._sort(parsed)
        bound_to = binding(self._path, filter_text, f"{'-' if descending else ''}{sort or 'id'}")
        query = Query(
            filter=parsed,
            sort=sort,
            descending=descending,
            include=self._include(),
            fields=self._by_type("fields", self._field_names),
            additional=self._by_type("additional-fields", self._additional_names),
            cursor=self._cursor(bound_to),
            size=self._size(),
            parameters=self._plain_parameters(),
            pairs=tuple(self._pairs),
            bound_to=bound_to,
        )
        if self._problems:
            raise Problems(self._problems)
        return query

    def _refuse(self, parameter: str, detail: str) -> None:
        self._problems.append(Invalid(detail, parameter=parameter[:MAX_SHOWN]))

    def _refuse_unknown(self) -> None:
        offered = offered_parameters(self._operation)
        for name in list(self._values):
            if "\x00" in name or any("\x00" in value for value in self._values[name]):
                self._refuse(name.replace("\x00", "\\u0000"), "A query parameter must not contain a NUL character.")
                del self._values[name]
            elif name not in offered:
                self._refuse(
                    name, f'"{name[:MAX_SHOWN]}" is not a query parameter here; allowed parameters: {listed(offered)}.'
                )

    def _single(self, name: str) -> str | None:
        """Return the value of a parameter that is given at most once, or None when it is absent or empty."""
        values = list(dict.fromkeys(self._values.get(name, ())))
        if len(values) > 1:
            self._refuse(name, f'"{name}" is given {len(values)} times with different values; give it once.')
        return values[0] if values and values[0].strip() else None

    def _offers(self, name: str) -> bool:
        return name in offered_parameters(self._operation)

    def _names(self, name: str) -> list[str]:
        """Return the comma-separated names of a parameter, blanks dropped, each once."""
        parts = (part.strip() for value in self._values.get(name, ()) for part in value.split(","))
        found = list(dict.fromkeys(part for part in parts if part))
        if len(found) > MAX_NAMES:
            self._refuse(name, f'"{name}" has {len(found)} names; at most {MAX_NAMES} are allowed.')
        return found[:MAX_NAMES]

    def _filter(self) -> tuple[Filter, str]:
        texts = [text for text in self._values.get("filter", ()) if text.strip()]
        if not texts or not self._offers("filter"):
            return (), ""
        try:
            parsed = parse_filter(",".join(texts))
        except Invalid as problem:
            self._problems.append(problem)
            return (), ""
        checked, problems = check_filter(parsed, self._operation.filters, now=self._now)
        self._problems += problems
        return checked, print_filter(parsed)

    def _sort(self, parsed: Filter) -> tuple[str | None, bool]:
        asked = self._single("sort") if self._offers("sort") else None
        text = (asked or self._operation.default_sort or "").strip()
        key, descending = text.removeprefix("-"), text.startswith("-")
        if asked is not None:
            self._check_sort(key, text, parsed)
        return (key if key in self._operation.sorts else None), descending

    def _check_sort(self, key: str, text: str, parsed: Filter) -> None:
        sorts = self._operation.sorts
        if key not in sorts:
            self._refuse(
                "sort", f'"{text[:MAX_SHOWN]}" is not a sort key here; allowed keys: {listed(_signed(sorts))}.'
            )
            return
        dates = {one.field for one in parsed if self._bounds_date(one.field, one.operator)}
        if dates - {key}:
            bound = " and ".join(f'"{name}"' for name in sorted(dates))
            self._refuse(
                "sort",
                f'The list is filtered by the date {bound} and sorted by "{key}"; '
                "the sort field must be that date field too, or be omitted.",
            )

    def _bounds_date(self, name: str, operator: str) -> bool:
        rule = self._operation.filters[name]
        dated = name in self._operation.sorts and self._operation.sorts[name].dated
        return operator in BOUNDS and (rule.kind == "datetime" or dated)

    def _include(self) -> tuple[str, ...] | None:
        if "include" not in self._values or not self._offers("include"):
            return None
        aliases, allowed = self._operation.include_aliases, self._operation.includes
        asked = dict.fromkeys(aliases.get(name, name) for name in self._names("include"))
        for name in asked:
            if name not in allowed:
                told = f'"{name[:MAX_SHOWN]}" cannot be included here; allowed: {listed(sorted(allowed))}.'
                self._refuse("include", told)
        return tuple(asked) or None

    def _by_type(self, kind: str, allowed: Callable[[str], frozenset[str]]) -> Mapping[str, frozenset[str]]:
        """Return the names that `fields[...]` or `additional-fields[...]` ask for, by type."""
        found: dict[str, frozenset[str]] = {}
        for parameter in self._values:
            match = _FIELDS.fullmatch(parameter)
            if match is None or match[1] != kind or not self._offers(parameter):
                continue
            names = frozenset(self._names(parameter))
            legal = allowed(match[2])
            for name in sorted(names - legal):
                told = f'"{name[:MAX_SHOWN]}" is not a field that {parameter} offers; allowed: {listed(sorted(legal))}.'
                self._refuse(parameter, told)
            found[match[2]] = names
        return found

    def _field_names(self, type_name: str) -> frozenset[str]:
        own = self._operation.resource
        resource = own if own is not None and own.type == type_name else self._resources[type_name]
        return resource.field_names(self._operation.additional.get(type_name, ()))

    def _additional_names(self, type_name: str) -> frozenset[str]:
        return frozenset(self._operation.additional.get(type_name, ()))

    def _cursor(self, bound_to: str) -> Cursor | None:
        text = self._single("page[cursor]") if self._offers("page[cursor]") else None
        if text is None or self._problems:
            return None
        try:
            return read_cursor(text, bound_to)
        except Invalid as problem:
            self._problems.append(problem)
            return None

    def _size(self) -> int | None:
        page = self._operation.page
        if page is None:
            return None
        text = self._single("page[size]")
        if text is None:
            return page.default
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text.strip()) else None
        if number is None or not page.minimum <= number <= page.maximum:
            self._refuse(
                "page[size]",
                f'page[size] is "{text[:80]}"; it must be a whole number from {page.minimum} to {page.maximum}.',
            )
            return page.default
        return number

    def _plain_parameters(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for one in self._operation.parameters:
            value = self._single(one.name)
            if value is None:
                if one.required:
                    self._refuse(one.name, f'The query parameter "{one.name}" is required.')
                continue
            if one.values and value not in one.values:
                self._refuse(one.name, f'"{one.name}" is "{value[:80]}"; it must be one of {listed(one.values)}.')
            found[one.name] = value
        return found


def offered_parameters(operation: Operation) -> tuple[str, ...]:
    """Return the names of every query parameter that an operation takes, in the order in which they are documented."""
    names: list[str] = [f"additional-fields[{one}]" for one in operation.additional]
    names += [f"fields[{one}]" for one in operation.sparse]
    names += ["filter"] if operation.filters else []
    names += ["include"] if operation.includes else []
    names += ["page[cursor]"] if operation.page else []
    names += ["page[size]"] if operation.page and not operation.page.fixed else []
    names += ["sort"] if operation.sorts else []
    return (*names, *(one.name for one in operation.parameters))


def _signed(names: Iterable[str]) -> list[str]:
    return [signed for name in sorted(names) for signed in (name, f"-{name}")]
