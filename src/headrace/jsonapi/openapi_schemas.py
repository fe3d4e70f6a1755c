"""Python types as the components of our OpenAPI document.

What is here: the JSON schemas of models and other types, all worked out together, and the names that they get. What is
not: what an answer looks like (`openapi_answers`). A name depends on the types alone, never on their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"

_LEFT_OUT = frozenset(
    ("Annotated", "Any", "ConditionModel", "Literal", "None", "NoneType", "OneOf", "WithJsonSchema")
) | {"dict", "list", "str"}


class Models:
    """The schemas of types: `schema` gives that of one type, `components` those of all models within them."""

    __slots__ = ("_schemas", "components")

    def __init__(self, kinds: Iterable[Any], names: Mapping[int, str]) -> None:
        """Work out the schemas of `kinds`; `names` gives models names of their own, by the model's identity."""
        unique = {id(kind): kind for kind in kinds}
        adapters = [(key, "validation", TypeAdapter(kind)) for key, kind in unique.items()]
        found, whole = TypeAdapter.json_schemas(adapters, ref_template=PREFIX + "{model}")  # type: ignore[arg-type]
        schemas = {key: found[key, "validation"] for key in unique}
        definitions = whole.get("$defs", {})
        wanted = {_target(schemas[key]): name for key, name in names.items()}
        renamed = _renamed(definitions, {old: name for old, name in wanted.items() if old in definitions})
        self.components: Schema = {renamed[name]: _rewritten(one, renamed) for name, one in definitions.items()}
        self._schemas = {key: _rewritten(one, renamed) for key, one in schemas.items()}

    def schema(self, kind: Any) -> Schema:
        """Return the schema of one of the types: a reference where it is a model."""
        return dict(self._schemas[id(kind)])


def is_model(kind: Any) -> bool:
    """Return whether a type is a pydantic model."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def reference(name: str) -> Schema:
    """Return the reference to a component."""
    return {"$ref": f"{PREFIX}{name}"}


def camel(text: str) -> str:
    """Return words, whatever stands between them, written as one: `flow-values_report` is FlowValuesReport."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text))


def used(schemas: Schema, paths: Any) -> Schema:
    """Return the schemas that paths, or schemas that they use, refer to, by name in order."""
    found: set[str] = set()
    fresh = _referred(paths)
    while fresh:
        found |= fresh
        fresh = {name for one in fresh for name in _referred(schemas[one])} - found
    return {name: schemas[name] for name in sorted(found)}


def _referred(value: Any) -> set[str]:
    """Return the names of the schemas that a part of the description refers to."""
    if isinstance(value, list):
        return {name for one in value for name in _referred(one)}
    if not isinstance(value, Mapping):
        return set()
    own = value.get("$ref")
    named = {own.removeprefix(PREFIX)} if isinstance(own, str) and own.startswith(PREFIX) else set()
    return named.union(*(_referred(below) for below in value.values()))


def _target(schema: Schema) -> str:
    return str(schema.get("$ref", "")).removeprefix(PREFIX)


def _renamed(definitions: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the name of each of pydantic's definitions; those that would clash are numbered."""
    names, taken = dict(chosen), set(chosen.values())
    for old in sorted(definitions):
        if old in names:
            continue
        base = name = _short(old)
        number = 1
        while name in taken:
            number += 1
            name = f"{base}{number}"
        names[old] = name
        taken.add(name)
    return names


def _short(name: str) -> str:
    """Return pydantic's name of a definition without the punctuation of generics; modules keep their last word."""
    plain = re.sub(r"headrace__(?:(?:(?!__)[a-z0-9_])+__)*?((?:(?!__)[a-z0-9_])+)__(?=[A-Z])", r"\1_", name)
    words = [word for word in re.split(r"[^A-Za-z0-9]+", plain.replace("_", " ")) if word not in _LEFT_OUT]
    return "".join(word[:1].upper() + word[1:] for word in words) or "Value"


def _rewritten(value: Any, names: Mapping[str, str]) -> Any:
    """Return a schema with the names given; titles, after which generators of clients would name things, are left out.

    What a tag tells apart is described by "anyOf": several members may admit what the tag alone separates.
    """
    if isinstance(value, list):
        return [_rewritten(one, names) for one in value]
    if not isinstance(value, Mapping):
        return value
    found = {
        "anyOf" if key == "oneOf" else key: _rewritten(below, names)
        for key, below in value.items()
        if key != "title" or not isinstance(below, str)
    }
    if isinstance(value.get("$ref"), str):
        found["$ref"] = PREFIX + names[value["$ref"].removeprefix(PREFIX)]
    discriminator = value.get("discriminator")
    if isinstance(discriminator, Mapping) and "mapping" in discriminator:
        mapping = {tag: PREFIX + names[one.removeprefix(PREFIX)] for tag, one in discriminator["mapping"].items()}
        found["discriminator"] = {**discriminator, "mapping": mapping}
    return found
