"""Temporary ids become real ones everywhere; references to an account's things are found and replaced."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from flow_documents import (
    NO_ORDERS,
    definition,
    delay,
    email,
    experiment,
    groups,
    other,
    output_split,
    sms,
    split,
    stored,
    webhook,
)

from headrace.flows import as_creation, assign_ids, validate
from headrace.flows.references import References, references, relink


def assigned(document: dict[str, Any]) -> dict[str, Any]:
    """Assign ids 101, 102, ... and M1, M2, ..."""
    numbers, names = itertools.count(101), itertools.count(1)
    return assign_ids(document, lambda: next(numbers), lambda: f"M{next(names)}")


def test_temporary_ids_are_replaced_in_actions_links_and_entry() -> None:
    """Every action gets a number, `id` stands first, links and entry follow; the given document is left alone."""
    document = definition(delay("b", "c"), split("a", "b", None), email("c"), entry="a")
    before = copy.deepcopy(document)
    result = assigned(document)
    assert before == document
    assert result["entry_action_id"] == "102"
    assert [next(iter(action)) for action in result["actions"]] == ["id"] * 3
    assert [action["id"] for action in result["actions"]] == ["101", "102", "103"]
    assert not any("temporary_id" in action for action in result["actions"])
    assert [action["links"] for action in result["actions"]] == [
        {"next": "103"},
        {"next_if_true": "101", "next_if_false": None},
        {"next": None},
    ]
    assert result["actions"][2]["data"]["message"]["id"] == "M1"


def test_branches_and_experiments_are_renamed_too() -> None:
    """Links in branches, the actions inside an A/B test, their messages and their shares."""
    branches = [{"branch_id": "x", "links": {"next": "c"}}]
    inner = {"type": "send-email", "data": {"message": {"subject_line": "x"}}}
    experiment = {
        "variations": [{"temporary_id": "v1", **inner}, {"temporary_id": "v2", **inner}],
        "allocations": {"v1": 30, "v2": 70},
    }
    result = assigned(
        definition(
            other("multi-branch-split", "a", data={"name": "n", "branches": branches}),
            other(
                "ab-test", "c", data={"main_action": {"temporary_id": "m", **inner}, "current_experiment": experiment}
            ),
        )
    )
    assert result["actions"][0]["data"]["branches"][0]["links"] == {"next": "102"}
    data = result["actions"][1]["data"]
    assert data["main_action"]["id"] == "103"
    assert [variation["id"] for variation in data["current_experiment"]["variations"]] == ["104", "105"]
    assert data["current_experiment"]["allocations"] == {"104": 30, "105": 70}
    messages = [data["main_action"], *data["current_experiment"]["variations"]]
    assert [action["data"]["message"]["id"] for action in messages] == ["M1", "M2", "M3"]
    assert data["current_experiment"]["id"] == "M4"


def test_experiments_name_their_variations_for_themselves() -> None:
    """Two experiments may use the same temporary ids."""
    result = assigned(definition(experiment("a", "b"), experiment("b")))
    ids = [
        variation["id"]
        for action in result["actions"]
        for variation in action["data"]["current_experiment"]["variations"]
    ]
    assert ids == ["103", "104", "107", "108"]


def test_a_split_follows_the_number_of_the_action_that_it_asks_about() -> None:
    """A temporary id of digits is meant by the number; other numbers stay."""
    result = assigned(
        definition(webhook("7", "b"), output_split("b", "c", None, 7), output_split("c", None, None, 8), entry="7")
    )
    asked = [
        action["data"]["action_output_filter"]["condition_groups"][0]["conditions"][0]["output_config_id"]
        for action in result["actions"][1:]
    ]
    assert asked == [101, 8]
    assert result == assigned(as_creation(result))


def test_ids_that_are_there_stay() -> None:
    """Assigning twice changes nothing."""
    result = assigned(definition(email("a")))
    assert result == assigned(result)


def test_an_exported_definition_can_be_created_again() -> None:
    """`as_creation` gives a document that creates the same flow, ids aside."""
    exported = stored(split("a", "b", "c"), email("b"), sms("c"))
    document = as_creation(exported)
    assert validate(document, creating=True)
    numbers, names = itertools.count(1), itertools.count(1)
    assert exported == assign_ids(document, lambda: next(numbers), lambda: f"M{next(names)}")


def everything() -> dict[str, Any]:
    """Return a definition that refers to something in every way there is."""
    cart = {
        "type": "metric-property",
        "metric_id": "CART",
        "field": "x",
        "filter": {"type": "existence", "operator": "is-set"},
    }
    member = {"type": "profile-group-membership", "is_member": True, "group_ids": ["LIST01", "SEG001"]}
    return definition(
        split("a", None, None, member),
        email("b", additional_filters=groups(NO_ORDERS)),
        other(
            "send-mobile-push", "c", data={"message": {"conversion_metric_id": "PAID", "kv_pairs": {"metric_id": "no"}}}
        ),
        other("list-update", "d", data={"list_id": "LIST02"}),
        other("trigger-split", "e", data={"trigger_type": "metric", "trigger_id": "CART", "trigger_filter": None}),
        other("code", "f", data={"metric_id": "no"}),
        triggers=[{"type": "metric", "id": "CART", "trigger_filter": groups(cart)}],
        profile_filter=groups(NO_ORDERS),
    )


def test_references_are_found_with_their_pointers() -> None:
    """Metrics, lists and segments, templates; free maps and code are not looked into."""
    flow_filter = "/profile_filter/condition_groups/0/conditions/0/metric_id"
    expected = References(
        metric_ids={
            "CART": (
                "/triggers/0/id",
                "/triggers/0/trigger_filter/condition_groups/0/conditions/0/metric_id",
                "/actions/4/data/trigger_id",
            ),
            "ORDERS": (
                "/actions/1/data/message/additional_filters/condition_groups/0/conditions/0/metric_id",
                flow_filter,
            ),
            "PAID": ("/actions/2/data/message/conversion_metric_id",),
        },
        group_ids={
            "LIST01": ("/actions/0/data/profile_filter/condition_groups/0/conditions/0/group_ids/0",),
            "SEG001": ("/actions/0/data/profile_filter/condition_groups/0/conditions/0/group_ids/1",),
            "LIST02": ("/actions/3/data/list_id",),
        },
        template_ids={"TPL001": ("/actions/1/data/message/template_id",)},
    )
    found = references(everything())
    assert {key: set(value) for key, value in expected.metric_ids.items()} == {
        key: set(value) for key, value in found.metric_ids.items()
    }
    assert expected.group_ids == found.group_ids
    assert expected.template_ids == found.template_ids


def test_a_list_trigger_refers_to_its_list() -> None:
    """Its id names a group, a metric's a metric."""
    document = definition(triggers=[{"type": "list", "id": "LIST09"}], entry=None)
    assert references(document, "/x").group_ids == {"LIST09": ("/x/triggers/0/id",)}


def test_references_are_replaced_everywhere() -> None:
    """Ids in the maps are replaced wherever they stand, others stay."""
    result = relink(everything(), metrics={"CART": "cart2"}, groups={"SEG001": "seg2"}, templates={"TPL001": "tpl2"})
    found = references(result)
    assert set(found.metric_ids) == {"cart2", "ORDERS", "PAID"}
    assert set(found.group_ids) == {"LIST01", "seg2", "LIST02"}
    assert set(found.template_ids) == {"tpl2"}
