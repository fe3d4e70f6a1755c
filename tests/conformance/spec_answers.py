"""A light check of answers against the published API description, where it is at hand.

What is here: types, required members, enums and nulls. What is not: formats and patterns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from served import Answer

LATEST = "2026-07-15"
"""The newest revision of which a description is at hand; the newest SDK's answers have at least what it promises."""
FOLDER = Path(__file__).parents[3] / "shared" / "spec"

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


@lru_cache
def description(revision: str) -> Any:
    """Return the published description of a revision, None where it is not at hand."""
    path = FOLDER / f"openapi-{revision}.json"
    return json.loads(path.read_text()) if path.exists() else None


def mistakes_of(answers: Iterable[Answer]) -> dict[str, list[str]]:
    """Return where good answers differ from the latest description: request -> differences; none without one.

    Operations that the description does not have are passed over.
    """
    found: dict[str, list[str]] = {}
    for one in answers if description(LATEST) else ():
        path = _path_of(one.method, one.path)
        if path and one.status < 400:
            mistakes = mistakes_in(one.document, LATEST, one.method.lower(), path, one.status)
            counted = [mistake for mistake in mistakes if not (one.sparse and _of_few_fields(mistake))]
            found.setdefault(f"{one.method} {path} {one.status}", []).extend(counted)
    return {request: list(dict.fromkeys(mistakes)) for request, mistakes in found.items() if mistakes}


def _of_few_fields(mistake: str) -> bool:
    """Tell whether a difference may come from asking for few fields only: what is required is not there."""
    return mistake.endswith(" is missing") or mistake.startswith("/included/")


@lru_cache
def _patterns() -> list[tuple[re.Pattern[str], str, frozenset[str]]]:
    """Return each path of the latest description as a pattern, with its methods; plain paths come first."""
    paths = sorted(description(LATEST)["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?"), path, frozenset(each)) for path, each in paths]


def _path_of(method: str, address: str) -> str | None:
    found = (path for pattern, path, methods in _patterns() if pattern.fullmatch(address) and method.lower() in methods)
    return next(found, None)


def mistakes_in(answer: Any, revision: str, method: str, path: str, status: int) -> list[str]:
    """Return where an answer differs from what the description promises for an operation."""
    spec = description(revision)
    operation = spec["paths"].get(path) or spec["paths"][f"{path}/"]
    promised = operation[method]["responses"]
    if str(status) not in promised:
        return [f"status {status} is not one of {', '.join(promised)}"]
    content = promised[str(status)].get("content")
    if not content:
        return [] if answer is None else ["an answer where none is promised"]
    [media] = content.values()
    return list(_mistakes(answer, media["schema"], spec, ""))


def _mistakes(value: Any, schema: Any, spec: Any, at: str) -> Iterator[str]:
    if value is None and schema.get("nullable"):  # beside a $ref
        return
    while "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if value is None:
        # The description has links.next and links.prev as strings; clients demand null where there is no page.
        if not schema.get("nullable") and at not in ("/links/next", "/links/prev") and schema:
            yield f"{at} is null"
        return
    for each in schema.get("allOf", ()):
        yield from _mistakes(value, each, spec, at)
    for name in ("oneOf", "anyOf"):
        if name in schema:
            attempts = [list(_mistakes(value, each, spec, at)) for each in schema[name]]
            yield from min(attempts, key=len)
    yield from _of_type(value, schema, spec, at)


def _of_type(value: Any, schema: Any, spec: Any, at: str) -> Iterator[str]:
    expected = schema.get("type")
    if expected and (not isinstance(value, _TYPES[expected]) or (isinstance(value, bool) and expected != "boolean")):
        yield f"{at} is {value!r}, not of type {expected}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r}, not one of {schema['enum']}"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            # Old descriptions demand the linkage of every relationship, which the service itself shows on request.
            if name not in value and not (name == "data" and at.split("/")[-2:-1] == ["relationships"]):
                yield f"{at}/{name} is missing"
        for name, below in schema.get("properties", {}).items():
            if name in value:
                yield from _mistakes(value[name], below, spec, f"{at}/{name}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _mistakes(item, schema["items"], spec, f"{at}/{index}")
