"""Explaining: each step with its truth table, and the first rule that kept a message from somebody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from handwritten_flows import cart_flow, document, on_list, on_metric, welcome_series

from engine_shop import delay, email
from headrace.engine.explain import Explanation, explain
from headrace.engine.simulate import START, Simulation
from headrace.engine.truths import conditions_in, in_words
from headrace.engine.why import Why
from headrace.errors import NotFound
from headrace.model import DeliveryState
from headrace.storage.database import Database

ADULT = {
    "type": "profile-property",
    "property": "properties['adult']",
    "filter": {"type": "boolean", "operator": "equals", "value": True},
}


class Asked:
    """A simulation of one flow, and questions about one person."""

    def __init__(self, simulation: Simulation, flow_id: str) -> None:
        self.simulation, self.flow_id = simulation, flow_id

    @classmethod
    async def of(cls, database: Database, flow: dict[str, Any], status: str | None = "live") -> Asked:
        """Open a simulation of a flow."""
        simulation = await Simulation.open(database)
        return cls(simulation, await simulation.flow(flow, status))

    async def explain(self, message: str | None = None, person: str = "ana@example.com") -> Explanation:
        """Explain what happened to a person."""
        await self.simulation.advance("0s")
        core = self.simulation.core
        return await explain(core.database, self.simulation.account.account_id, person, self.flow_id, message)

    async def why(self, message: str, person: str = "ana@example.com") -> Why:
        """Return why a person did not get a message."""
        why = (await self.explain(message, person)).why
        assert why is not None
        return why

    async def execute(self, statement: str) -> None:
        """Change rows behind the engine's back."""
        async with self.simulation.core.database.transaction() as transaction:
            await transaction.execute(statement)


async def test_each_step_is_told_with_what_its_conditions_saw(database: Database) -> None:
    """The wait, the split with its truth table, the message with its fate."""
    asked = await Asked.of(database, cart_flow())
    await asked.simulation.event("Checkout Started", "ana")
    await asked.simulation.advance("2h")

    (run,) = (await asked.explain()).runs

    assert ("waiting", START) == (run.state, run.entered_at)
    split = next(step for step in run.steps if step.outcome == "branch")
    assert ("false", START + timedelta(hours=1)) == (split.branch, split.at)
    assert [False] == [one.held for one in split.conditions]
    assert [("reminder", "sent", START + timedelta(hours=1))] == [
        (one.name, one.state, one.sent_at) for one in run.messages
    ]
    assert START + timedelta(days=2, hours=1) == run.resume_at


async def test_a_message_that_was_sent_is_told_as_such(database: Database) -> None:
    """`got` says that there is nothing to explain."""
    asked = await Asked.of(database, cart_flow())
    await asked.simulation.event("Checkout Started", "ana")
    await asked.simulation.advance("2h")
    why = await asked.why("reminder")
    assert ("sent", True, START + timedelta(hours=1)) == (why.rule, why.got, why.at)


async def test_somebody_without_an_event_never_entered(database: Database) -> None:
    """The first rule of all: nothing happened."""
    asked = await Asked.of(database, cart_flow())
    await asked.simulation.person("ana")
    why = await asked.why("reminder")
    told = 'They have no event of the metric "Checkout Started", for which the flow waits.'
    assert ("no_event", told) == (why.rule, why.told)


async def test_an_event_from_before_the_flow_went_live_started_nothing(database: Database) -> None:
    """The moment of both is told."""
    simulation = await Simulation.open(database)
    await simulation.event("Checkout Started", "ana")
    await simulation.advance("1h")
    asked = Asked(simulation, await simulation.flow(cart_flow()))
    why = await asked.why("reminder")
    assert ("before_live", START) == (why.rule, why.at)


async def test_a_filter_that_fits_no_event_is_named(database: Database) -> None:
    """The trigger's filter kept the event from starting anything."""
    flow = cart_flow()
    condition = {
        "type": "metric-property",
        "metric_id": "Checkout Started",
        "field": "Brand",
        "filter": {"type": "string", "operator": "equals", "value": "Acme"},
    }
    flow["definition"]["triggers"][0]["trigger_filter"] = {"condition_groups": [{"conditions": [condition]}]}
    asked = await Asked.of(database, flow)
    await asked.simulation.event("Checkout Started", "ana", properties={"Brand": "Other"})
    assert "trigger_filter" == (await asked.why("reminder")).rule


async def test_an_entry_that_was_refused_tells_the_rule_and_what_it_saw(database: Database) -> None:
    """The flow's filter left the person out: the journal kept the truth table."""
    flow = cart_flow()
    flow["definition"]["profile_filter"] = {"condition_groups": [{"conditions": [ADULT]}]}
    asked = await Asked.of(database, flow)
    await asked.simulation.event("Checkout Started", "ana")

    found = await asked.explain("reminder")

    assert found.why is not None
    told = "They did not enter: the flow's filter left them out: profile-property:properties['adult'] saw null."
    assert ("refused", told) == (found.why.rule, found.why.told)
    assert [False] == [one.held for one in found.refused[0].conditions]


