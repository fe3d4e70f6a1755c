"""`headrace explain`."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from commands import Commands

from headrace.engine.simulate import START, Simulation
from headrace.storage.database import Database

DELAY = {"unit": "hours", "value": 1, "secondary_value": 0, "timezone": "profile"}
MESSAGE = {"name": "Hello", "subject_line": "Hello", "template_id": "Hello", "smart_sending_enabled": False}
CONDITION = {"type": "profile-sample", "percentage": 0}
SPLIT = {"profile_filter": {"condition_groups": [{"conditions": [CONDITION]}]}}
FLOW = {
    "name": "Cart",
    "definition": {
        "triggers": [{"type": "metric", "id": "Checkout Started", "trigger_filter": None}],
        "profile_filter": None,
        "entry_action_id": "wait",
        "actions": [
            {"temporary_id": "wait", "type": "time-delay", "links": {"next": "half"}, "data": DELAY},
            {
                "temporary_id": "half",
                "type": "conditional-split",
                "links": {"next_if_true": "mail", "next_if_false": None},
                "data": SPLIT,
            },
            {
                "temporary_id": "mail",
                "type": "send-email",
                "links": {"next": None},
                "data": {"message": MESSAGE, "status": "live"},
            },
        ],
    },
}


@pytest.fixture
def played(headrace: Commands, database_dsn: str) -> Commands:
    """The commands over an account in which somebody went through a flow, down the branch without a message."""

    async def play() -> None:
        database = await Database.connect(database_dsn)
        simulation = await Simulation.open(database)
        await simulation.flow(FLOW)
        await simulation.event("Checkout Started", "ana")
        await simulation.advance("2h")
        await database.close()

    asyncio.run(play())
    return headrace


def test_each_step_is_printed_with_its_truth_table(played: Commands) -> None:
    """The run, the wait, the split, what its condition saw."""
    printed = played.run("explain", "--profile", "ana@example.com", "--flow", "Cart")

    assert "finished" in printed
    assert "branch false" in printed
    assert "profile-sample" in printed


def test_the_first_rule_that_failed_is_told(played: Commands) -> None:
    """Asked for a message that somebody did not get, the answer comes first; as data, too."""
    arguments = ("explain", "--profile", "ana@example.com", "--flow", "Cart", "--message", "Hello")

    first = played.run(*arguments).splitlines()[0]
    why = played.data(*arguments)["why"]

    assert "led them down the branch 'false', elsewhere" in first
    assert ("branch", (START + timedelta(hours=1)).isoformat()) == (why["rule"], why["at"])


def test_what_the_account_lacks_is_named(played: Commands) -> None:
    """A person, a flow, a message."""
    assert "nobody@" in played.fails("explain", "--profile", "nobody@example.com", "--flow", "Cart")
    assert "no flow 'Other'" in played.fails("explain", "--profile", "ana@example.com", "--flow", "Other")
    told = played.fails("explain", "--profile", "ana@example.com", "--flow", "Cart", "--message", "Bye")
    assert 'its messages are "Hello"' in told
