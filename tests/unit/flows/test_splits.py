"""Which way the splits lead: on the triggering event, on outputs, by several branches."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from flow_documents import (
    NO_ORDERS,
    NOW,
    SAMPLE,
    KnownFacts,
    branch,
    branches,
    context,
    delay,
    email,
    groups,
    other,
    output_split,
    split,
    stored,
    webhook,
)

from headrace.conditions.facts import Moment
from headrace.flows import CompiledFlow, compile_flow
from headrace.flows.actions import is_split, yes_branch
from headrace.flows.edit import delete_action
from headrace.flows.step import Advance
from headrace.model import Event

ORDERS_OF = {"type": "metric-property", "metric_id": "CART", "field": "total"}
BIG = {**ORDERS_OF, "filter": {"type": "numeric", "operator": "greater-than", "value": 50}}


def flow(*actions: dict[str, Any], **fields: Any) -> CompiledFlow:
    """Compile a flow whose actions are numbered 1, 2, ... in their order."""
    return compile_flow("FLOW01", "Test", "live", 3, stored(*actions, **fields))


def way(action: Any, facts: KnownFacts | None = None) -> tuple[int | None, str | None]:
    """Return where an action leads and what that way is called."""
    found = action.step(context(facts))
    assert isinstance(found, Advance)
    return found.next_id, found.branch


def trigger_split(**data: Any) -> dict[str, Any]:
    """Return a split on the triggering event."""
    data = {"trigger_filter": groups(BIG), "trigger_id": "CART", "trigger_type": "metric", **data}
    return other("trigger-split", "a", links={"next_if_true": "b", "next_if_false": "c"}, data=data)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event(1, "01", "CART", NOW, {"total": 60}), (2, "true")),
        (Event(1, "01", "CART", NOW, {"total": 40}), (3, "false")),
        (Event(1, "01", "OTHER", NOW, {"total": 60}), (3, "false")),
        (None, (3, "false")),
    ],
)
def test_a_trigger_split_asks_the_event_that_began_the_run(event: Event | None, expected: tuple[int, str]) -> None:
    """Where no event began it the answer is no."""
    action = flow(trigger_split(), email("b"), email("c")).actions[1]
    assert expected == way(action, KnownFacts(event=event))


def test_a_trigger_split_that_asks_nothing_goes_yes() -> None:
    """A null filter holds for everybody."""
    assert way(flow(trigger_split(trigger_filter=None), email("b"), email("c")).actions[1]) == (2, "true")


@pytest.mark.parametrize(
    ("outputs", "field", "expected"),
    [
        ({"1": {"status": 200, "body": {}, "error": None}}, "status", "true"),
        ({"1": {"status": 500, "body": {}, "error": None}}, "status", "false"),
        ({"1": {"status": 500, "body": {"customer": {"tier": 200}}, "error": None}}, "body.customer.tier", "true"),
        ({"1": {"status": None, "body": None, "error": "timeout"}}, "status", "false"),
        ({"1": {"status": 200, "body": "text", "error": None}}, "body.customer", "false"),
        ({"9": {"status": 200}}, "status", "false"),
        ({}, "status", "false"),
    ],
)
def test_an_output_split_asks_what_a_webhook_answered(outputs: dict[str, Any], field: str, expected: str) -> None:
    """By a path into the answer; without an answer it is no."""
    action = flow(webhook("a", "b"), output_split("b", None, None, 1, field)).actions[2]
    assert way(action, KnownFacts(outputs=outputs)) == (None, expected)


def test_the_first_branch_that_holds_is_taken_in_their_order() -> None:
    """Not in that of the document; branches without an order come last, the one for the rest takes who is left."""
    compiled = flow(
        branches(
            "a",
            branch("rest", "e", order=0),
            branch("unordered", "d", SAMPLE),
            branch("second", "c", SAMPLE, order=2),
            branch("first", "b", NO_ORDERS, order=1),
        ),
        *(email(key) for key in "bcde"),
    )
    assert way(compiled.actions[1], KnownFacts(orders=0)) == (2, "first")
    assert way(compiled.actions[1], KnownFacts(orders=1)) == (3, "second")


def test_who_fits_no_branch_takes_the_one_for_the_rest() -> None:
    """What each branch saw is told under its id."""
    compiled = flow(branches("a", branch("x", "b", NO_ORDERS), branch("rest", "c")), email("b"), email("c"))
    found = compiled.actions[1].step(context(KnownFacts(orders=3)))
    assert found == Advance(3, "rest", {"x": {"profile-metric:ORDERS": {"saw": 3, "held": False}}})


def test_samples_in_several_branches_are_drawn_apart() -> None:
    """Two halves in a row leave a quarter for the rest."""
    half = {"type": "profile-sample", "percentage": 50}
    action = flow(branches("a", branch("x", None, half), branch("y", None, half), branch("rest", None))).actions[1]
    facts = [KnownFacts(moment=Moment(NOW, NOW, UTC, f"run-{number}")) for number in range(800)]
    found = [way(action, one)[1] for one in facts]
    assert 0.2 < found.count("y") / 800 < 0.3
    assert 0.2 < found.count("rest") / 800 < 0.3


def test_needs_of_all_branches_are_stated() -> None:
    """Which one is asked is not known beforehand."""
    action = flow(branches("a", branch("x", None, SAMPLE), branch("y", None, NO_ORDERS), branch("rest", None))).actions[
        1
    ]
    assert len(action.needs(Moment(NOW, NOW, UTC))) == 1


def test_splits_are_told_from_other_actions() -> None:
    """And where those go who skip a split's question."""
    several = branches("a", branch("rest", "d"), branch("y", "c", SAMPLE, order=2), branch("x", "b", SAMPLE, order=1))
    compiled = flow(
        several, email("b"), email("c"), split("d", "b", "c"), delay("e"), trigger_split() | {"temporary_id": "f"}
    )
    actions = [compiled.actions[number] for number in range(1, 7)]
    assert [is_split(action) for action in actions] == [True, False, False, True, False, True]
    assert [yes_branch(action) for action in actions] == [2, None, None, 2, None, 2]


def test_a_deleted_split_is_followed_by_the_branch_that_is_asked_first() -> None:
    """As those go who skip its question; what only other branches led to goes with it."""
    several = branches("b", branch("rest", "e"), branch("y", "d", SAMPLE, order=2), branch("x", "c", SAMPLE, order=1))
    document = stored(delay("a", "b"), several, email("c"), email("d"), email("e"))
    deleted = delete_action(document, 2)
    assert [action["id"] for action in deleted.document["actions"]] == ["1", "3"]
    assert deleted.document["actions"][0]["links"] == {"next": "3"}
    assert deleted.tombstones == {2: 3, 4: None, 5: None}