async def test_a_draft_lets_nobody_in(database: Database) -> None:
    """The flow's status is the first rule."""
    asked = await Asked.of(database, cart_flow(), status="draft")
    await asked.simulation.event("Checkout Started", "ana")
    assert "flow_draft" == (await asked.why("reminder")).rule


async def test_no_member_and_a_member_from_before(database: Database) -> None:
    """Flows that wait for a list tell who never joined from who was there already."""
    simulation = await Simulation.open(database)
    await simulation.person("ben")
    await simulation.join("Newsletter", "ana")
    await simulation.advance("1h")
    asked = Asked(simulation, await simulation.flow(welcome_series()))

    rules = [(await asked.why("mail 0", f"{name}@example.com")).rule for name in ("ana", "ben")]

    assert ["before_live", "no_member"] == rules


async def test_a_branch_that_led_elsewhere_is_named(database: Database) -> None:
    """Who ordered went down the other branch of the split."""
    asked = await Asked.of(database, cart_flow(buyers_leave=False))
    await asked.simulation.event("Checkout Started", "ana")
    await asked.simulation.event("Placed Order", "ana")
    await asked.simulation.advance("3d")

    why = await asked.why("last call")

    assert ("branch", START + timedelta(hours=1)) == (why.rule, why.at)
    assert "branch 'true', elsewhere: profile-metric \"Placed Order\" saw 1." in why.told


async def test_a_branch_with_a_name_is_called_by_it(database: Database) -> None:
    """The way that was taken, the conditions of another, and the list that they ask about, by their names."""
    member = {"type": "profile-group-membership", "is_member": True, "group_ids": ["Newsletter"]}
    branches = [
        {
            "branch_id": "b1",
            "name": "Readers",
            "branch_filter": {"condition_groups": [{"conditions": [member]}]},
            "links": {"next": "hello"},
        },
        {"branch_id": "b2", "name": "Others", "is_else": True, "links": {"next": "bye"}},
    ]
    split = {"temporary_id": "split", "type": "multi-branch-split", "data": {"name": "Who", "branches": branches}}
    asked = await Asked.of(
        database, document("Ways", on_metric("A"), split, email("hello", "Hello"), email("bye", "Bye"))
    )
    await asked.simulation.event("A", "ana")

    found = await asked.explain("hello")

    assert found.why is not None
    told = (
        'multi-branch-split "Who" led them down the branch \'Others\', elsewhere: profile-group-membership "Newsletter"'
    )
    assert f"{told} saw []." == found.why.told
    (step,) = (step for step in found.runs[0].steps if step.outcome == "branch")
    assert ("b2", "Others") == (step.branch, step.branch_name)
    assert [("b1", "Readers", '"Newsletter"')] == [(one.of, one.of_name, one.about) for one in step.conditions]


async def test_the_list_that_somebody_left_is_named(database: Database) -> None:
    """The sentence and the step tell its name and its id."""
    wait = delay("wait", "mail", value=1, unit="days")
    asked = await Asked.of(database, document("News", on_list("Newsletter"), wait, email("mail", "Mail")))
    await asked.simulation.join("Newsletter", "ana")
    await asked.simulation.leave("Newsletter", "ana")
    await asked.simulation.advance("2d")
    list_id = await database.fetch_value("SELECT group_id FROM profile_group")

    found = await asked.explain("mail")

    assert found.why is not None
    assert f'The action was skipped: Person No Longer in List ("Newsletter", {list_id}).' == found.why.told
    (step,) = (one for one in found.runs[0].steps if one.outcome == "skipped")
    assert [('group_id "Newsletter"', list_id)] == [(in_words(one), one.saw) for one in step.conditions]


async def test_who_waits_has_not_come_to_it_yet(database: Database) -> None:
    """The wait and its end are told."""
    asked = await Asked.of(database, cart_flow())
    await asked.simulation.event("Checkout Started", "ana")
    await asked.simulation.advance("2h")
    why = await asked.why("last call")
    assert ("waiting", START + timedelta(days=2, hours=1)) == (why.rule, why.at)


async def test_a_message_that_was_skipped_tells_the_reason(database: Database) -> None:
    """A text message to somebody without consent."""
    sms = {
        "temporary_id": "text",
        "type": "send-sms",
        "links": {"next": None},
        "data": {"message": {"name": "text", "body": "Hi", "smart_sending_enabled": False}, "status": "live"},
    }
    asked = await Asked.of(database, document("Text", on_metric("Checkout Started"), sms))
    await asked.simulation.event("Checkout Started", {"email": "ana@example.com", "phone_number": "+15005550006"})
    await asked.simulation.advance("1h")
    assert "skipped" == (await asked.why("text")).rule


