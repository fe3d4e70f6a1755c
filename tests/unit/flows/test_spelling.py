"""The legacy camelCase file and the API's document say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flow_documents import definition, email, other, stored

from headrace.errors import Invalid
from headrace.flows import validate, why_not_live
from headrace.flows.spelling import FlowFile, from_camel, read_flow_file, to_camel

EXAMPLE = Path(__file__).parents[3] / "examples" / "abandoned-cart.json"


@pytest.fixture
def example() -> dict[str, Any]:
    """The project's own Abandoned Cart in the legacy spelling."""
    document: dict[str, Any] = json.loads(EXAMPLE.read_text())
    return document


def test_the_example_goes_there_and_back(example: dict[str, Any]) -> None:
    """Not a key, a value or its order changes."""
    assert json.dumps(example) == json.dumps(to_camel(from_camel(example)))


def test_the_example_is_a_flow_that_can_go_live(example: dict[str, Any]) -> None:
    """It holds every action type of the overview's flow."""
    file = read_flow_file(example)
    assert ("Abandoned Cart", "live") == (file.name, file.status)
    assert validate(file.definition, creating=False)
    assert why_not_live(file.definition) == []
    kinds = {action["type"] for action in file.definition["actions"]}
    assert kinds == {"conditional-split", "time-delay", "send-email", "send-sms"}


def test_only_keys_change() -> None:
    """Values stay, as do the keys of the user's own maps and of code."""
    document = {
        "entryActionId": "nextIfTrue",
        "headers": {"X-Shop_name": "a", "someKey": {"innerKey": 1}},
        "message": {"kvPairs": {"camelCase": 1, "snake_case": 2}},
        "action": {"type": "code", "data": {"someKey": 1}, "links": {"nextIfTrue": None}},
    }
    expected = {
        "entry_action_id": "nextIfTrue",
        "headers": {"X-Shop_name": "a", "someKey": {"innerKey": 1}},
        "message": {"kv_pairs": {"camelCase": 1, "snake_case": 2}},
        "action": {"type": "code", "data": {"someKey": 1}, "links": {"next_if_true": None}},
    }
    assert expected == from_camel(document)
    assert document == to_camel(expected)


def test_keys_that_are_spelled_so_already_stay() -> None:
    """Reading the API's own document changes nothing."""
    document = stored(email("a"), other("ab-test", "b", data={"current_experiment": {"allocations": {"a_B": 1}}}))
    assert document == from_camel(document)


def test_relationship_names_are_camel_cased() -> None:
    """`flow-actions` is `flowActions` in the legacy file."""
    assert to_camel({"relationships": {"flow-actions": {}}}) == {"relationships": {"flowActions": {}}}


def test_a_file_may_hold_the_attributes_alone() -> None:
    """With or without the document around them, with or without name and status."""
    inner = definition(email("a"))
    assert FlowFile("Untitled", "draft", inner) == read_flow_file({"definition": inner})
    assert FlowFile("N", "manual", inner) == read_flow_file(
        {"name": "N", "status": "manual", "definition": to_camel(inner)}
    )


@pytest.mark.parametrize("document", [None, [], {}, {"data": []}, {"data": {"attributes": {"definition": "x"}}}])
def test_a_file_without_a_flow_is_refused(document: Any) -> None:
    """The message says what is missing."""
    with pytest.raises(Invalid, match="is missing"):
        read_flow_file(document)
