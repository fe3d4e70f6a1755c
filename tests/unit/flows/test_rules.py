"""Rules between the parts of one action: branches, shares, sizes, addresses."""

from __future__ import annotations

from typing import Any

import pytest
from flow_documents import NO_ORDERS, SAMPLE, branch, branches, definition, experiment, groups, other, pointers

from headrace.errors import Problems
from headrace.flows import validate

REST = branch("rest", None)


def mistakes(*actions: dict[str, Any], **fields: Any) -> list[str | None]:
    """Return the pointers of everything that is wrong with a definition of these actions."""
    try:
        validate(definition(*actions, **fields), creating=True)
    except Problems as refused:
        return pointers(refused.problems)
    return []


def many(count: int) -> list[dict[str, Any]]:
    """Return so many branches that ask something."""
    return [branch(f"b{number}", None, SAMPLE, order=number) for number in range(count)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([*many(1), REST], []),
        ([*many(19), REST], []),
        ([REST, *many(1)], []),
        ([branch("x", None, SAMPLE), branch("y", None, SAMPLE), REST], []),
        ([*many(20), REST], [""]),
        ([REST], [""]),
        ([], ["", ""]),
        (many(2), [""]),
        ([*many(1), REST, branch("also", None)], ["/2/is_else"]),
        ([*many(1), {**REST, "branch_filter": groups(SAMPLE)}], ["/1/branch_filter"]),
        ([*many(1), branch("b0", None)], ["/1/branch_id"]),
        ([*many(1), branch("x", None, SAMPLE, order=0), REST], ["/1/order"]),
        ([*many(1), {"order": 7, "is_else": True}], ["/1/branch_id"]),
        ([*many(1), {**REST, "order": "2"}], ["/1/order"]),
        ([*many(1), REST, "nonsense"], ["/2"]),
    ],
)
def test_branches_are_told_apart_and_one_is_for_the_rest(found: list[Any], expected: list[str]) -> None:
    """Two to twenty, ids and orders of their own, exactly one for the rest, which asks nothing."""
    assert [f"/actions/0/data/branches{pointer}" for pointer in expected] == mistakes(branches("a", *found))


def test_a_branch_has_a_split_with_a_name() -> None:
    """The name of a multi-branch split is required, that of a branch is not."""
    assert mistakes(other("multi-branch-split", "a", data={"branches": [*many(1), REST]})) == ["/actions/0/data/name"]


def test_branches_take_conditions_on_the_triggering_event() -> None:
    """A conditional split does not."""
    is_set = {"type": "existence", "operator": "is-set"}
    asked = {"type": "metric-property", "metric_id": "CART", "field": "x", "filter": is_set}
    in_two = other("conditional-split", "a", data={"profile_filter": groups(asked)})
    assert mistakes(branches("a", branch("x", None, asked), REST)) == []
    assert mistakes(in_two) == ["/actions/0/data/profile_filter/condition_groups/0/conditions/0"]


@pytest.mark.parametrize(
    ("allocations", "expected"),
    [
        (None, []),
        ({}, []),
        ({"v1": 50, "v2": 50}, []),
        ({"v1": 66.7, "v2": 33.3}, []),
        ({"v1": 100}, []),
        ({"v1": 100, "v2": 0}, []),
        ({"v1": 60, "v2": 50}, [""]),
        ({"v1": 50, "v3": 50}, ["/v3"]),
        ({"v1": 50, "v2": "50"}, ["/v2", ""]),
        ({"v1": True, "v2": 100}, ["/v1"]),
        ({"v1": -10, "v2": 100}, ["/v1"]),
        ({"a/b": 100}, ["/a~1b"]),
        ("half", [""]),
    ],
)
def test_shares_name_variations_and_sum_to_the_whole(allocations: Any, expected: list[str]) -> None:
    """Numbers from 0 to 100 for variations of this experiment."""
    action = experiment("a")
    action["data"]["current_experiment"]["allocations"] = allocations
    base = "/actions/0/data/current_experiment/allocations"
    assert [base + pointer for pointer in expected] == mistakes(action)


@pytest.mark.parametrize(("kind", "count", "fits"), [("sms", 25, True), ("sms", 26, False), ("email", 26, True)])
def test_so_many_text_messages_are_tested_and_no_more(kind: str, count: int, fits: bool) -> None:
    """A test of e-mails may have more variations."""
    sent = {"type": f"send-{kind}", "data": {"message": {"body": "x"} if kind == "sms" else {}}}
    action = experiment("a", main_action=sent)
    action["data"]["current_experiment"]["variations"] = [
        {"temporary_id": f"v{number}", **sent} for number in range(count)
    ]
    assert mistakes(action) == ([] if fits else ["/actions/0/data/current_experiment/variations"])


