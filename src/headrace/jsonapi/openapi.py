"""Our own OpenAPI 3.1 document, generated from the rows.

What is here: the document, its operations, bodies and who may call them. What is not: parameters
(`openapi_parameters`), answers (`openapi_answers`, `openapi_errors`), names of models (`openapi_schemas`), any text of
another document; serving it, which the application does. Follows DESIGN section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.jsonapi.context import EMPTY, JSON_API
from headrace.jsonapi.forms import FORM
from headrace.jsonapi.openapi_answers import Answers, attribute_kinds, kinds_of
from headrace.jsonapi.openapi_errors import error_components, error_responses, error_schemas
from headrace.jsonapi.openapi_parameters import parameters_of
from headrace.jsonapi.openapi_schemas import Models, Schema, camel, used
from headrace.jsonapi.operation import Operation, Tier
from headrace.jsonapi.resource import Resources


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an operation: any one of `schemes`, by their names; and whether it must name its revision."""

    schemes: tuple[str, ...] = ("ApiKey",)
    revision: bool = True


def by_key(_: Operation) -> Access:
    """Return the usual access: a private key."""
    return Access()


API_KEY: Schema = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`Klaviyo-API-Key`, a space, and a private key.",
}


@dataclass(frozen=True, slots=True, eq=False)
class About:
    """What a description says besides its rows.

    `version` is the revision that they are rows of, `media_type` that of its answers. `schemes` are OpenAPI's security
    schemes by name, and `access` says which of them let somebody call an operation.
    """

    title: str
    version: str
    description: str = ""
    server: str = "/"
    media_type: str = JSON_API
    schemes: Mapping[str, Schema] = field(default_factory=lambda: {"ApiKey": API_KEY})
    access: Callable[[Operation], Access] = by_key
    tags: Mapping[str, str] = field(default_factory=lambda: EMPTY)


def openapi_document(operations: Sequence[Operation], resources: Resources, about: About) -> Schema:
    """Return the OpenAPI document of the operations."""
    models = Models(_kinds(operations, resources), _names(operations))
    schemas: Schema = {**error_schemas(), **models.components}
    answers = Answers(resources, models, schemas)
    paths: dict[str, Schema] = {}
    for row in operations:
        shown = _operation(row, resources, models, answers, schemas, about)
        paths.setdefault(row.path, {})[row.method.lower()] = shown
    responses = error_components(about.media_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": about.version, "description": about.description},
        "servers": [{"url": about.server}],
        "tags": [{"name": tag, "description": about.tags.get(tag, "")} for tag in _tags(operations)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": used(schemas, [paths, responses]),
            "responses": responses,
            "securitySchemes": dict(about.schemes),
        },
    }


def _tags(operations: Sequence[Operation]) -> list[str]:
    return sorted({one.tag for one in operations})


def _kinds(operations: Sequence[Operation], resources: Resources) -> list[Any]:
    """Return every Python type that the document describes."""
    found: list[Any] = [one.body for one in operations if one.body is not None]
    found += [kind for one in operations for kind in kinds_of(one)]
    return found + [kind for one in resources.values() for kind in attribute_kinds(one)]


def _names(operations: Sequence[Operation]) -> dict[int, str]:
    """Return the names of bodies, after the operation that has each; of several the one with the shortest id."""
    ordered = sorted(operations, key=lambda one: (len(one.id), one.id), reverse=True)
    return {id(one.body): f"{camel(one.id)}Body" for one in ordered if one.body is not None}


def _operation(
    row: Operation, resources: Resources, models: Models, answers: Answers, schemas: Schema, about: About
) -> Schema:
    access = about.access(row)
    shown: Schema = {
        "operationId": row.id,
        "summary": row.summary or row.id.replace("_", " ").capitalize(),
        "tags": [row.tag],
        "security": [{one: []} for one in access.schemes],
        "parameters": parameters_of(row, resources, schemas, revision=about.version, revision_required=access.revision),
        "responses": {
            **_successes(row, answers, about.media_type),
            **error_responses(row, revision_required=access.revision),
        },
        "x-scopes": list(row.scopes),
        "x-rate-limit": _limit(row.tier),
    }
    if row.costly:
        shown["x-rate-limit-of"] = {asked: _limit(tier) for asked, tier in row.costly.items()}
    if row.body is not None:
        kind = FORM if row.form else JSON_API
        shown["requestBody"] = {"required": True, "content": {kind: {"schema": models.schema(row.body)}}}
    if row.since is not None:
        shown["x-since"] = row.since
    return shown


def _limit(tier: Tier) -> Schema:
    shown: Schema = {"burst": f"{tier.burst}/s", "steady": f"{tier.steady}/m"}
    return shown if tier.daily is None else {**shown, "daily": f"{tier.daily}/d"}


def _successes(row: Operation, answers: Answers, media_type: str) -> Schema:
    schema = answers.of(row)
    content: Schema = {} if schema is None else {"content": {media_type: {"schema": schema}}}
    return {str(status): {"description": MEANINGS[status], **content} for status in (row.status, *row.statuses)}


MEANINGS: Mapping[int, str] = {
    200: "Done.",
    201: "Made.",
    202: "Accepted; it is done in the background.",
    204: "Done; there is nothing to tell.",
    302: "It is found elsewhere.",
}
