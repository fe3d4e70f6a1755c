"""Answers held against our own description of the API, `/openapi.json`, of the revision that was asked for.

What is here: `check_own`, which anybody may call with an answer. What is not: receiving answers. Schemas are tightened
for this: an object whose members are named has no others, and what `fields[...]` picks is let pass only where it was
asked for.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import jsonschema_rs

from headrace.api.openapi_route import Descriptions
from headrace.api.resources import OPERATIONS, RESOURCES
from headrace.api.revisions import NEWEST, Revisions, Surface
from headrace.api.revisions.changes import CHANGES

METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
MOST = 5
"""Differences that are told of one answer."""


@lru_cache
def descriptions() -> Descriptions:
    """Return the descriptions of every revision, as the application serves them."""
    return Descriptions(Revisions.of(Surface.of(OPERATIONS, RESOURCES), CHANGES))


def check_own(
    path: str, method: str, status: int, document: Any, *, revision: str = NEWEST, sparse: bool = False
) -> list[str]:
    """Return where an answer differs from our own description; nothing where it agrees.

    `path` is the request's path, or the operation's with its parameters in braces. `document` is the answer's JSON,
    None where it was empty. `revision` is the one that was served. `sparse` tells that only some fields were asked for.
    A path that is none of the API's, and a method that it does not have, are passed over.
    """
    found = _path_of(path, method, revision)
    if found is None:
        return []
    responses = descriptions().of(revision)["paths"][found][method.lower()]["responses"]
    if str(status) not in responses:
        return [f"the status {status} is not one of {', '.join(responses)}"]
    validator = _validator(found, method.lower(), str(status), revision, sparse)
    if validator is None:
        return [] if document is None else ["there is an answer where none is described"]
    return [_told(one) for _, one in zip(range(MOST), validator.iter_errors(document), strict=False)]


def _told(error: Any) -> str:
    return f"/{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"


@lru_cache
def _patterns(revision: str) -> list[tuple[re.Pattern[str], str, frozenset[str]]]:
    paths = sorted(descriptions().of(revision)["paths"].items(), key=lambda item: item[0].count("{"))
    return [(_pattern(path), path, frozenset(methods)) for path, methods in paths]


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)) + "/?")


def _path_of(address: str, method: str, revision: str) -> str | None:
    if method not in METHODS:
        return None
    return next(
        (
            path
            for pattern, path, methods in _patterns(revision)
            if method.lower() in methods and pattern.fullmatch(address)
        ),
        None,
    )


@cache
def _validator(path: str, method: str, status: str, revision: str, sparse: bool) -> Any:
    """Return the validator of an operation's answers of a status, None where they are empty."""
    description = descriptions().of(revision)
    response = description["paths"][path][method]["responses"][status]
    if "$ref" in response:
        response = description["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if "content" not in response:
        return None
    [media] = response["content"].values()
    return jsonschema_rs.validator_for({**media["schema"], "components": _tight(revision, sparse)})


@lru_cache
def _tight(revision: str, sparse: bool) -> Any:
    return {"schemas": _tightened(descriptions().of(revision)["components"]["schemas"], sparse)}


def _tightened(value: Any, sparse: bool) -> Any:
    if isinstance(value, list):
        return [_tightened(one, sparse) for one in value if sparse or not _is_part(one)]
    if not isinstance(value, dict):
        return value
    found = {key: _tightened(below, sparse) for key, below in value.items()}
    if value.get("type") == "object" and isinstance(value.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def _is_part(value: Any) -> bool:
    return isinstance(value, dict) and value.get("x-sparse") is True
