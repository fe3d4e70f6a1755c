"""What operations answer when all goes well, as our OpenAPI document states it.

What is here: resource objects, documents of one and of many, linkage. What is not: parameters, bodies, errors
(`openapi_errors`) and the schemas of models (`openapi_schemas`). Follows reference 7.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headrace.jsonapi.openapi_schemas import Models, Schema, camel, reference
from headrace.jsonapi.operation import Operation, Shown
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Resources

LINK: Schema = {"type": "string", "format": "uri"}
NULLABLE_LINK: Schema = {"type": ["string", "null"], "format": "uri"}
PART: Schema = {"type": "object", "description": "What `fields[...]` picked.", "x-sparse": True}
EMPTY_SHAPES = ("delete", "change_relationship")


class Answers:
    """Makes the schemas of answers; those with names are put into `components`."""

    __slots__ = ("_components", "_models", "_names", "_resources")

    def __init__(self, resources: Resources, models: Models, components: Schema) -> None:
        self._resources = resources
        self._models = models
        self._names: dict[int, str] = {}
        self._components = components

    def of(self, row: Operation) -> Schema | None:
        """Return the schema of a successful answer, which is a component of its own; None where it is empty."""
        schema = self._document(row)
        return schema if schema is None or "$ref" in schema else self._named(f"{camel(row.id)}Answer", schema)

    def _named(self, name: str, schema: Schema) -> Schema:
        """Put a schema into the components; raises `ValueError` when the name stands for another one."""
        if self._components.setdefault(name, schema) != schema:
            raise ValueError(f"two schemas of the description are called {name}")
        return reference(name)

    def _document(self, row: Operation) -> Schema | None:
        if isinstance(row.answer, Shown):
            return self._own(row.answer, row)
        if row.answer is not None:
            return dict(row.answer) if isinstance(row.answer, Mapping) else self._models.schema(row.answer)
        shape = shape_name(row)
        if row.resource is None or row.status == 204 or shape in EMPTY_SHAPES:
            return None
        if shape == "call":
            return self._own(Shown(row.resource.type), row)
        if shape == "relationship":
            return self._linkage(row.resource.type, row.many)
        return self._usual(row, self._resource(row.resource, row))

    def _usual(self, row: Operation, one: Schema) -> Schema:
        """Return the document of one or many resources, with what may be included."""
        shape = shape_name(row)
        many = shape == "listing" or (shape == "related" and row.many)
        single = nullable(one) if shape == "related" else one
        properties: Schema = {
            "data": {"type": "array", "items": one} if many else single,
            "links": self._links("PageLinks") if many else self._links("ResourceLinks"),
        }
        if row.includes and row.resource is not None:
            types = dict.fromkeys(row.resource.relationship(name).type for name in row.includes)
            properties["included"] = {"type": "array", "items": self._any_of(types, row)}
        if not row.own_link and not many:
            del properties["links"]
        return _object(properties, [name for name in ("data", "links") if name in properties])

    def _own(self, shown: Shown, row: Operation) -> Schema:
        own = row.resource
        resource = own if own is not None and own.type == shown.type else self._resources[shown.type]
        one = self._resource(resource, row)
        data: Schema = {"type": "array", "items": one} if shown.many else one
        return _object({"data": data, "links": self._links("DocumentLinks")}, ["data"])

    def _linkage(self, type_name: str, many: bool) -> Schema:
        one = self._identifier(type_name)
        if many:
            return _object(
                {"data": {"type": "array", "items": one}, "links": self._links("RelatedPageLinks")}, ["data"]
            )
        return _object({"data": nullable(one), "links": self._links("RelationshipLinks")}, ["data"])

    def _any_of(self, types: Iterable[str], row: Operation) -> Schema:
        kinds = {one: self._resource(self._resources[one], row) for one in types}
        if len(kinds) == 1:
            return next(iter(kinds.values()))
        mapping = {one: kind["$ref"] for one, kind in kinds.items()}
        return {"anyOf": list(kinds.values()), "discriminator": {"propertyName": "type", "mapping": mapping}}

    def _resource(self, resource: Resource, row: Operation) -> Schema:
        """Return a resource's schema; one that is not the common one of its type is named after its first operation."""
        if id(resource) not in self._names:
            common = self._resources.get(resource.type) is resource
            self._names[id(resource)] = f"{camel(resource.type)}Resource" + ("" if common else f"Of{camel(row.id)}")
            self._named(self._names[id(resource)], self._resource_object(resource))
        return reference(self._names[id(resource)])

    def _resource_object(self, resource: Resource) -> Schema:
        attributes = {one.name: self._attribute(one) for one in resource.attributes}
        properties: Schema = {
            **_type_and_id(resource.type),
            "attributes": {"type": "object", "properties": attributes},
        }
        if resource.relationships:
            shown = {one.name: self._relationship(one, resource) for one in resource.relationships}
            properties["relationships"] = {"type": "object", "properties": shown}
        if resource.path is not None:
            properties["links"] = self._links("ResourceLinks")
        return _object(properties, [name for name in properties if name != "attributes" or attributes])

    def _attribute(self, one: Attribute) -> Schema:
        schema = dict(one.type) if isinstance(one.type, Mapping) else self._models.schema(one.type)
        if one.subfields and self._demands(schema):
            schema = {"anyOf": [schema, PART]}
        return {**schema, "description": one.description} if one.description else schema

    def _demands(self, schema: Schema) -> bool:
        """Return whether a schema has members that must be there, which those who ask for some fields do not get."""
        kinds = [schema, *schema.get("anyOf", ())]
        return any("required" in self._components.get(one.get("$ref", "").rpartition("/")[2], one) for one in kinds)

    def _relationship(self, one: Relationship, owner: Resource) -> Schema:
        linked = one.links and owner.path is not None
        name = camel(one.type) + ("Relations" if one.many else "Relation") + ("" if linked else "Unlinked")
        target = self._identifier(one.type)
        properties: Schema = {"data": {"type": "array", "items": target} if one.many else nullable(target)}
        if linked:
            properties["links"] = self._links("RelationshipLinks")
        return self._named(name, _object(properties, []))

    def _identifier(self, type_name: str) -> Schema:
        return self._named(f"{camel(type_name)}Identifier", _object(_type_and_id(type_name), ["type", "id"]))

    def _links(self, name: str) -> Schema:
        return self._named(name, LINKS[name])