async def test_what_could_not_be_written_is_told_in_detail(database: Database) -> None:
    """A webhook whose template gave no address: the reason is the rule's, the detail repeats what came of it."""
    webhook = {
        "temporary_id": "hook",
        "type": "send-webhook",
        "links": {"next": None},
        "data": {"message": {"name": "hook", "url": "not{{ event.nothing }}aurl"}, "status": "live"},
    }
    asked = await Asked.of(database, document("Hook", on_metric("Checkout Started"), webhook))
    await asked.simulation.event("Checkout Started", "ana")
    found = await asked.explain("hook")
    ((message,),) = [run.messages for run in found.runs]
    assert ("skipped", "Unable to Send Webhook") == (message.state, message.reason)
    assert message.detail is not None
    assert message.detail.endswith("is no web address")
    assert found.why is not None
    assert message.detail in found.why.told


async def test_an_action_that_was_no_live_one_is_told(database: Database) -> None:
    """A draft among live ones is passed over."""
    flow = cart_flow()
    for action in flow["definition"]["actions"]:
        if action["type"] == "send-email":
            action["data"]["status"] = "draft" if action["temporary_id"] == "reminder" else "live"
    asked = await Asked.of(database, flow, status=None)
    await asked.simulation.event("Checkout Started", "ana")
    await asked.simulation.advance("2h")
    assert "not_live" == (await asked.why("reminder")).rule


@pytest.mark.parametrize(
    ("state", "reason", "rule", "told"),
    [
        (DeliveryState.FAILED, "550 no such user", "failed", "550 no such user"),
        (DeliveryState.SKIPPED, "Unsubscribed", "skipped", "Unsubscribed"),
        (DeliveryState.UNCONFIRMED, None, "unconfirmed", "Nobody knows"),
        (DeliveryState.REVIEW, None, "review", "waits for a user"),
        (DeliveryState.CANCELED, None, "canceled", "canceled"),
        (DeliveryState.QUEUED, "421 busy", "queued", "421 busy"),
        (DeliveryState.SENDING, None, "sending", "just now"),
    ],
)
async def test_what_became_of_a_delivery_is_told(
    database: Database, state: DeliveryState, reason: str | None, rule: str, told: str
) -> None:
    """The provider's reason, the gate's, or what it waits for."""
    asked = await Asked.of(database, document("One", on_list("Newsletter"), email("hello", "Hello")))
    await asked.simulation.join("Newsletter", "ana")
    await asked.simulation.messages()
    kept = "NULL" if reason is None else f"'{reason}'"
    await asked.execute(f"UPDATE delivery SET state = {int(state)}, reason = {kept}, clock = -1")
    why = await asked.why("hello")
    assert rule == why.rule
    assert told in why.told


async def test_another_variation_is_told(database: Database) -> None:
    """Asked for one message of a test, who got another is told so."""
    asked = await Asked.of(database, document("One", on_list("Newsletter"), email("hello", "Hello")))
    await asked.simulation.join("Newsletter", "ana")
    await asked.simulation.messages()
    copy = """
        INSERT INTO flow_message (message_id, account_id, flow_id, action_id, channel, name, definition, created_at,
                                  updated_at)
        SELECT 'OTHER1', account_id, flow_id, action_id, channel, 'hello B', definition, created_at, updated_at
        FROM flow_message
    """
    await asked.execute(copy)

    why = await asked.why("hello B")

    assert ("variation", 'A test of variations gave them "hello" instead.') == (why.rule, why.told)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("state = 3, error = 'KeyError: x', clock = -1", "parked"),
        ("state = 4, clock = -1", "held_entry"),
        ("state = 2, exit_reason = 'action_deleted'", "exited"),
    ],
)
async def test_a_run_that_stands_still_or_left_is_told(database: Database, change: str, rule: str) -> None:
    """Parked by a bug, held at the entry, or left before."""
    asked = await Asked.of(database, document("One", on_metric("A"), delay("wait", "hello"), email("hello", "Hello")))
    await asked.simulation.event("A", "ana")
    await asked.simulation.advance("0s")
    await asked.execute(f"UPDATE run SET {change}")
    assert rule == (await asked.why("hello")).rule


async def test_what_the_account_lacks_is_not_found(database: Database) -> None:
    """A person, a flow, a message: each is named; messages that there are are listed."""
    asked = await Asked.of(database, cart_flow())
    await asked.simulation.event("Checkout Started", "ana")
    with pytest.raises(NotFound, match="nobody@example"):
        await asked.explain(person="nobody@example.com")
    with pytest.raises(NotFound, match='its messages are "last call", "reminder"'):
        await asked.explain("second reminder")
    with pytest.raises(NotFound, match="no flow"):
        await explain(database, asked.simulation.account.account_id, "ana@example.com", "NOFLOW", None)


def test_a_truth_table_is_read_from_what_the_journal_keeps() -> None:
    """Plain conditions, those of a branch below it, and what was kept before conditions told whether they held."""
    seen = {"group": {"saw": 3, "held": True}, "branch-1": {"profile-metric": {"saw": 0, "held": False}}, "old": 1}
    assert [("group", 3, True, None), ("profile-metric", 0, False, "branch-1"), ("old", 1, None, None)] == [
        (one.condition, one.saw, one.held, one.of) for one in conditions_in(seen)
    ]
