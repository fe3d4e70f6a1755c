"""The check that every answer of a test goes through finds what is wrong, and tells where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from held_answers import Answer, mistakes_of
from published import LATEST, Comparison, description
from tolerated import TOLERATED

SCHEMAS: dict[str, Any] = {
    "Mug": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "enum": ["mug"]}}},
    "Cup": {
        "type": "object",
        "required": ["type", "size"],
        "properties": {"type": {"type": "string", "enum": ["cup"]}, "size": {"type": "integer"}},
    },
}
THING = {"oneOf": [{"$ref": "#/components/schemas/Mug"}, {"$ref": "#/components/schemas/Cup"}]}
SHELF = {
    "type": "object",
    "properties": {
        "things": {"type": "array", "items": THING},
        "best": {"$ref": "#/components/schemas/Mug", "nullable": True},
        "built": {"type": "string", "format": "date-time", "nullable": True},
        "owner": {
            "allOf": [{"properties": {"id": {}}}, {"type": "object", "properties": {"name": {"type": "string"}}}]
        },
        "links": {"type": "object", "properties": {"next": {"type": "string"}, "self": {"type": "string"}}},
    },
    "required": ["things"],
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"things": [{"type": "mug"}], "built": None}, []),
        ({"things": [], "built": "2026-11-20T12:00:00+00:00", "links": {"next": None}}, []),
        ({"things": [], "best": None}, []),
        ({"things": [], "links": {"self": None}}, ["/links/self is null"]),
        ({"things": [], "built": "yesterday"}, ["/built is 'yesterday', not a moment"]),
        ({}, ["/things is missing"]),
        ({"things": [{"type": "cup", "size": "big"}]}, ["/things/0/size is 'big', not of type integer"]),
        ({"things": [{"type": "cup", "size": True}]}, ["/things/0/size is True, not of type integer"]),
        (
            {"things": [{"type": "mug", "lid": 1}], "color": "red"},
            ["/color is not known", "/things/0/lid is not known"],
        ),
    ],
)
def test_mistakes_are_told_with_their_path(value: Any, expected: list[str]) -> None:
    """Of several alternatives the one that was meant is compared; nulls and unknown members are told too."""
    assert expected == Comparison(SCHEMAS, strict=True).mistakes(value, SHELF)


def test_additions_are_allowed_where_they_are_to_be() -> None:
    """The newest revision may show more than the latest description knows."""
    assert [] == Comparison(SCHEMAS).mistakes({"things": [{"type": "mug", "lid": 1}], "color": "red"}, SHELF)


def test_each_tolerance_has_a_reason_of_its_own() -> None:
    """Nothing is let pass without saying why."""
    reasons = [one.reason for one in TOLERATED]
    assert len(set(reasons)) == len(reasons)
    assert "" not in reasons


def answer(path: str, document: Any, *, revision: str, status: int = 200, **more: Any) -> Answer:
    """Return an answer as the application would give it."""
    media_type = "application/json" if revision < "2024-10-15" else "application/vnd.api+json"
    body = json.dumps(document).encode()
    return Answer("GET", path, status, body, media_type, revision, **more)


FLOW: dict[str, Any] = {
    "type": "flow",
    "id": "abc123",
    "attributes": {"name": "Hello"},
    "links": {"self": "http://x.test/api/flows/abc123/"},
}
ERROR = {"id": "1", "code": "not_found", "title": "Not found.", "detail": "There is none.", "source": {}}


@pytest.mark.skipif(
    description(LATEST) is None,
    reason="the published descriptions are not at hand: answers are held against Headrace's own description alone",
)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("/api/flows/abc123/", {"data": FLOW}, revision="2024-02-15"), []),
        (
            answer("/api/flows/abc123/", {"data": {**FLOW, "id": 7}}, revision="2024-02-15"),
            ["/data/id is 7, not of type string"],
        ),
        (
            answer("/api/flows/abc123/", {"data": {**FLOW, "attributes": {"definition": {}}}}, revision="2024-02-15"),
            ["/data/attributes/definition is not known"],
        ),
        (
            answer("/api/flows/abc123", {"data": FLOW}, revision="2026-07-15", status=201),
            ["the status 201 is not promised"],
        ),
        (answer("/api/conjured", {"data": []}, revision="2024-02-15"), ["the operation is not known"]),
        (answer("/api/flows/abc123", {"errors": [ERROR]}, revision="2026-10-15", status=404), []),
        (answer("/api/flows/abc123", {"errors": [{}]}, revision="2026-10-15", status=404), ["/errors/0/id is missing"]),
        (answer("/headrace/clock", {"anything": 1}, revision="2026-10-15"), []),
    ],
)
def test_answers_are_held_against_the_revision_that_was_asked_for(given: Answer, expected: list[str]) -> None:
    """What a revision does not know, does not promise or does not have is a mistake."""
    assert expected == mistakes_of(given)[:1]