def kinds_of(row: Operation) -> Iterator[Any]:
    """Yield every Python type that an operation's answer is made of, those of the common resources left out."""
    if row.answer is not None and not isinstance(row.answer, Shown | Mapping):
        yield row.answer
    if row.resource is not None:
        yield from attribute_kinds(row.resource)


def attribute_kinds(resource: Resource) -> Iterator[Any]:
    """Yield the Python types of a resource's attributes."""
    return (one.type for one in resource.attributes if not isinstance(one.type, Mapping))


def shape_name(row: Operation) -> str:
    """Return the name of an operation's shape, which one that wraps another has from it."""
    return str(getattr(row.shape, "__name__", ""))


def nullable(schema: Schema) -> Schema:
    """Return a schema that admits null too."""
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: Schema, required: list[str]) -> Schema:
    shown: Schema = {"type": "object", "properties": properties}
    return {**shown, "required": required} if required else shown


def _type_and_id(type_name: str) -> Schema:
    return {"type": {"type": "string", "const": type_name}, "id": {"type": "string"}}


_PAGES: Schema = {"self": LINK, "next": NULLABLE_LINK, "prev": NULLABLE_LINK}
LINKS: Mapping[str, Schema] = {
    "DocumentLinks": _object(_PAGES, []),
    "PageLinks": _object(_PAGES, ["self", "next", "prev"]),
    "RelatedPageLinks": _object({**_PAGES, "related": LINK}, ["self", "next", "prev", "related"]),
    "RelationshipLinks": _object({"self": LINK, "related": LINK}, ["related"]),
    "ResourceLinks": _object({"self": LINK}, ["self"]),
}
"""The schemas of links by their components' names. A relationship without an address of its own has no `self`."""
