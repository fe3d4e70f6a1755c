"""What keeps a flow from going live, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from flow_documents import (
    NO_ORDERS,
    birthday,
    branch,
    branches,
    definition,
    delay,
    email,
    experiment,
    groups,
    other,
    output_split,
    pointers,
    split,
    stored,
    webhook,
)

from headrace.flows import why_not_live

PRICE_DROP = {"type": "price-drop", "price_drop_amount_value": 5, "audience": ["viewed"], "trigger_filter": None}
LOW_INVENTORY = {
    "type": "low-inventory",
    "product_level": "variant",
    "inventory_count": 3,
    "audience": ["viewed"],
    "trigger_filter": None,
}
OBJECT_DATE = {
    "type": "date",
    "date_field_type": "custom-object",
    "custom_object_label": "Car",
    "custom_object_property_id": 1,
    "object_type_id": "01H",
    "object_type_relationship_id": "01J",
    "timedelta_value_before_date": 1,
    "trigger_time": "09:00",
}
POSTAL_CODE = {
    "type": "profile-postal-code-distance",
    "country_code": "US",
    "postal_code": "02111",
    "unit": "miles",
    "filter": {"type": "numeric", "operator": "less-than", "value": 5},
}


def reasons(*actions: dict[str, Any], **fields: Any) -> dict[str | None, str]:
    """Return why a flow cannot go live, by pointer."""
    found = why_not_live(stored(*actions, **fields))
    assert {problem.status for problem in found} <= {409}
    return {problem.pointer: problem.detail for problem in found}


@pytest.mark.parametrize(
    "trigger",
    [{"type": "list", "id": "LIST01"}, {"type": "segment", "id": "SEG001"}, birthday(), {"type": "metric", "id": "M"}],
    ids=lambda trigger: trigger["type"],
)
def test_a_flow_that_runs_has_nothing_against_going_live(trigger: dict[str, Any]) -> None:
    """Every trigger for which there is data, and every action but the wait for a stock."""
    flow = reasons(
        split("a", "b", "c", NO_ORDERS),
        delay("b", "c"),
        webhook("c", "e"),
        output_split("e", "f", "f", output=3),
        branches("f", branch("x", "g", NO_ORDERS), branch("rest", "g")),
        experiment("g", "h"),
        other("code", "h", links={"next": None}),
        other("internal-service", "i"),
        other("target-date", "j", data={}),
        other("countdown-delay", "k", data={}),
        triggers=[trigger],
    )
    assert flow == {}


@pytest.mark.parametrize("url", ["https://x.test/a b ", "{{ event.url }}", "{% if a %}https://x.test{% endif %}"])
def test_a_webhook_s_address_may_be_a_template(url: str) -> None:
    """Only what is written out already is known to be no address."""
    assert {} == reasons(webhook("a", url=url))


@pytest.mark.parametrize(
    ("trigger", "missing"),
    [(PRICE_DROP, "prices"), (LOW_INVENTORY, "stock"), (OBJECT_DATE, "custom objects")],
    ids=["price-drop", "low-inventory", "custom-object"],
)
def test_triggers_without_data_cannot_go_live(trigger: dict[str, Any], missing: str) -> None:
    """The answer names the type and what is not kept."""
    ((pointer, detail),) = reasons(email("a"), triggers=[trigger]).items()
    assert pointer == "/triggers/0"
    assert f"'{trigger['type']}'" in detail
    assert missing in detail


def test_a_condition_that_does_not_run_keeps_a_flow_from_going_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stands, by its name."""
    from headrace.conditions import PROFILE_CONDITIONS

    monkeypatch.setattr(PROFILE_CONDITIONS["profile-postal-code-distance"], "obstacle", "no data is at hand")
    found = reasons(
        split("a", "b", None, POSTAL_CODE),
        email("b", additional_filters=groups(POSTAL_CODE)),
        branches("c", branch("x", None, POSTAL_CODE), branch("rest", None)),
        profile_filter=groups(POSTAL_CODE),
    )
    assert list(found) == [
        "/profile_filter/condition_groups/0/conditions/0",
        "/actions/0/data/profile_filter/condition_groups/0/conditions/0",
        "/actions/1/data/message/additional_filters/condition_groups/0/conditions/0",
        "/actions/2/data/branches/0/branch_filter/condition_groups/0/conditions/0",
    ]
    assert all("'profile-postal-code-distance'" in detail for detail in found.values())


