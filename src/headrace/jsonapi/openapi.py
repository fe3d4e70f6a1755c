"""Our own OpenAPI 3.1 document, generated from the rows.

What is here: paths, parameters, bodies, answers and errors as the rows state them. What is not: any text of another
document; serving it, which the application does. Follows DESIGN section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from headrace.jsonapi.context import JSON, JSON_API
from headrace.jsonapi.filter_rules import Filterable, listed
from headrace.jsonapi.operation import Operation, Tier
from headrace.jsonapi.query import offered_parameters
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Resources

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"

_NULLABLE_LINK: Schema = {"type": ["string", "null"], "format": "uri"}
_LINK: Schema = {"type": "string", "format": "uri"}


def openapi_document(
    operations: Iterable[Operation], resources: Resources, *, title: str, version: str, server: str = ""
) -> Schema:
    """Return the OpenAPI document of the operations; `version` is the revision that they are rows of."""
    schemas: dict[str, Schema] = {"Errors": error_schema()}
    for resource in resources.values():
        schemas[_name(resource)] = resource_schema(resource, schemas)
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, resources, schemas, version
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server or "/"}],
        "security": [{"ApiKey": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"ApiKey": _security()},
        },
    }


def _security() -> Schema:
    return {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Klaviyo-API-Key` followed by a private key.",
    }


def _operation(row: Operation, resources: Resources, schemas: dict[str, Schema], version: str) -> Schema:
    shown: Schema = {
        "operationId": row.id,
        "summary": row.summary or row.id.replace("_", " ").capitalize(),
        "tags": [row.tag],
        "parameters": [*_path_parameters(row), *_query_parameters(row, resources), _revision_parameter(version)],
        "responses": _responses(row, resources),
        "x-scopes": list(row.scopes),
        "x-rate-limit": _limit(row.tier),
    }
    if row.costly:
        shown["x-rate-limit-of"] = {asked: _limit(tier) for asked, tier in row.costly.items()}
    if row.body is not None:
        content = {"schema": _model(row.body, schemas)}
        shown["requestBody"] = {"required": True, "content": {JSON_API: content, JSON: content}}
    if row.since is not None:
        shown["x-since"] = row.since
    return shown


def _limit(tier: Tier) -> Schema:
    shown: Schema = {"burst": f"{tier.burst}/s", "steady": f"{tier.steady}/m"}
    return shown if tier.daily is None else {**shown, "daily": f"{tier.daily}/d"}


def _path_parameters(row: Operation) -> list[Schema]:
    names = [part.split("}")[0] for part in row.path.split("{")[1:]]
    return [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in names]


def _revision_parameter(version: str) -> Schema:
    return {
        "name": "revision",
        "in": "header",
        "required": True,
        "description": "The date of the API revision, YYYY-MM-DD.",
        "schema": {"type": "string", "default": version},
    }


def _query_parameters(row: Operation, resources: Resources) -> list[Schema]:
    return [_query_parameter(row, name, resources) for name in offered_parameters(row)]


def _query_parameter(row: Operation, name: str, resources: Resources) -> Schema:
    shown: Schema = {"name": name, "in": "query", "required": False}
    kind, _, rest = name.partition("[")
    type_name = rest.rstrip("]")
    match kind:
        case "fields":
            names = resources[type_name].field_names(row.additional.get(type_name, ()))
            return {**shown, **_names(names), "description": f"The fields of {type_name} to return."}
        case "additional-fields":
            text = f"Fields of {type_name} that are returned only when named here."
            return {**shown, **_names(row.additional[type_name]), "description": text}
        case "filter":
            return {**shown, "schema": {"type": "string"}, "description": _filters(row.filters)}
        case "include":
            return {**shown, **_names(row.includes), "description": "Related resources to include."}
        case "sort":
            keys = [key for one in sorted(row.sorts) for key in (one, f"-{one}")]
            return {**shown, "schema": {"type": "string", "enum": keys}, "description": "`-` sorts descending."}
        case "page":
            return {**shown, **_page(row, name)}
        case _:
            return {**shown, **_plain(row, name)}


def _names(names: Iterable[str]) -> Schema:
    schema = {"type": "array", "items": {"type": "string", "enum": sorted(names)}}
    return {"schema": schema, "explode": False}


def _filters(filters: Mapping[str, Filterable]) -> str:
    lines = [f"`{name}`: {listed(f'`{one}`' for one in sorted(rule.operators))}" for name, rule in filters.items()]
    return "Fields and their operators:\n\n" + "\n".join(f"- {line}" for line in lines)


def _page(row: Operation, name: str) -> Schema:
    if name == "page[cursor]" or row.page is None:
        return {"schema": {"type": "string"}, "description": "A cursor from `links.next` or `links.prev`."}
    limits = {"default": row.page.default, "minimum": row.page.minimum, "maximum": row.page.maximum}
    return {"schema": {"type": "integer", **limits}, "description": "The number of resources of a page."}


def _plain(row: Operation, name: str) -> Schema:
    one = next(parameter for parameter in row.parameters if parameter.name == name)
    schema: Schema = {"type": "string", "enum": list(one.values)} if one.values else {"type": "string"}
    return {"required": one.required, "schema": schema, "description": one.description}


def _responses(row: Operation, resources: Resources) -> Schema:
    errors = {"description": "Errors", "content": {JSON_API: {"schema": _reference("Errors")}}}
    success: Schema = {"description": "Success"}
    schema = _answer(row, resources)
    if schema is not None:
        success["content"] = {JSON_API: {"schema": schema}}
    return {str(row.status): success, "4XX": errors, "5XX": errors}


def _answer(row: Operation, resources: Resources) -> Schema | None:
    """Return the schema of a successful answer, or None where it is empty or the shape is the operation's own."""
    if row.status == 204 or row.resource is None:
        return None
    linkage = row.path.endswith("}") is False and "/relationships/" in row.path
    one = _identifier(row.resource.type) if linkage else _reference(_name(row.resource))
    many = row.table is not None and row.method == "GET" and row.many and not row.path.endswith("}")
    properties: Schema = {"data": {"type": "array", "items": one} if many else one, "links": _links(many)}
    if row.includes:
        targets = [row.resource.relationship(name).type for name in row.includes]
        kinds = [_reference(_name(resources[one])) for one in dict.fromkeys(targets)]
        properties["included"] = {"type": "array", "items": {"anyOf": kinds}}
    return {"type": "object", "required": ["data"], "properties": properties}


