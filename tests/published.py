"""Values against the published API descriptions, where those are at hand.

What is here: finding the descriptions and the operation that a request names, and comparing a value with a schema:
types, required members, enums, nulls, moments, and (when asked) members that the schema does not have. What is not:
which answers are compared (`held_answers`), the rows of operations (`conformance/spec_rows`).

Our own comparison instead of a general validator, because its answer is the path of the mistake within the alternative
that was meant, because the descriptions write nulls the way OpenAPI 3.0 does, and because the descriptions allow
further members everywhere, where an older revision that shows what came later is just what must be found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "shared" / "spec"
REVISIONS = ("2024-02-15", "2026-04-15", "2026-07-15")
"""The revisions of which descriptions are published."""
LATEST = REVISIONS[-1]
METHODS = ("get", "post", "patch", "put", "delete")

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}

Schema = Mapping[str, Any]


@lru_cache
def description(revision: str) -> Any:
    """Return the published description of a revision, None where it is not at hand."""
    path = FOLDER / f"openapi-{revision}.json"
    return json.loads(path.read_text()) if path.exists() else None


@lru_cache
def _patterns(revision: str) -> list[tuple[re.Pattern[str], str, frozenset[str]]]:
    """Return each path of a description as a pattern, with its methods; plain paths come first."""
    paths = sorted(description(revision)["paths"].items(), key=lambda item: item[0].count("{"))
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path.rstrip("/")) + "/?"), path, frozenset(each))
        for path, each in paths
    ]


@lru_cache(4096)
def path_of(revision: str, method: str, address: str) -> str | None:
    """Return the described path that a request's path stands for, None where there is none with this method."""
    found = (
        path
        for pattern, path, methods in _patterns(revision)
        if method.lower() in methods and pattern.fullmatch(address)
    )
    return next(found, None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How values of one description are compared.

    `strict` finds members that a schema does not have; `sparse` forgives attributes that are missing, because only
    some were asked for.
    """

    schemas: Mapping[str, Schema]
    strict: bool = False
    sparse: bool = False

    def mistakes(self, value: Any, schema: Schema, at: str = "") -> list[str]:
        """Return where a value differs from a schema."""
        return list(self._mistakes(value, schema, at, strict=self.strict))

    def _resolved(self, schema: Schema) -> Schema:
        """Return a schema itself, not a reference to it, with all that it is made of put together."""
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        for each in schema.get("allOf", ()):
            schema = _together(schema, self._resolved(each))
        return schema

    def _mistakes(self, value: Any, schema: Schema, at: str, *, strict: bool) -> Iterator[str]:
        if value is None and schema.get("nullable"):
            return
        schema = self._resolved(schema)
        if value is None:
            if schema and not self._nullable(schema, at):
                yield f"{at} is null"
            return
        for name in ("oneOf", "anyOf"):
            if name in schema:
                yield from self._nearest(value, schema[name], at, strict=strict)
        yield from self._of_type(value, schema, at)
        if isinstance(value, dict):
            if strict and "properties" in schema:
                yield from (f"{at}/{name} is not known" for name in value if name not in schema["properties"])
            yield from self._members(value, schema, at, strict=strict)
        elif isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                yield from self._mistakes(item, schema["items"], f"{at}/{index}", strict=strict)

    def _nullable(self, schema: Schema, at: str) -> bool:
        # Clients demand links.next and links.prev to be there and null where there is no page (reference 7.8).
        if schema.get("nullable") or at.endswith(("/links/next", "/links/prev")):
            return True
        return any(self._nullable(self._resolved(each), at) for each in schema.get("oneOf", ()))

    def _nearest(self, value: Any, alternatives: list[Schema], at: str, *, strict: bool) -> list[str]:
        nearest: list[str] | None = None
        for each in alternatives:
            found = list(self._mistakes(value, each, at, strict=strict))
            if not found:
                return []
            if nearest is None or _weight(found, at) < _weight(nearest, at):
                nearest = found
        return nearest or []

    def _of_type(self, value: Any, schema: Schema, at: str) -> Iterator[str]:
        expected = schema.get("type")
        if expected and (
            not isinstance(value, _TYPES[expected]) or (isinstance(value, bool) and expected != "boolean")
        ):
            yield f"{at} is {value!r:.80}, not of type {expected}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{at} is {value!r:.80}, not one of {schema['enum']!s:.200}"
        elif schema.get("format") == "date-time" and not _is_moment(value):
            yield f"{at} is {value!r:.80}, not a moment"

    def _members(self, value: Mapping[str, Any], schema: Schema, at: str, *, strict: bool) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in value and not self._may_lack(name, at):
                yield f"{at}/{name} is missing"
        for name, below in schema.get("properties", {}).items():
            if name in value:
                yield from self._mistakes(value[name], below, f"{at}/{name}", strict=strict)

    def _may_lack(self, name: str, at: str) -> bool:
        """Tell whether a required member may be missing here."""
        if self.sparse and "/attributes" in at:
            return True
        # The oldest description demands the linkage of every relationship, which the service shows on request.
        return name == "data" and at.split("/")[-2:-1] == ["relationships"]


def _together(one: Schema, other: Schema) -> Schema:
    """Return a schema of all that two ask for: the members of both, and of a member that both have the same again."""
    properties = dict(one.get("properties", {}))
    for name, below in other.get("properties", {}).items():
        properties[name] = {"allOf": [properties[name], below]} if name in properties else below
    required = [*one.get("required", ()), *other.get("required", ())]
    rest = {name: each for name, each in one.items() if name != "allOf"}
    return {**other, **rest, "required": required, **({"properties": properties} if properties else {})}


def _weight(mistakes: list[str], at: str) -> tuple[bool, int]:
    """Return how far off an alternative is: one of another type is further off than any of the same."""
    return any(one.startswith((f"{at}/type is ", f"{at} is ")) for one in mistakes), len(mistakes)


def _is_moment(value: Any) -> bool:
    try:
        return "T" in value and datetime.fromisoformat(value) is not None
    except ValueError:
        return False