@pytest.mark.parametrize(("size", "fits"), [(50_000, True), (50_001, False)])
def test_an_action_writes_so_much_text_and_no_more(size: int, fits: bool) -> None:
    """All texts of an action count together, in bytes."""
    kept = {"operator": "update", "property_key": "a"}
    operations = [
        {**kept, "property_type": "string", "property_value": "x" * 50_000},
        {
            **kept,
            "property_type": "list",
            "property_operation": "add",
            "property_value": "é" * (size // 2) + "x" * (size % 2),
        },
        {**kept, "property_type": "numeric", "property_value": 5},
    ]
    found = mistakes(other("update-profile", "a", data={"profile_operations": operations}))
    assert found == ([] if fits else ["/actions/0/data/profile_operations"])


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"operator": "create", "property_type": "date", "property_key": "a", "property_value": "today"}, []),
        ({"operator": "create", "property_type": "date", "property_key": "a", "property_value": "2024-02-29"}, []),
        ({"operator": "delete", "property_key": "a"}, []),
        ({"operator": "update", "property_type": "numeric", "property_key": "a", "property_value": 2.5}, []),
        (
            {"operator": "create", "property_type": "date", "property_key": "a", "property_value": "2023-02-29"},
            ["/property_value"],
        ),
        (
            {"operator": "update", "property_type": "numeric", "property_key": "a", "property_value": "5"},
            ["/property_value"],
        ),
        ({"operator": "update", "property_type": "color", "property_key": "a", "property_value": "5"}, [""]),
        ({"operator": "delete"}, ["/property_key"]),
        (
            {"operator": "append", "property_type": "string", "property_key": "a", "property_value": "5"},
            ["/operator"],
        ),
    ],
)
def test_operations_on_profiles_are_read(operation: dict[str, Any], expected: list[str]) -> None:
    """Each type of property has its own values; dates may be today."""
    found = mistakes(other("update-profile", "a", data={"profile_operations": [operation]}))
    assert {pointer.rpartition("/profile_operations/0")[2] for pointer in found if pointer} == set(expected)


@pytest.mark.parametrize(("count", "fits"), [(1, True), (5, True), (6, False)])
def test_an_alert_goes_to_five_addresses_at_most(count: int, fits: bool) -> None:
    """The list of addresses is pointed at."""
    to = [f"a{number}@example.com" for number in range(count)]
    message = {"from_email": None, "from_label": None, "to_emails": to, "subject_line": "x"}
    found = mistakes(other("send-internal-alert", "a", data={"message": message}))
    assert found == ([] if fits else ["/actions/0/data/message/to_emails"])


def test_every_mistake_is_reported_at_once() -> None:
    """Those of models, of rules and of links, each in its place."""
    expected = {
        "/triggers/0/trigger_time",
        "/actions/0/data/branches",
        "/actions/1/data/current_experiment/allocations/v9",
        "/actions/1/data/current_experiment/winner_metric",
        "/actions/2/data/message/action_buttons/0/label",
        "/actions/2/data/message/badge_options",
        "/actions/3/data/service_configuration",
        "/actions/3/links/next",
    }
    test = experiment("b", current_experiment={"variations": [], "winner_metric": "luck", "allocations": {"v9": 100}})
    push = {"body": "x", "action_buttons": [{"action_type": "dismiss"}], "badge_options": {"badge_config": "big"}}
    trigger = {"type": "date", "date_field_type": "profile-property", "date_profile_property": "x"}
    found = mistakes(
        branches("a", *many(1), branch("b", None, NO_ORDERS)),
        test,
        other("send-mobile-push", "c", data={"message": push}),
        other(
            "internal-service", "d", links={"next": "z"}, data={"service_configuration": {"service_method_type": "x"}}
        ),
        triggers=[{**trigger, "timedelta_value_before_date": 1, "trigger_time": "noon"}],
    )
    assert set(found) == expected


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"type": "date"}, [""]),
        ({"type": "date", "date_field_type": "moon"}, [""]),
        ({"type": "date", "date_field_type": 5}, [""]),
        (
            {"type": "date", "date_field_type": "profile-property"},
            ["/timedelta_value_before_date", "/trigger_time", "/date_profile_property"],
        ),
        (
            {"type": "price-drop"},
            ["/trigger_filter", "/price_drop_amount_value", "/audience"],
        ),
        (
            {"type": "low-inventory", "audience": ["born"], "product_level": "shop", "inventory_count": 1.5},
            ["/product_level", "/trigger_filter", "/inventory_count", "/audience/0"],
        ),
        ({"type": "list", "id": "L", "trigger_filter": None}, ["/trigger_filter"]),
    ],
)
def test_triggers_have_the_fields_of_their_type(trigger: dict[str, Any], expected: list[str]) -> None:
    """What is missing and what is wrong is pointed at; a date has a form for each kind of field."""
    found = mistakes(triggers=[trigger], entry=None)
    assert [f"/triggers/0{pointer}" for pointer in expected] == found


@pytest.mark.parametrize(
    "item",
    [
        "01HSMS",
        {"message": "x"},
        {"message": "x", "image": {"static_image_asset_id": 3}},
        {"message": "x", "image": {"dynamic": True, "dynamic_image_template": "{{ x }}"}},
        {"message": "x", "image": {"rendered_asset_url": "https://example.com/x.png"}},
        {"message": "x", "image": {"static_image_asset_id": None}},
        {"message_format": "RCS"},
        {"rich_content": {"suggestions": [{"id": "1", "text": "Buy", "type": "REPLY"}]}},
        {"message": "x", "media": {"static_asset_id": "7"}},
    ],
)
def test_forms_of_a_text_message_may_leave_out_their_format(item: Any) -> None:
    """It is then what their fields allow."""
    message = {"body": "x", "message_hierarchy": [item]}
    assert mistakes(other("send-sms", "a", data={"message": message})) == []


def test_a_form_of_a_text_message_has_the_fields_of_its_format() -> None:
    """Cards are RCS only; the mistake is pointed at below the item."""
    items = [{"message": "x", "message_format": "SMS", "rich_content": {}}, {"message_format": "MMS"}, 5]
    found = mistakes(other("send-sms", "a", data={"message": {"body": "x", "message_hierarchy": items}}))
    base = "/actions/0/data/message/message_hierarchy"
    assert found == [f"{base}/0/rich_content", f"{base}/1", f"{base}/2"]
