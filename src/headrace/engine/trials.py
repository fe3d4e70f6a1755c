"""Experiments as the documents of their actions describe them: what is tried, and when and how it is over.

What is here: pure functions over an action's document. What is not: measuring and ending (`experiments`), and who gets
which variation (`flows/actions/experiments.py`). Source: reference 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.clock import as_utc
from headrace.flows.actions.base import RUNNING
from headrace.flows.actions.experiments import FEWEST_VARIATIONS
from headrace.flows.walk import Document, clone
from headrace.storage.database import Row

COUNTED = {
    "click-rate": "clicks",
    "open-rate": "opens",
    "submission": None,
    "unique-clicks": "clicks",
    "unique-opens": "opens",
    "unique-placed-orders": "orders",
}
"""What each winner metric counts. Our choice: nothing that Headrace sends is submitted, so such a test ends by its date
or by hand, with the first variation."""
DEFAULT_METRIC = "unique-clicks"
"""Source: reference 2.4 (click rate by default)."""


@dataclass(frozen=True, slots=True)
class End:
    """Why an experiment ends; `edits` tells whether its leader becomes the main action."""

    reason: str
    edits: bool


SIGNIFICANT = End("significant", edits=True)
END_DATE = End("end_date", edits=True)
SWITCHED_OFF = End("switched_off", edits=True)
COMPLETED = End("completed_by_user", edits=False)
STOPPED = End("stopped_by_user", edits=False)
REPLACED = End("replaced", edits=False)
DELETED = End("action_deleted", edits=False)
CLOSED = End("flow_closed", edits=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """An action's experiment as its document describes it. Variations without an id are named by their place."""

    data: Mapping[str, Any]
    experiment_id: str
    variations: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, action: Mapping[str, Any]) -> Trial:
        """Read an action's document."""
        data = action.get("data") or {}
        tried = data.get("current_experiment") or {}
        found = enumerate(tried.get("variations") or ())
        variations = {str(one.get("id") or f"{action['id']}:{place}"): one for place, one in found}
        return cls(data, str(tried.get("id") or action["id"]), variations)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The experiment's own settings."""
        found: Mapping[str, Any] = self.data.get("current_experiment") or {}
        return found

    @property
    def metric(self) -> str:
        """What decides about the winner."""
        return str(self.settings.get("winner_metric") or DEFAULT_METRIC)

    @property
    def is_on(self) -> bool:
        """Whether people are shared among variations now, as far as the action says."""
        status = self.data.get("status") or "draft"
        live = self.data.get("experiment_status") == "live"
        return live and status in RUNNING and len(self.variations) >= FEWEST_VARIATIONS

    def ended_by_hand(self, row: Row) -> End | None:
        """Return why the open experiment of a row is over whatever its figures say, None while it goes on."""
        if row["deleted"]:
            return DELETED
        if row["flow_closed"]:
            return CLOSED
        if row["experiment_id"] != self.experiment_id:
            return REPLACED
        if self.data.get("experiment_status") == "completed":
            return COMPLETED
        if self.data.get("experiment_status") != "live" or len(self.variations) < FEWEST_VARIATIONS:
            return STOPPED
        return None if self.is_on else SWITCHED_OFF

    @property
    def ends_at(self) -> datetime | None:
        """When the experiment ends by itself at the latest, None for never."""
        automatic = self.settings.get("automatic_winner_selection_settings") or {}
        date = automatic.get("automatic_end_date") if automatic.get("enabled") else None
        return _moment(date) if date else None

    def ended_by_itself(self, significant: bool, now: datetime) -> End | None:
        """Return why a running experiment ends, whichever comes first; only where that is switched on."""
        automatic = self.settings.get("automatic_winner_selection_settings") or {}
        if not automatic.get("enabled"):
            return None
        if automatic.get("automatic_end_statistical_certainty") and significant:
            return SIGNIFICANT
        return END_DATE if self.ends_at and now >= self.ends_at else None


def completed(action: Mapping[str, Any], winner: str) -> Document:
    """Return an action's document whose experiment is over and whose main action says what the winner says."""
    result: Document = clone(action)
    chosen: Document = clone(Trial.of(action).variations[winner])
    main = result["data"].get("main_action") or {}
    for part, was in ((chosen, main), (_message(chosen), _message(main))):
        part.pop("id", None)
        if was.get("id") is not None and chosen.get("type") == main.get("type"):
            part["id"] = was["id"]
    result["data"] = {**result["data"], "main_action": chosen, "experiment_status": "completed"}
    return result


def _message(action: Mapping[str, Any]) -> Document:
    message = (action.get("data") or {}).get("message")
    return message if isinstance(message, dict) else {}


def _moment(text: str) -> datetime:
    """Read the end date of an experiment; without an offset it is UTC."""
    found = datetime.fromisoformat(text)
    return as_utc(found if found.tzinfo else found.replace(tzinfo=UTC))
