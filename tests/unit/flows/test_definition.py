"""What a definition may say, and how its mistakes are reported."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from flow_documents import (
    NO_ORDERS,
    SAMPLE,
    branch,
    branches,
    definition,
    delay,
    email,
    experiment,
    groups,
    other,
    pointers,
    sms,
    split,
    stored,
)

from headrace.errors import Problems
from headrace.flows import trigger_type, validate
from headrace.flows.actions import ACTIONS
from headrace.flows.triggers import TRIGGERS

BASE = "/data/attributes/definition"


def mistakes(document: Any, *, creating: bool = True) -> list[str | None]:
    """Return the pointers of everything that is wrong with a document."""
    with pytest.raises(Problems) as refused:
        validate(document, creating=creating, base=BASE)
    return [str(pointer).removeprefix(BASE) for pointer in pointers(refused.value.problems)]


@pytest.mark.parametrize("document", [None, 5, []])
def test_a_definition_that_is_no_object_is_refused(document: Any) -> None:
    """The mistake is told in JSON's words, not in those of the code."""
    with pytest.raises(Problems) as refused:
        validate(document, creating=True, base=BASE)
    (problem,) = refused.value.problems
    shown = "null" if document is None else str(document)
    assert f"{shown} is not a valid value of 'definition': it must be an object." == problem.detail


def test_a_correct_definition_is_kept_as_it_came() -> None:
    """Nothing is added, left out or reordered."""
    document = definition(
        split("a", "b", None, {"type": "profile-group-membership", "is_member": True, "group_ids": ["LIST01"]}),
        delay("b", "c", secondary_value=0, delay_until_weekdays=["monday"]),
        split("c", "d", "e"),
        email("d"),
        sms("e"),
        profile_filter=groups(NO_ORDERS),
        reentry_criteria={"duration": 3, "unit": "day"},
    )
    before = copy.deepcopy(document)
    assert validate(document, creating=True).document is document
    assert before == document


@pytest.mark.parametrize(
    "document",
    [
        definition(entry=None),
        definition(entry=None, triggers=[]),
        definition(email("a"), email("alone")),
        definition(email("a"), entry=None),
        definition({"temporary_id": "a", "type": "send-email"}),
        definition({"temporary_id": "a", "type": "conditional-split", "links": None, "data": None}),
        definition({"id": None, **email("a")}),
        definition(email("a", message_id=None) | {"data": {}}),
    ],
    ids=["empty", "unconfigured", "unreachable", "no-entry", "bare", "null-parts", "null-id", "empty-data"],
)
def test_unfinished_definitions_can_be_stored(document: dict[str, Any]) -> None:
    """What the published description allows is stored, finished or not."""
    assert document == validate(document, creating=True).document


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, [""]),
        ([], [""]),
        ({}, ["/triggers", "/actions", "/entry_action_id"]),
        (definition(email("a"), triggers=[{"type": "metric"}, {"type": "list"}]), ["/triggers"]),
        (definition(email("a"), triggers=[{"type": "moon"}]), ["/triggers/0"]),
        (definition(email("a"), triggers=[{"type": "metric", "id": 5}]), ["/triggers/0/id"]),
        (definition(email("a"), color="red"), ["/color"]),
        (definition(email("a"), reentry_criteria={"duration": 1, "unit": "month"}), ["/reentry_criteria/unit"]),
        (definition(email("a", subject="x")), ["/actions/0/data/message/subject"]),
        (definition(email("a", transactional="no")), ["/actions/0/data/message/transactional"]),
        (definition(email("a", status="on")), ["/actions/0/data/status"]),
        (definition(sms("a", body=None)), ["/actions/0/data/message/body"]),
        (definition(delay("a", value=-1)), ["/actions/0/data/value"]),
        (definition(delay("a", value=1.5)), ["/actions/0/data/value"]),
        (definition(delay("a", unit="weeks")), ["/actions/0/data/unit"]),
        (definition(delay("a", timezone="Mars/Olympus")), ["/actions/0/data/timezone"]),
        (definition(delay("a", delay_until_time="25:00:00")), ["/actions/0/data/delay_until_time"]),
        (definition(delay("a", delay_until_weekdays=["someday"])), ["/actions/0/data/delay_until_weekdays/0"]),
        (definition(other("teleport", "a")), ["/actions/0"]),
        (definition("nonsense"), ["/actions/0", "/entry_action_id"]),
        (
            definition(split("a", None, None, {"type": "profile-sample", "percentage": 200})),
            ["/actions/0/data/profile_filter/condition_groups/0/conditions/0/percentage"],
        ),
    ],
)
def test_a_mistake_is_pointed_at(document: Any, expected: list[str]) -> None:
    """Each problem carries the JSON pointer of what is wrong."""
    assert expected == mistakes(document)


