"""`headrace clock` and `headrace counts`."""

from __future__ import annotations

from datetime import datetime, timedelta

from commands import Commands

START = "2026-03-02T10:00:00+00:00"


def test_a_clock_is_frozen_moved_and_let_go(headrace: Commands) -> None:
    """A test account's clock obeys; `show` tells where it stands."""
    headrace.run("account", "create", "Shop", "--test")
    before = headrace.data("clock", "show")
    frozen = headrace.data("clock", "freeze")
    moved = headrace.data("clock", "advance", "3d")
    let_go = headrace.data("clock", "follow")

    assert ("system", "frozen", "frozen", "system") == tuple(one["mode"] for one in (before, frozen, moved, let_go))
    assert timedelta(days=3) == datetime.fromisoformat(moved["now"]) - datetime.fromisoformat(frozen["now"])


def test_a_clock_is_moved_to_a_moment(headrace: Commands) -> None:
    """`--to` takes a moment; without anything to come, `run-to-next` stays there."""
    headrace.run("account", "create", "Shop", "--virtual-clock", START)

    text = headrace.run("clock", "advance", "--to", "2026-03-05")
    stayed = headrace.data("clock", "run-to-next")

    assert "The clock stands at 2026-03-05 00:00:00 UTC; 0 things were done; nothing is due later." == text.strip()
    assert "2026-03-05T00:00:00+00:00" == stayed["now"]


def test_the_clock_of_a_production_account_is_left_alone(headrace: Commands, account: str) -> None:
    """The line names the account and how to make one for tests."""
    told = headrace.fails("clock", "freeze")
    assert f"The account {account} is not a test account" in told
    assert "--test" in told


def test_a_move_needs_one_target(headrace: Commands) -> None:
    """Neither or both are refused; a clock never goes back."""
    headrace.run("account", "create", "Shop", "--virtual-clock", START)
    assert "either a duration" in headrace.fails("clock", "advance")
    assert "either a duration" in headrace.fails("clock", "advance", "3d", "--to", "2027-01-01")
    assert "cannot go back" in headrace.fails("clock", "advance", "--to", "2020-01-01")
