"""The multi-branch split in the spelling of the revisions before 2026-01-15."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from flow_documents import NO_ORDERS, branch, branches, definition, delay, email

from headrace.flows.old_branches import apart, together


def test_a_split_comes_apart_and_together_again() -> None:
    """The array of its links names the branch actions, which lead on; other actions stay."""
    document = definition(
        delay("a", "b"), {**branches("b", branch("x", "c", NO_ORDERS), branch("y", None)), "links": None}, email("c")
    )
    before = copy.deepcopy(document)
    found = apart(document)
    assert document == before
    assert [action["type"] for action in found["actions"]] == ["time-delay", "split", "branch", "branch", "send-email"]
    assert found["actions"][1]["links"] == {"next": ["x", "y"]}
    assert found["actions"][2]["links"] == {"next": "c"}
    assert together(found) == before


@pytest.mark.parametrize(
    "document",
    [
        None,
        5,
        {"actions": 5},
        {"actions": [5, {"type": "split"}]},
        {"actions": [{"type": "split", "links": {"next": ["gone"]}}]},
        {"actions": [{"type": "split", "links": {"next": "b"}}, {"type": "branch", "id": "b"}]},
        {"actions": [{"type": "branch", "id": "b"}]},
    ],
)
def test_what_is_no_split_stays_as_it_is(document: Any) -> None:
    """Validation then tells what is wrong with it."""
    assert together(document) == document
