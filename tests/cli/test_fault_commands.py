"""`headrace fault`."""

from __future__ import annotations

from commands import Commands


def test_faults_are_added_listed_and_taken_back(headrace: Commands) -> None:
    """What was added is listed, oldest first, until it is taken back."""
    headrace.run("account", "create", "Shop", "--test")
    first = headrace.run("fault", "add", "--status", "429", "--operation", "get_flows", "--count", "3").strip()
    second = headrace.run("fault", "add", "--latency-ms", "200").strip()
    listed = [(one["fault_id"], one["status"], one["remaining"]) for one in headrace.data("fault", "list")]
    assert [(first, 429, 3), (second, None, 1)] == listed
    assert "2 faults were taken back." == headrace.run("fault", "clear").strip()
    assert [] == headrace.data("fault", "list")
    headrace.run("fault", "add", "--status", "503")
    assert "1 fault was taken back." == headrace.run("fault", "clear").strip()


def test_a_fault_that_cannot_be_is_told_in_one_line(headrace: Commands) -> None:
    """The rule that is broken is named, before or after the account is looked up."""
    headrace.run("account", "create", "Shop", "--test")
    assert "429, 500 or 503" in headrace.fails("fault", "add", "--status", "404")
    assert "a fault has a status" in headrace.fails("fault", "add")
    assert '"get_flow_s"' in headrace.fails("fault", "add", "--status", "503", "--operation", "get_flow_s")


def test_a_production_account_has_no_faults(headrace: Commands, account: str) -> None:
    """The line names the account."""
    assert f"The account {account} is not a test account" in headrace.fails("fault", "add", "--status", "503")
