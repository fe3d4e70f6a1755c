"""Our own description of the API: valid OpenAPI, complete, and true to the rows, in every revision."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from conformance.own_schema import check_own, descriptions
from headrace.api.openapi_route import describe, has
from headrace.api.resources import OPERATIONS, RESOURCES
from headrace.api.revisions import NEWEST, SERVED, Revisions, Surface
from headrace.api.revisions.changes import CHANGES
from headrace.jsonapi.document import encode
from headrace.jsonapi.openapi_answers import shape_name

REFERENCE = re.compile(r"#/components/(schemas|responses|securitySchemes)/([A-Za-z0-9_]+)")


def described(revision: str) -> Any:
    """Return the description of a revision as it is served."""
    return orjson.loads(encode(descriptions().of(revision)))


def operations_in(document: Any) -> Iterator[Any]:
    """Yield every operation of a description."""
    return (one for methods in document["paths"].values() for one in methods.values())


def references_in(value: Any) -> Iterator[str]:
    """Yield what every `$ref` and every tag's mapping leads to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        if isinstance(value.get("mapping"), dict):
            yield from value["mapping"].values()
        for below in value.values():
            yield from references_in(below)
    elif isinstance(value, list):
        for below in value:
            yield from references_in(below)


@pytest.mark.parametrize("revision", SERVED)
def test_the_description_is_valid(revision: str) -> None:
    """Every revision's description satisfies the meta-schema of OpenAPI 3.1."""
    assert [] == [error.message[:200] for error in OPENAPI_31_VALIDATOR.iter_errors(described(revision))]


@pytest.mark.parametrize("revision", SERVED)
def test_every_reference_leads_somewhere(revision: str) -> None:
    """No `$ref` dangles, and no component is there for nothing."""
    document = described(revision)
    targets = set(references_in(document))
    components = document["components"]
    known = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in components[kind]}
    assert [] == sorted(one for one in targets if not REFERENCE.fullmatch(one) or one not in known)
    assert [] == sorted(name for name in known - targets if "/responses/" not in name)


@pytest.mark.parametrize("revision", SERVED)
def test_every_operation_is_described_once(revision: str) -> None:
    """The ids of operations are those of the rows that the revision has, each once."""
    surface = Revisions.of(Surface.of(OPERATIONS, RESOURCES), CHANGES).surfaces[revision]
    expected = sorted(one.id for one in surface.operations.values() if has(one, revision))
    assert expected == sorted(one["operationId"] for one in operations_in(described(revision)))


def test_names_do_not_hang_on_the_order_of_the_rows() -> None:
    """The same rows in another order give the same names of components that bodies and answers have."""
    turned = Surface.of(OPERATIONS[::-1], RESOURCES[::-1])
    document = orjson.loads(encode(describe(turned, NEWEST)))
    expected, found = (
        {one["operationId"]: (one.get("requestBody"), one["responses"]) for one in operations_in(each)}
        for each in (described(NEWEST), document)
    )
    assert expected == found


def test_every_answer_is_described() -> None:
    """Only 202 and 204 are empty, and what an operation of its own kind answers is stated in its row."""
    empty = [
        f"{one['operationId']} {status}"
        for one in operations_in(described(NEWEST))
        for status, answer in one["responses"].items()
        if status in ("200", "201") and "content" not in answer
    ]
    assert [] == empty
    assert {"call"} >= {shape_name(one) for one in OPERATIONS if one.answer is not None}


def test_every_operation_says_who_may_call_it() -> None:
    """Private keys in either form, or the public id of the account; scopes and limits; the revision."""
    expected = {
        "key": [{"ApiKey": []}, {"Bearer": []}],
        "public": [{"CompanyId": []}],
    }
    for one in operations_in(described(NEWEST)):
        row = next(each for each in OPERATIONS if each.id == one["operationId"])
        assert expected["public" if row.public else "key"] == one["security"]
        assert (list(row.scopes), {"burst", "steady"}) == (one["x-scopes"], set(one["x-rate-limit"]) - {"daily"})
        assert "revision" in {parameter["name"] for parameter in one["parameters"]}


def test_an_attribute_that_nobody_described_is_found() -> None:
    """The check tells of a wrong type, of a member that is not described and of a status that is not."""
    tag = {"type": "tag", "id": "1", "attributes": {"name": 5, "colour": "red"}}
    links = {"self": "http://x"}
    document = {"data": {**tag, "relationships": {}, "links": links}, "links": links}
    found = check_own("/api/tags/1", "GET", 200, document)
    assert 2 == len(found), found
    assert ["the status 418 is not one of 200"] == [one[:32] for one in check_own("/api/tags/1", "GET", 418, None)]
    document["data"]["attributes"] = {"name": "a"}
    assert [] == check_own("/api/tags/1", "GET", 200, document)