def _links(many: bool) -> Schema:
    paged: Schema = {"next": _NULLABLE_LINK, "prev": _NULLABLE_LINK} if many else {}
    return {"type": "object", "properties": {"self": _LINK, **paged}}


def resource_schema(resource: Resource, schemas: dict[str, Schema]) -> Schema:
    """Return the schema of a resource object; models that its attributes name are put into `schemas`."""
    attributes = {one.name: _attribute(one, schemas) for one in resource.attributes}
    properties: Schema = {
        "type": {"const": resource.type},
        "id": {"type": "string"},
        "attributes": {"type": "object", "properties": attributes},
    }
    if resource.relationships:
        related = {one.name: _relationship(one) for one in resource.relationships}
        properties["relationships"] = {"type": "object", "properties": related}
    if resource.path is not None:
        properties["links"] = _links(many=False)
    return {"type": "object", "required": ["type", "id", "attributes"], "properties": properties}


def _attribute(one: Attribute, schemas: dict[str, Schema]) -> Schema:
    schema = dict(one.type) if isinstance(one.type, Mapping) else _model(one.type, schemas)
    return {**schema, "description": one.description} if one.description else schema


def _relationship(one: Relationship) -> Schema:
    target = _identifier(one.type)
    data: Schema = {"type": "array", "items": target} if one.many else {"anyOf": [target, {"type": "null"}]}
    properties: Schema = {"data": data}
    if one.links:
        properties["links"] = {"type": "object", "properties": {"self": _LINK, "related": _LINK}}
    return {"type": "object", "properties": properties}


def _identifier(type_name: str) -> Schema:
    properties = {"type": {"const": type_name}, "id": {"type": "string"}}
    return {"type": "object", "required": ["type", "id"], "properties": properties}


def _model(kind: Any, schemas: dict[str, Schema]) -> Schema:
    """Return the schema of a type; the models in it become components, and a model itself a reference."""
    schema: Schema = TypeAdapter(kind).json_schema(ref_template=REFERENCE)
    schemas.update(schema.pop("$defs", {}))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        name = _letters(schema.get("title", kind.__name__))
        schemas[name] = schema
        return _reference(name)
    return schema


def _letters(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name).strip("_")


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _name(resource: Resource) -> str:
    return "".join(part.capitalize() for part in resource.type.split("-")) + "Resource"


def error_schema() -> Schema:
    """Return the schema of an error document. Source: reference 7.2."""
    text: Schema = {"type": "string"}
    source = {"type": "object", "properties": {"pointer": text, "parameter": text}}
    properties = {
        "id": text,
        "status": {"type": "integer"},
        "code": text,
        "title": text,
        "detail": text,
        "source": source,
        "links": {"type": "object"},
        "meta": {"type": "object"},
    }
    one = {"type": "object", "required": ["id", "code", "title", "detail", "source"], "properties": properties}
    return {"type": "object", "required": ["errors"], "properties": {"errors": {"type": "array", "items": one}}}
