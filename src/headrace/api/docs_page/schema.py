"""A schema as nested lists, and as an example.

What is here: what each member is called, its type, whether it must be there, and what it means; and a value that a
schema admits. What is not: the pages around them. A schema that is deep inside, or one of many, is linked to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from headrace.api.docs_page.html import address, code, codes, element, inline, link, text
from headrace.api.docs_page.samples import PERSON, VALUES

Schema = Mapping[str, Any]
DEEPEST = 3
"""Schemas within schemas that are unfolded where they stand."""
MOST_CHOICES = 3
MOST_VALUES = 12
EXAMPLES: Mapping[str, Any] = {
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "null": None,
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "ann@example.com",
    "binary": "(a file)",
}


class Schemas:
    """The components of a description, by which references are followed."""

    def __init__(self, document: Any) -> None:
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self._revision = document["info"]["version"]

    def tree(self, schema: Schema, depth: int = 0) -> str:
        """Return a schema's members as a list, or its type where it has none."""
        name, found = self._followed(schema)
        if name and depth > DEEPEST:
            return self._linked(name)
        parts = [element("p", inline(found["description"]))] if depth == 0 and "description" in found else []
        return "".join(parts) + self._members(found, depth)

    def _members(self, schema: Schema, depth: int) -> str:
        if "properties" in schema:
            required = schema.get("required", ())
            rows = (self._member(key, one, key in required, depth) for key, one in schema["properties"].items())
            return element("ul", *rows, class_="members")
        if schema.get("type") == "array" and schema.get("items"):
            return self.tree(schema["items"], depth)
        choices = _choices(schema)
        if len(choices) == 1:
            return self.tree(choices[0], depth)
        if choices and self._unfolds(choices):
            rows = (element("li", self._choice(one, depth)) for one in choices if self._inside(one))
            return element("ul", *rows, class_="choices")
        return "" if depth else element("p", self.type_of(schema))

    def _choice(self, schema: Schema, depth: int) -> str:
        return f"{self.type_of(schema)}{self._folded(schema, depth)}"

    def _member(self, name: str, schema: Schema, required: bool, depth: int) -> str:
        mark = element("span", "required", class_="required") if required else ""
        about = inline(schema["description"]) if "description" in schema else ""
        head = " ".join(one for one in (code(name), element("span", self.type_of(schema), class_="type"), mark) if one)
        return element("li", head, element("p", about) if about else "", self._folded(schema, depth))

    def _folded(self, schema: Schema, depth: int) -> str:
        """Return what is inside a member, folded; nothing where nothing is."""
        if not self._inside(schema) or depth >= DEEPEST:
            return ""
        inner = self._members(self._followed(schema)[1], depth + 1)
        folded = element("summary", "What is in it") + inner
        return element("details", folded, open="open" if depth == 0 else None) if inner else ""

    def _inside(self, schema: Schema) -> bool:
        """Return whether there is something to unfold in a schema."""
        _, found = self._followed(schema)
        if "properties" in found:
            return True
        if "items" in found:
            return self._inside(found["items"])
        choices = _choices(found)
        return self._unfolds(choices) and any(self._inside(one) for one in choices)

    def _unfolds(self, choices: Sequence[Schema]) -> bool:
        return 0 < len(choices) <= MOST_CHOICES

    def type_of(self, schema: Schema) -> str:
        """Return what a schema admits, in a few words, with links to what has a page of its own."""
        if "$ref" in schema:
            return self._linked(schema["$ref"].rpartition("/")[2])
        if "const" in schema:
            return code(repr_of(schema["const"]))
        if "enum" in schema:
            return _enumeration(schema["enum"])
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(self.type_of(one) for one in schema["anyOf"]))
        if schema.get("type") == "array":
            return f"list of {self.type_of(schema.get('items') or {})}"
        kinds = schema.get("type", "anything")
        shown = text(" or ".join(kinds) if isinstance(kinds, list) else kinds)
        return shown + _limits(schema)

    def _linked(self, name: str) -> str:
        return link(address("schemas", name, revision=self._revision), text(name))

    def _followed(self, schema: Schema) -> tuple[str, Schema]:
        """Return a schema and its name, empty for one that has none."""
        name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else ""
        return name, self._schemas[name] if name else schema

    def example(self, schema: Schema, seen: tuple[str, ...] = (), named: str = "") -> Any:
        """Return a value that a schema admits: what must be there, or all where nothing must.

        `named` is the name of the member that it is a value of.
        """
        name, found = self._followed(schema)
        if name in seen:
            return None
        inner = (*seen, name) if name else seen
        for key in ("const", "default", "example"):
            if found.get(key) is not None:
                return found[key]
        if "enum" in found:
            return found["enum"][0]
        if "anyOf" in found:
            return self.example(found["anyOf"][0], inner, named)
        if "properties" in found:
            return self._object(found, inner)
        if found.get("type") == "array":
            return [self.example(found["items"], inner, named)] if found.get("items") else []
        return _plain(found, named)

    def _object(self, found: Schema, seen: tuple[str, ...]) -> Any:
        members, asked = found["properties"], found.get("required") or list(found["properties"])
        kind = members.get("type", {}).get("const")
        if kind == PERSON["type"] and "attributes" in members and "id" not in asked:
            return PERSON
        value = {key: self.example(members[key], seen, key) for key in asked}
        if kind and isinstance(value.get("id"), str):
            value["id"] = f"{kind.upper().replace('-', '_')}_ID"
        return value


def _plain(schema: Schema, named: str) -> Any:
    kinds = schema.get("type", "object")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        return {}
    if kind in ("string", "number") and named in VALUES and "format" not in schema:
        return VALUES[named]
    return EXAMPLES.get(schema.get("format", ""), EXAMPLES.get(kind, "text"))


def _choices(schema: Schema) -> list[Schema]:
    """Return the alternatives of a schema, null left out."""
    return [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]


def _enumeration(values: Sequence[Any]) -> str:
    if len(values) <= MOST_VALUES:
        return "one of " + codes(repr_of(one) for one in values)
    listed = element("span", codes(repr_of(one) for one in values), class_="values")
    return element("details", element("summary", f"one of {len(values)} values"), listed, class_="inline")


def _limits(schema: Schema) -> str:
    names = ("format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "default")
    said = [f"{name} {code(repr_of(schema[name]))}" for name in names if schema.get(name) is not None]
    return f" ({', '.join(said)})" if said else ""


def repr_of(value: Any) -> str:
    """Return a value as a reader would write it."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