@pytest.mark.parametrize(
    ("action", "pointer", "words"),
    [
        (other("back-in-stock-delay", "a"), "/actions/0", "does not run yet"),
        ({**email("a"), "data": {"status": "live"}}, "/actions/0/data/message", "has no message"),
        (other("send-webhook", "a"), "/actions/0/data/message", "has no message"),
        (webhook("a", url=None), "/actions/0/data/message/url", "has no url"),
        (webhook("a", url="notaurl"), "/actions/0/data/message/url", "'notaurl', which is no http or https address"),
        (webhook("a", url="ftp://shop.test/x"), "/actions/0/data/message/url", "is no http or https address"),
        (
            other(
                "send-internal-alert",
                "a",
                data={"message": {"from_email": None, "from_label": None, "to_emails": [], "subject_line": "x"}},
            ),
            "/actions/0/data/message/to_emails",
            "names nobody",
        ),
        (
            other("list-update", "a", data={"name": "n", "on_execution": True, "list_id": None}),
            "/actions/0/data/list_id",
            "names no list",
        ),
        (
            other("internal-service", "a", data={"service_configuration": {"service_method_type": "track-event"}}),
            "/actions/0/data/service_configuration/event_key",
            "has no event_key",
        ),
        (other("multi-branch-split", "a"), "/actions/0/data", "has no branches"),
        (
            branches("a", {"branch_id": "x"}, branch("rest", None)),
            "/actions/0/data/branches/0/branch_filter",
            "asks nothing in its branch 'x'",
        ),
        (
            experiment("a", main_action={"type": "send-email"}),
            "/actions/0/data/main_action/data/message",
            "holds an action that has no message",
        ),
        (
            experiment("a", current_experiment=None),
            "/actions/0/data/current_experiment/variations",
            "live experiment with 0 variations",
        ),
    ],
)
def test_what_is_unfinished_can_be_stored_and_not_go_live(action: dict[str, Any], pointer: str, words: str) -> None:
    """Each part that is missing is pointed at, and its action named."""
    ((at, detail),) = reasons(action).items()
    assert at == pointer
    assert words in detail
    assert f"action '1' of type '{action['type']}'" in detail


@pytest.mark.parametrize(
    ("actions", "ready"),
    [
        ([webhook("a", "b"), output_split("b", None, None, output=1)], True),
        ([other("code", "a", links={"next": "b"}), output_split("b", None, None, output=1)], True),
        ([webhook("a", "b"), delay("b", "c"), output_split("c", None, None, output=1)], True),
        ([webhook("a", "b"), output_split("b", None, None, output=7)], False),
        ([output_split("a", "b", None, output=2), webhook("b")], False),
        ([email("a", "b"), output_split("b", None, None, output=1)], False),
        ([webhook("a"), output_split("b", None, None, output=1)], False),
    ],
    ids=["webhook", "code", "further-up", "unknown", "behind", "no-output", "beside"],
)
def test_a_split_asks_for_the_output_of_an_action_before_it(actions: list[dict[str, Any]], ready: bool) -> None:
    """A webhook or code action on the way to it."""
    found = reasons(*actions)
    assert ready == (not found)
    assert ready or next(iter(found)).endswith("/condition_groups/0/conditions/0/output_config_id")


def test_an_unfinished_flow_cannot_go_live() -> None:
    """It has no trigger, or one without an id, or no entry."""
    assert pointers(why_not_live(definition(entry=None, triggers=[]))) == ["/triggers", "/entry_action_id"]
    for kind in ("metric", "list", "segment"):
        assert pointers(why_not_live(stored(email("a"), triggers=[{"type": kind}]))) == ["/triggers/0/id"]
