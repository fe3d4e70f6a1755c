"""The parameters of an operation as our OpenAPI document states them.

What is here: path, query and header parameters from a row. What is not: bodies and answers. Follows reference 7.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.jsonapi.filter_rules import Filterable, listed
from headrace.jsonapi.openapi_schemas import Schema, camel, reference
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.query import offered_parameters
from headrace.jsonapi.resource import Resource, Resources

REVISION = "revision"
EXAMPLES: Mapping[str, str] = {
    "string": '"text"',
    "enum": '"{}"',
    "bool": "true",
    "datetime": "2024-02-22T20:24:32Z",
    "int": "1",
    "number": "1",
    "strings": '["text"]',
}


def parameters_of(
    row: Operation, resources: Resources, components: Schema, *, revision: str, revision_required: bool
) -> list[Schema]:
    """Return an operation's parameters; enumerations that several share are put into `components`."""
    query = [_query_parameter(row, name, resources, components) for name in offered_parameters(row)]
    return [*_path_parameters(row), *query, _revision_parameter(revision, revision_required)]


def path_names(path: str) -> list[str]:
    """Return the names of the parameters in a path."""
    return [part.split("}")[0] for part in path.split("{")[1:]]


def _path_parameters(row: Operation) -> list[Schema]:
    schema: Schema = {"type": "string", "minLength": 1}
    return [{"name": one, "in": "path", "required": True, "schema": schema} for one in path_names(row.path)]


def _revision_parameter(revision: str, required: bool) -> Schema:
    return {
        "name": REVISION,
        "in": "header",
        "required": required,
        "description": "The date of the API revision, YYYY-MM-DD.",
        "schema": {"type": "string", "default": revision},
    }


def _query_parameter(row: Operation, name: str, resources: Resources, components: Schema) -> Schema:
    shown: Schema = {"name": name, "in": "query", "required": False}
    kind, _, rest = name.partition("[")
    type_name = rest.rstrip("]")
    match kind:
        case "fields":
            text = f"The fields of {type_name} to return, and no others."
            return {**shown, "description": text, **_array(_fields(row, type_name, resources, components))}
        case "additional-fields":
            text = f"Fields of {type_name} that are returned only when named here."
            return {**shown, "description": text, **_array(_enum(row.additional[type_name]))}
        case "filter":
            return {**shown, **_filter(row.filters)}
        case "include":
            return {**shown, "description": "Related resources to include.", **_array(_enum(row.includes))}
        case "sort":
            return {**shown, **_sort(row)}
        case "page":
            return {**shown, **_page(row, name)}
        case _:
            return {**shown, **_plain(row, name)}


def _array(items: Schema) -> Schema:
    return {"style": "form", "explode": False, "schema": {"type": "array", "items": items}}


def _enum(names: Iterable[str]) -> Schema:
    return {"type": "string", "enum": sorted(names)}


def _fields(row: Operation, type_name: str, resources: Resources, components: Schema) -> Schema:
    """Return the enumeration of a type's fields: a component, named after the type and what it has besides."""
    own = row.resource
    resource = own if own is not None and own.type == type_name else resources[type_name]
    offered = row.additional.get(type_name, ())
    schema = _enum(resource.field_names(offered))
    name = _field_name(resource, resources, offered, row)
    components[name] = schema
    return reference(name)


def _field_name(resource: Resource, resources: Resources, offered: Iterable[str], row: Operation) -> str:
    """Return what the enumeration is called; one that lacks what the type has is the operation's own."""
    known = resources.get(resource.type, resource)
    name = f"{camel(resource.type)}Field"
    if known.field_names() - resource.field_names():
        return f"{name}Of{camel(row.id)}"
    hidden = {one.name for one in resource.attributes if one.on_request} & set(offered)
    extra = (resource.field_names() - known.field_names()) | hidden
    return name + ("With" + "".join(camel(one) for one in sorted(extra)) if extra else "")


def _sort(row: Operation) -> Schema:
    keys = [key for one in sorted(row.sorts) for key in (one, f"-{one}")]
    usual = f" Without it the order is `{row.default_sort}`." if row.default_sort else ""
    return {"description": f"`-` in front sorts descending.{usual}", "schema": {"type": "string", "enum": keys}}


def _filter(filters: Mapping[str, Filterable]) -> Schema:
    lines = [f"- `{name}`: {_operators(rule)}{_allowed(rule)}" for name, rule in filters.items()]
    return {
        "description": "Comparisons, joined by commas: `operator(field,value)`. Fields and their operators:\n\n"
        + "\n".join(lines),
        "schema": {"type": "string"},
        "example": _example(*next(iter(filters.items()))),
        "x-filters": {name: _stated(rule) for name, rule in filters.items()},
    }


def _operators(rule: Filterable) -> str:
    return listed(f"`{one}`" for one in sorted(rule.operators))


def _allowed(rule: Filterable) -> str:
    return f" ({listed(rule.values)})" if rule.values else ""


def _stated(rule: Filterable) -> Schema:
    shown: Schema = {"type": rule.kind, "operators": sorted(rule.operators)}
    return {**shown, "values": list(rule.values)} if rule.values else shown


def _example(name: str, rule: Filterable) -> str:
    operator = rule.operators[0]
    value = EXAMPLES[rule.kind].format(*rule.values[:1])
    if operator == "has":
        return f"has({name})"
    many = operator in ("any", "contains-any", "contains-all") and rule.kind != "strings"
    return f"{operator}({name},{f'[{value}]' if many else value})"


def _page(row: Operation, name: str) -> Schema:
    if name == "page[cursor]" or row.page is None:
        return {"schema": {"type": "string"}, "description": "A cursor from `links.next` or `links.prev`."}
    limits = {"default": row.page.default, "minimum": row.page.minimum, "maximum": row.page.maximum}
    return {"schema": {"type": "integer", **limits}, "description": "The number of resources of a page."}


def _plain(row: Operation, name: str) -> Schema:
    one = next(parameter for parameter in row.parameters if parameter.name == name)
    schema: Schema = {"type": "string", "enum": list(one.values)} if one.values else {"type": "string"}
    return {"required": one.required, "schema": schema, "description": one.description}
