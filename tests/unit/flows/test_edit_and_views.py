"""Edits of one action, statuses, and the older view of actions."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from flow_documents import definition, delay, email, experiment, other, pointers, sms, split, stored

from headrace.errors import NotFound, Problems
from headrace.flows import legacy, validate
from headrace.flows.actions import ACTIONS
from headrace.flows.edit import delete_action, replace_action
from headrace.flows.statuses import action_status, with_status


def ids(document: dict[str, Any]) -> list[str]:
    """Return the ids of the actions."""
    return [action["id"] for action in document["actions"]]


def test_an_action_is_replaced_as_a_whole() -> None:
    """The new one stands in its place with the old ids; the old document is left alone."""
    document = stored(email("a", "b"), delay("b", "c"), email("c"))
    before = copy.deepcopy(document)
    new = {
        "type": "send-email",
        "links": {"next": "3"},
        "data": {"message": {"subject_line": "New"}, "status": "manual"},
    }
    result = replace_action(document, 1, new)
    assert before == document
    assert {"id": "1", **new, "data": {"message": {"subject_line": "New", "id": "M1"}, "status": "manual"}} == result[
        "actions"
    ][0]
    assert before["actions"][1:] == result["actions"][1:]


def test_what_stays_in_its_place_inside_a_test_keeps_its_ids() -> None:
    """The experiment, its main action and its variations; a new variation, or one of another kind, has none yet."""
    document = stored(experiment("a"))
    new = experiment("a", main_action={"type": "send-sms", "data": {"message": {"body": "x"}}})
    del new["temporary_id"]
    inner = new["data"]["current_experiment"]
    inner["variations"] = [{"type": "send-email", "data": {"message": {"subject_line": str(n)}}} for n in range(3)]
    data = replace_action(document, 1, new)["actions"][0]["data"]
    variations = data["current_experiment"]["variations"]
    assert [one.get("id") for one in variations] == ["3", "4", None]
    assert [one["data"]["message"].get("id") for one in variations] == ["M2", "M3", None]
    assert data["current_experiment"]["id"] == "M4"
    assert "id" not in data["main_action"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"type": "send-sms", "data": {"message": {"body": "x"}}}, ["/base/type"]),
        ({"id": "9", "type": "send-email"}, ["/base/id"]),
        ({"type": "send-email", "data": {"message": {"id": "OTHER"}}}, ["/base/data/message/id"]),
        ({"type": "send-email", "links": {"next": "77"}}, ["/base/links/next"]),
        ({"type": "send-email", "links": {"next": "1"}}, ["/base/links/next"]),
        ({"type": "send-email", "data": {"status": "on", "x": 1}}, ["/base/data/status", "/base/data/x"]),
        ({"temporary_id": "t", "type": "send-email"}, ["/base/temporary_id"]),
        ({"type": "teleport"}, ["/base"]),
        ("nonsense", ["/base"]),
    ],
)
def test_a_replacement_that_breaks_a_rule_is_refused(action: Any, expected: list[str]) -> None:
    """Its type and ids cannot change, its links name actions of the flow, its fields are those of its type."""
    with pytest.raises(Problems) as refused:
        replace_action(stored(email("a", "b"), email("b")), 1, action, "/base")
    assert expected == pointers(refused.value.problems)


def test_an_unknown_action_is_not_found() -> None:
    """Neither replaced nor deleted."""
    with pytest.raises(NotFound, match="'9'"):
        replace_action(stored(email("a")), 9, email("a"))
    with pytest.raises(NotFound, match="'9'"):
        delete_action(stored(email("a")), 9)


def test_what_led_to_a_deleted_action_leads_to_its_successor() -> None:
    """Links and entry alike, and those who wait for it go on there."""
    middle = delete_action(stored(email("a", "b"), email("b", "c"), email("c")), 2)
    assert middle.document["actions"][0]["links"] == {"next": "3"}
    assert middle.tombstones == {2: 3}
    first = delete_action(stored(email("a", "b"), email("b")), 1)
    assert first.document["entry_action_id"] == "2"
    last = delete_action(stored(email("a", "b"), email("b")), 2)
    assert last.document["actions"][0]["links"] == {"next": None}
    assert last.tombstones == {2: None}
    assert delete_action(stored(email("a")), 1).document["entry_action_id"] is None


def test_a_deleted_split_after_a_delay_goes_on_with_yes() -> None:
    """What only NO led to goes too, and whoever waits there exits; what both led to stays."""
    document = stored(delay("a", "b"), split("b", "c", "d"), email("c", "e"), email("d", "e"), email("e"), entry="a")
    result = delete_action(document, 2)
    assert ids(result.document) == ["1", "3", "5"]
    assert result.document["actions"][0]["links"] == {"next": "3"}
    assert result.tombstones == {2: 3, 4: None}
    assert validate(result.document, creating=False)


def test_a_deleted_split_without_a_delay_before_it_throws_out() -> None:
    """Whoever points at it exits, though the flow goes on with YES."""
    document = stored(email("a", "b"), split("b", "c", None), email("c"))
    result = delete_action(document, 2)
    assert result.document["actions"][0]["links"] == {"next": "3"}
    assert result.tombstones == {2: None}


def test_deleting_a_multi_branch_split_keeps_its_first_branch() -> None:
    """The other branches go with it."""
    branches = [{"branch_id": key, "links": {"next": key}} for key in ("x", "y")]
    many = other("multi-branch-split", "b", data={"name": "n", "branches": branches})
    result = delete_action(stored(delay("a", "b"), many, email("x"), email("y")), 2)
    assert ids(result.document) == ["1", "3"]
    assert result.tombstones == {2: 3, 4: None}


def test_actions_that_nothing_led_to_survive_a_deletion() -> None:
    """Only what the deleted split led to can go with it."""
    document = stored(split("a", "b", "c"), email("b"), email("c"), email("alone"))
    assert ids(delete_action(document, 1).document) == ["2", "4"]


def test_a_status_is_set_on_every_action_that_has_one() -> None:
    """Delays and splits have none; an action without data gets some."""
    document = definition(
        delay("a", "b"), split("b", "c", "d"), email("c"), {"temporary_id": "d", "type": "send-webhook"}
    )
    result = with_status(document, "manual")
    assert [action_status(action) for action in result["actions"]] == [None, None, "manual", "manual"]
    assert document["actions"][:2] == result["actions"][:2]
    assert action_status(document["actions"][2]) == "live"


def test_a_status_that_is_left_out_is_draft() -> None:
    """As the description's default says."""
    assert action_status({"type": "send-email"}) == "draft"