def test_several_mistakes_give_several_problems() -> None:
    """Mistakes of the models and of the graph are reported together."""
    document = definition(email("a", "nowhere", status="on"), delay("a", value="1"), entry="b")
    expected = {
        "/actions/0/data/status",
        "/actions/1/data/value",
        "/actions/1/temporary_id",
        "/actions/0/links/next",
        "/entry_action_id",
    }
    assert expected == set(mistakes(document))


def test_an_unknown_type_is_answered_with_the_known_ones() -> None:
    """The message names what was given and everything that is allowed."""
    with pytest.raises(Problems) as refused:
        validate(definition(other("teleport", "a")), creating=True)
    detail = refused.value.problems[0].detail
    assert '"teleport"' in detail
    assert all(kind in detail for kind in ACTIONS)


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([email("a", "a")], ["/actions/0/links/next"]),
        ([delay("a", "b"), delay("b", "a")], ["/actions/0/links/next", "/actions/1/links/next"]),
        (
            [delay("a", "b"), split("b", "c", None), delay("c", "b"), email("d")],
            ["/actions/1/links/next_if_true", "/actions/2/links/next"],
        ),
    ],
)
def test_a_cycle_is_refused(actions: list[dict[str, Any]], expected: list[str]) -> None:
    """One problem for a cycle, at one of its links, naming its actions in order."""
    found = mistakes(definition(*actions))
    assert len(found) == 1
    assert found[0] in expected


def test_every_cycle_is_told() -> None:
    """Cycles that share no action are a problem each, up to a number that bounds the work."""
    pairs = [action for n in range(3) for action in (delay(f"a{n}", f"b{n}"), delay(f"b{n}", f"a{n}"))]
    assert 3 == len(mistakes(definition(*pairs, entry="a0")))
    assert 20 == len(mistakes(definition(*(delay(f"a{n}", f"a{n}") for n in range(500)), entry="a0")))


def test_a_diamond_is_no_cycle() -> None:
    """Two branches may come together again."""
    document = definition(split("a", "b", "c"), delay("b", "d"), delay("c", "d"), email("d"))
    assert document == validate(document, creating=True).document


def test_a_chain_of_two_thousand_actions_is_checked() -> None:
    """Nothing recurses along a flow."""
    chain = [delay(f"d{number}", f"d{number + 1}") for number in range(2000)]
    document = definition(*chain, email("d2000"), entry="d0")
    assert document == validate(document, creating=True).document


def test_links_of_branches_are_checked() -> None:
    """A multi-branch split keeps its links in its branches."""
    document = definition(branches("a", branch("x", "b", SAMPLE), branch("y", "nowhere")), email("b"))
    assert mistakes(document) == ["/actions/0/data/branches/1/links/next"]


def test_real_ids_are_refused_on_create() -> None:
    """Actions, messages and the actions inside experiments come with temporary ids only."""
    inner = {"id": "9", "type": "send-email", "data": {"message": {"id": "M9"}}}
    test = experiment("b", main_action=inner, current_experiment={"variations": [inner]})
    document = definition({**email("a", id="M1"), "id": "5"}, test)
    expected = {
        "/actions/0/id",
        "/actions/0/data/message/id",
        "/actions/1/data/main_action/id",
        "/actions/1/data/main_action/data/message/id",
        "/actions/1/data/current_experiment/variations/0/id",
        "/actions/1/data/current_experiment/variations/0/data/message/id",
    }
    assert expected == set(mistakes(document))


def test_stored_definitions_have_real_ids() -> None:
    """Without `creating`, a decimal id is required and a temporary one refused."""
    document = stored(email("a"))
    assert validate(document, creating=False).document is document
    assert mistakes({**document, "actions": [{**document["actions"][0], "id": "abc"}]}, creating=False) == [
        "/actions/0/id",
        "/entry_action_id",
    ]
    assert mistakes(definition(email("a")), creating=False) == [
        "/actions/0/id",
        "/actions/0/temporary_id",
        "/entry_action_id",
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("metric", "Metric"),
        ("list", "Added to List"),
        ("segment", "Added to List"),
        ("date", "Date Based"),
        ("price-drop", "Price Drop"),
        ("low-inventory", "Low Inventory"),
        (None, "Unconfigured"),
    ],
)
def test_trigger_types_have_their_names_in_the_api(kind: str | None, expected: str) -> None:
    """A flow without a trigger is unconfigured."""
    assert kind is None or kind in TRIGGERS
    assert expected == trigger_type({"triggers": [{"type": kind}] if kind else []})
