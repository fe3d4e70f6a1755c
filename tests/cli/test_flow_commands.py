"""`headrace flow`: managing a flow as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Commands

MAIL = {
    "temporary_id": "mail",
    "type": "send-email",
    "links": {"next": None},
    "data": {"message": {"name": "Mail", "subject_line": "Mail"}, "status": "draft"},
}
WAIT = {"temporary_id": "wait", "type": "time-delay", "links": {"next": "mail"}, "data": {"unit": "hours", "value": 1}}
CART = {
    "triggers": [{"type": "metric", "id": "METRIC", "trigger_filter": None}],
    "profile_filter": None,
    "actions": [WAIT, MAIL],
    "entry_action_id": "wait",
}


def _shop(headrace: Commands, folder: Path) -> str:
    """Make an account with a live flow and return the flow's id."""
    headrace.run("account", "create", "Shop")
    file = folder / "cart.json"
    file.write_text(json.dumps({"data": {"type": "flow", "attributes": {"name": "Cart", "definition": CART}}}))
    found: str = headrace.data("import", str(file), "--create-missing", "--status", "live")["flow_id"]
    return found


def test_a_flow_is_archived_and_opened_by_its_name(headrace: Commands, tmp_path: Path) -> None:
    """Without a worker the command does its own work, and says how many were let out."""
    flow_id = _shop(headrace, tmp_path)
    assert f"Archived flow {flow_id}; 0 runs ended.\n" == headrace.run("flow", "archive", "Cart")
    assert f"Opened flow {flow_id} again.\n" == headrace.run("flow", "unarchive", flow_id)


def test_past_profiles_are_added(headrace: Commands, tmp_path: Path) -> None:
    """The command tells how many were added, and refuses a mode that does not go with the trigger."""
    flow_id = _shop(headrace, tmp_path)
    assert f"Added 0 past profiles to flow {flow_id}.\n" == headrace.run("flow", "back-populate", flow_id)
    assert "takes none" in headrace.fails("flow", "back-populate", flow_id, "--mode", "at_start")


def test_held_people_are_shown_and_settled(headrace: Commands, tmp_path: Path) -> None:
    """Where nobody is held there is nothing to release or discard."""
    flow_id = _shop(headrace, tmp_path)
    assert {"flow_id": flow_id, "runs": 0, "holding_since": None} == headrace.data("flow", "held", flow_id)
    assert f"Released 0 runs into flow {flow_id}.\n" == headrace.run("flow", "release-held", flow_id)
    assert f"Discarded 0 runs before flow {flow_id}.\n" == headrace.run("flow", "discard-held", flow_id)
