"""What the published description says of an operation, in the words of our rows, where the description is at hand.

What is here: an operation's method, path, scopes, rate limit, filters, sorts, includes, page sizes, types of sparse
fields with their names, and additional fields, from the description and from our row. What is not: answers
(`published`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.api.resources import OPERATIONS, RESOURCES
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resources
from published import description

REVISION = "2026-07-15"
_FILTER = re.compile(r"`([^`]+)`: ((?:`[\w-]+`(?:, )?)+)")
METHODS = ("get", "post", "patch", "put", "delete")
SERVED: Mapping[str, Operation] = {one.id: one for one in OPERATIONS if one.until is None}


def operations_of(*tags: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (method, path, operation) of the published operations of these tags."""
    for path, methods in description(REVISION)["paths"].items():
        for method in METHODS:
            if method in methods and set(tags) & set(methods[method]["tags"]):
                yield method.upper(), path, methods[method]


def published(method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the description says."""
    parameters = {one["name"]: one.get("schema", {}) for one in operation.get("parameters", ()) if "name" in one}
    size = parameters.get("page[size]")
    return {
        "method": method,
        "path": _plain(path),
        "tag": operation["tags"][0],
        "scopes": sorted(operation["x-klaviyo-scopes"]),
        "limit": _limit(operation["x-klaviyo-ratelimit"]),
        "filters": _filters(operation),
        "sorts": sorted({key.lstrip("-") for key in parameters.get("sort", {}).get("enum", ())}),
        "includes": sorted(_words(parameters.get("include", {}))),
        "page": (size["default"], size["minimum"], size["maximum"]) if size else None,
        "paged": "page[cursor]" in parameters,
        "additional": {name: sorted(_words(one)) for name, one in _bracketed(parameters, "additional-fields")},
        "sparse": {name: sorted(_words(one)) for name, one in _bracketed(parameters, "fields")},
    }


def ours(operation: Operation, resources: Resources | None = None) -> dict[str, Any]:
    """Return what our row says; `resources` are those of the revision that has the row, the newest without."""
    page = operation.page
    known = resources if resources is not None else {one.type: one for one in RESOURCES}
    return {
        "method": operation.method,
        "path": _plain(operation.path),
        "tag": operation.tag,
        "scopes": sorted(operation.scopes),
        "limit": (operation.tier.burst, operation.tier.steady, operation.tier.daily),
        "filters": {name: sorted(one.operators) for name, one in operation.filters.items()},
        "sorts": sorted(operation.sorts),
        "includes": sorted(operation.includes),
        "page": (page.default, page.minimum, page.maximum) if page and not page.fixed else None,
        "paged": page is not None,
        "additional": {name: sorted(each) for name, each in operation.additional.items()},
        "sparse": {name: sorted(_field_names(operation, name, known)) for name in operation.sparse},
    }


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs: name -> (published, ours); of mappings and lists only what one side lacks."""
    return {name: _apart(expected[name], found[name]) for name in expected if expected[name] != found[name]}


def _apart(expected: Any, found: Any) -> Any:
    if isinstance(expected, dict) and isinstance(found, dict):
        names = sorted(expected.keys() | found.keys())
        return {
            name: _apart(expected.get(name), found.get(name)) for name in names if expected.get(name) != found.get(name)
        }
    if isinstance(expected, list) and isinstance(found, list):
        return {"lacking": sorted(set(expected) - set(found)), "beyond": sorted(set(found) - set(expected))}
    return (expected, found)


def _field_names(operation: Operation, type_: str, resources: Resources) -> set[str]:
    resource = operation.resource
    if resource is None or resource.type != type_:
        resource = resources[type_]
    return set(resource.field_names(operation.additional.get(type_, ())))


def _plain(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def _words(schema: Mapping[str, Any]) -> list[str]:
    return list(schema.get("enum") or schema.get("items", {}).get("enum", ()))


def _bracketed(parameters: Mapping[str, Any], word: str) -> Iterator[tuple[str, Any]]:
    for name, schema in parameters.items():
        if name.startswith(f"{word}["):
            yield name[len(word) + 1 : -1], schema


def _filters(operation: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the operators by field; the oldest description has them in a text only."""
    if "x-klaviyo-filters" in operation:
        return {name: _operators(one) for name, one in operation["x-klaviyo-filters"].items()}
    texts = (one.get("description", "") for one in operation.get("parameters", ()) if one["name"] == "filter")
    found = _FILTER.findall(next(texts, ""))
    return {name: sorted(re.findall(r"`([^`]+)`", operators)) for name, operators in found}


def _operators(one: Mapping[str, Any]) -> list[str]:
    return sorted({word for words in one["operators"].values() for word in words})


def _limit(limit: Mapping[str, str]) -> tuple[int, int, int | None]:
    found = {name: int(value.partition("/")[0]) for name, value in limit.items()}
    return found["burst"], found["steady"], found.get("daily")