def test_every_type_has_an_old_name() -> None:
    """The table of old names is complete."""
    assert set(ACTIONS) == set(legacy.ACTION_TYPES)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"unit": "hours", "value": 4, "secondary_value": 0}, 14_400),
        ({"unit": "days", "value": 1, "secondary_value": 2}, 93_600),
        ({"unit": "minutes", "value": 5}, 300),
        ({"value": 1}, 86_400),
    ],
)
def test_delay_seconds(data: dict[str, Any], expected: int) -> None:
    """The value in its unit and the secondary one in the next smaller."""
    assert {"delay_seconds": expected} == legacy.settings({"type": "time-delay", "data": data})


def test_the_older_view_of_an_email() -> None:
    """Tracking, sending and content; no rendering options."""
    action = email(
        "a",
        from_email="hello@example.com",
        add_tracking_params=True,
        custom_tracking_params=[{"param": "utm_source", "value": "flow"}],
        transactional=True,
    )
    assert legacy.action_type(action) == "SEND_EMAIL"
    assert legacy.settings(action) == {}
    assert legacy.tracking_options(action) == {
        "add_utm": True,
        "utm_params": [{"name": "utm_source", "value": "flow"}],
        "is_tracking_opens": True,
        "is_tracking_clicks": True,
    }
    assert legacy.send_options(action) == {"use_smart_sending": True, "is_transactional": True}
    assert legacy.render_options(action) is None
    assert legacy.content(action) == {
        "subject": "Hello",
        "preview_text": "",
        "from_email": "hello@example.com",
        "from_label": "",
        "reply_to_email": None,
        "cc_email": None,
        "bcc_email": None,
    }
    assert legacy.channel(action) == "Email"


def test_the_older_view_of_a_text_message() -> None:
    """Tracking without opens and clicks, and rendering options with their defaults."""
    action = sms("a", shorten_links=False)
    assert legacy.tracking_options(action) == {"add_utm": False, "utm_params": []}
    assert legacy.render_options(action) == {
        "shorten_links": False,
        "add_org_prefix": True,
        "add_info_link": True,
        "add_opt_out_language": False,
    }
    assert legacy.content(action) == {"body": "Hello", "media_url": None}


def test_the_older_view_of_a_split() -> None:
    """A split has nothing to track, send or render."""
    action = split("a", None, None)
    assert legacy.settings(action) == {"is_joined": False}
    views = (legacy.tracking_options, legacy.send_options, legacy.render_options, legacy.content, legacy.channel)
    assert [None] * 5 == [view(action) for view in views]
