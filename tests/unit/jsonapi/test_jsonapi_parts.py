"""Smaller parts of the grammar: encoding, pointers into unions, row checks, other resources, the OpenAPI document."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

import orjson
import pytest
import toy_api as toy
from pydantic import Discriminator, ValidationError

from headrace.ids import SeededIds
from headrace.jsonapi.bodies import Model
from headrace.jsonapi.context import LinkStyle
from headrace.jsonapi.document import encode, resource_object, view_of
from headrace.jsonapi.openapi import About, openapi_document
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.problems import from_validation
from headrace.jsonapi.query import Query
from headrace.jsonapi.resource import Attribute, Relationship, Resource
from headrace.jsonapi.routes import check_operations


def test_documents_are_encoded() -> None:
    """Moments are whole seconds with an offset; decimals are numbers; sets and tuples are lists."""
    document = {"at": toy.START, "price": Decimal("1.50"), "count": Decimal("2"), "pair": (1, 2), "set": frozenset({3})}
    expected = {"at": "2024-02-22T20:24:32+00:00", "price": 1.5, "count": 2, "pair": [1, 2], "set": [3]}
    assert expected == orjson.loads(encode(document))


def test_a_resource_without_address_has_no_links() -> None:
    """A resource without a path shows no links, linkage that it reads from its row, and no relationship without it."""
    relationships = (
        Relationship("owner", "user", ids=lambda row: row["owner"]),
        Relationship("tags", "tag", many=True, ids=lambda row: row["tags"]),
        Relationship("notes", "note", many=True),
    )
    bare = Resource("thing", None, (Attribute("size", int),), relationships)
    row = {"id": 5, "size": 1, "owner": None, "tags": [1, 2]}
    expected = {
        "type": "thing",
        "id": "5",
        "attributes": {"size": 1},
        "relationships": {
            "owner": {"data": None},
            "tags": {"data": [{"type": "tag", "id": "1"}, {"type": "tag", "id": "2"}]},
        },
    }
    assert expected == resource_object(view_of(bare, Query(), LinkStyle()), row, {}, {})


class Mail(Model):
    """One member of a union."""

    type: Literal["mail"]
    subject: str


class Text(Model):
    """The other member."""

    type: Literal["text"]
    body: str


class Messages(Model):
    """A body with a list of a union."""

    messages: list[Annotated[Mail | Text, Discriminator("type")]]


@pytest.mark.parametrize(
    ("message", "pointer", "words"),
    [
        ({"type": "mail"}, "/messages/0/subject", '"subject" is required in messages/0.'),
        ({"type": "mail", "subject": 5}, "/messages/0/subject", '"subject" is 5'),
        ([], "/messages/0", '"messages/0" is []: it must be an object.'),
        ({"type": "fax"}, "/messages/0", "\"messages/0\" has 'type' \"fax\"; it must be one of 'mail', 'text'."),
        ({}, "/messages/0", "needs 'type' to say which kind it is"),
        ({"type": "mail", "subject": "x", "a/b~c": 1}, "/messages/0/a~1b~0c", "is not a field of messages/0"),
    ],
)
def test_pointers_name_places_in_the_body(message: Any, pointer: str, words: str) -> None:
    """A pointer leads through the body as it was sent, without the tags of unions."""
    body = {"messages": [message]}
    with pytest.raises(ValidationError) as caught:
        Messages.model_validate(body)
    problem = from_validation(caught.value, body).problems[0]
    assert pointer == problem.pointer
    assert words in problem.detail


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ([toy.LIST_FLOWS, replace(toy.LIST_FLOWS, id="other")], "GET /api/flows is stated twice"),
        ([toy.LIST_FLOWS, replace(toy.LIST_FLOWS, path="/x")], "get_flows: the id is stated twice"),
        ([toy.listing_with(method="FETCH")], "FETCH is not a method"),
        ([toy.listing_with(sparse=("list",))], "sparse type list is not a resource"),
        ([toy.listing_with(additional={"list": ("x",)})], "additional type list is not a resource"),
        ([toy.listing_with(includes=("tags",))], "tags is not a relationship of its resource"),
        ([toy.listing_with(include_aliases={"x": "y"})], "include alias y leads nowhere"),
        ([toy.listing_with(default_sort="-size")], "default sort -size is not a sort key"),
        ([toy.listing_with(table=replace(toy.FLOWS, loaders={}))], "relationship flow-actions has no loader"),
        (
            [toy.listing_with(resource=toy.ACTION, includes=("notes",), include_aliases={})],
            "relationship notes leads to note, which is not a resource",
        ),
        (
            [toy.listing_with(filters={"name": replace(toy.FLOW_FILTERS["name"], column=None)})],
            "filter name cannot become SQL",
        ),
    ],
)
def test_contradictions_of_rows_are_found(operations: list[Operation], words: str) -> None:
    """A row that contradicts itself or another is refused when the application is made."""
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        check_operations(operations, toy.RESOURCES)


def test_the_openapi_document_states_the_rows() -> None:
    """Every operation is in the document, with its parameters, bodies, scopes and limits."""
    document = openapi_document(toy.OPERATIONS, toy.RESOURCES, About("Toy", "2026-07-15"))

    listing = document["paths"]["/api/flows"]["get"]
    parameters = {one["name"]: one for one in listing["parameters"]}
    assert parameters["page[size]"]["schema"] == {"type": "integer", "default": 3, "minimum": 1, "maximum": 5}
    assert "- `archived`: `equals`" in parameters["filter"]["description"]
    assert parameters["sort"]["schema"]["enum"][:2] == ["created", "-created"]
    assert parameters["include"]["schema"]["items"]["enum"] == ["flow-actions"]
    assert listing["x-scopes"] == ["flows:read"]
    assert listing["x-rate-limit"] == {"burst": "3/s", "steady": "60/m"}
    assert sum(len(methods) for methods in document["paths"].values()) == len(toy.OPERATIONS)
    created = document["paths"]["/api/flows"]["post"]
    statuses = ["201", "400", "401", "403", "404", "406", "409", "410", "413", "415", "429", "500", "503"]
    assert set(statuses) == created["responses"].keys()
    assert "content" not in document["paths"]["/api/flows/{id}"]["delete"]["responses"]["204"]


def test_every_reference_of_the_openapi_document_leads_somewhere() -> None:
    """No `$ref` dangles, and the document is JSON."""
    document = openapi_document(toy.OPERATIONS, toy.RESOURCES, About("Toy", "2026-07-15"))
    names = document["components"]["schemas"].keys() | document["components"]["responses"].keys()
    found = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.add(value["$ref"].rpartition("/")[2])
            for below in value.values():
                walk(below)
        elif isinstance(value, list):
            for below in value:
                walk(below)

    walk(orjson.loads(encode(document)))
    assert found <= names, found - names
    assert "FlowResource" in found


def test_error_ids_come_from_the_id_source() -> None:
    """Ids of errors are drawn, so that a seeded source repeats them."""
    assert SeededIds(1).uuid() == SeededIds(1).uuid()
