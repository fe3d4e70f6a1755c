"""A wake: one run, due now, on its way through its immediate actions.

What is here: the working record of one run within a batch, and what each way of going on writes into it. What is not:
deciding (`flows`), loading (`loading`), gates (`sends`), storing (`advance`). The record is mutable and lives as long
as its batch: thousands are made per second.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any, TypeAlias

from headrace.conditions.facts import Moment
from headrace.flows.compiled import CompiledFlow
from headrace.flows.step import StepContext
from headrace.model import Account, Profile, RunState
from headrace.storage.database import Row
from headrace.storage.deliveries import NewDelivery
from headrace.storage.facts import LoadedFacts
from headrace.storage.journal import Entry
from headrace.storage.runs import RunUpdate

Counted: TypeAlias = tuple[int, str, str, int]
"""action id (0 for the flow), counter, detail, amount."""

WAITING = int(RunState.WAITING)
FINISHED = int(RunState.FINISHED)
EXITED = int(RunState.EXITED)
PARKED = int(RunState.PARKED)

LONGEST_ERROR = 2_000
"""Characters of an error that a parked run keeps."""
LONGEST_ANSWER = timedelta(days=1)
"""Our choice: a run that waits for what a webhook answered goes on without it after a day."""
COUNTED_AS = {"queued": ("passed",), "review": ("review", "passed"), "changed": ("passed",)}
"""The counters of outcomes that have no detail of their own."""


class Wake:
    """One run of a batch. `active` tells whether it still has an action to carry out in this wake."""

    __slots__ = (
        "account",
        "account_id",
        "account_zone",
        "action_id",
        "active",
        "awaits",
        "bucket",
        "counted",
        "deliveries",
        "entered_at",
        "error",
        "exit_reason",
        "facts",
        "flow",
        "flow_id",
        "journal",
        "now",
        "profile_id",
        "resume_at",
        "row",
        "run_id",
        "state",
        "steps",
        "visited",
        "visited_before",
        "waiting_in",
        "zone",
    )

    def __init__(self, row: Row, now: datetime) -> None:
        self.row = row
        self.bucket: int = row["bucket"]
        self.account_id: str = row["account_id"]
        self.run_id: uuid.UUID = row["run_id"]
        self.flow_id: str = row["flow_id"]
        self.profile_id: str = row["profile_id"]
        self.entered_at: datetime = row["entered_at"]
        self.action_id: int | None = row["action_id"]
        self.resume_at: datetime = row["resume_at"]
        self.steps: int = row["steps"]
        self.visited_before: list[int] = row["visited"]
        self.visited: list[int] = []
        self.now = now
        self.state = WAITING
        self.exit_reason: str | None = None
        self.error: str | None = None
        self.active = True
        self.journal: list[Entry] = []
        self.deliveries: list[NewDelivery] = []
        self.waiting_in: int | None = None
        self.awaits: uuid.UUID | None = None
        self.counted: list[Counted] = self._behind()

    def _behind(self) -> list[Counted]:
        """Return what counts for having gone past the action in which the run waited."""
        left: int | None = self.row["waiting_in"]
        passed = left is not None and left != self.row["action_id"] and not self._was_counted(left)
        return [(left, "passed", "", 1)] if passed and left is not None else []

    def _was_counted(self, left: int) -> bool:
        """Tell whether the action left behind was a message, counted when it was queued, whose answer came or not."""
        return self.row["awaits"] is not None or str(left) in (self.row["outputs"] or ())

    account: Account
    account_zone: tzinfo
    facts: LoadedFacts
    flow: CompiledFlow
    zone: tzinfo

    def meet(self, account: Account, account_zone: tzinfo, profile: Profile, zone: tzinfo) -> None:
        """Learn who the run is about and in which account; the event behind it is loaded where it is asked for."""
        self.account, self.account_zone, self.zone = account, account_zone, zone
        number = self.row["event_number"]
        key = f"{self.profile_id}:{number if number is not None else self.entered_at.isoformat()}"
        moment = Moment(self.now, self.entered_at, zone, key, self.flow_id, number)
        self.facts = LoadedFacts(profile, None, moment, self.row["outputs"])

    def context(self) -> StepContext:
        """Return what the step of the present action may look at."""
        assert self.action_id is not None
        target_on = self.row["target_on"]
        return StepContext(self.action_id, self.now, self.zone, self.account_zone, self.facts, target_on)

    def note(self, outcome: str, detail: Any = None) -> None:
        """Write a journal row about the present action, and count what came of it."""
        entry = (self.bucket, self.account_id, self.run_id, self.now, self.steps, self.flow_id, self.action_id, outcome)
        self.journal.append((*entry, detail))
        self.steps += 1
        if outcome in COUNTED_AS:
            for counter in COUNTED_AS[outcome]:
                self.count(counter)
        elif outcome == "branch":
            self.count("branch", str(detail["branch"]))
        elif outcome == "skipped":
            self.count("skipped", detail["reason"])

    def count(self, counter: str, detail: str = "") -> None:
        """Count something at the present action."""
        self.counted.append((self.action_id or 0, counter, detail, 1))

    def go_on(self, next_id: int | None) -> None:
        """Leave the present action behind, carried out, and turn to the next one; None ends the run."""
        if self.action_id is not None:
            self.visited.append(self.action_id)
        self.pass_to(next_id)

    def pass_to(self, next_id: int | None) -> None:
        """Turn to the next action without having carried out the present one; None ends the run."""
        self.action_id = next_id
        if next_id is None:
            self.state, self.active = FINISHED, False
            self.counted.append((0, "finished", "", 1))

    def sleep(self, until: datetime, next_id: int | None) -> None:
        """Wait until `until` in the present action, which is carried out, and turn to `next_id` then."""
        self.note("waiting", {"until": until.isoformat()})
        self._stop_in(next_id, until)

    def await_delivery(self, delivery_id: uuid.UUID, next_id: int | None) -> None:
        """Wait in the present action for what comes of its message, and turn to `next_id` then."""
        self.note("awaiting")
        self.awaits = delivery_id
        self._stop_in(next_id, self.now + LONGEST_ANSWER)

    def _stop_in(self, next_id: int | None, until: datetime) -> None:
        if self.action_id is not None:
            self.visited.append(self.action_id)
        self.waiting_in = self.action_id
        self.action_id, self.resume_at, self.active = next_id, until, False

    def hold(self, until: datetime, reason: str) -> None:
        """Stay before the present action until `until` and try it again then."""
        self.note("held", {"until": until.isoformat(), "reason": reason})
        self.waiting_in = self.action_id
        self.resume_at, self.active = until, False

    def exit(self, reason: str) -> None:
        """End the run early."""
        self.note("exited", {"reason": reason})
        self.counted.append((0, "exited", reason, 1))
        if self.action_id is not None:
            self.count("exited", reason)
        self.state, self.exit_reason, self.active = EXITED, reason, False

    def park(self, error: str) -> None:
        """Stop the run for a bug; a user sees it and may let it try again. Nothing of this wake is kept."""
        self.journal, self.deliveries, self.visited = [], [], []
        self.action_id, self.resume_at, self.steps = self.row["action_id"], self.row["resume_at"], self.row["steps"]
        self.waiting_in, self.awaits, self.counted = None, None, [*self._behind(), (0, "parked", "", 1)]
        self.note("parked", {"error": error[:LONGEST_ERROR]})
        self.state, self.error, self.active = PARKED, error[:LONGEST_ERROR], False

    def has_visited(self, action_id: int) -> bool:
        """Tell whether the run carried out an action before."""
        return action_id in self.visited_before or action_id in self.visited

    def update(self) -> RunUpdate:
        """Return what to write into the run's row."""
        version = self.flow.version if hasattr(self, "flow") else self.row["version"]
        return RunUpdate(
            self.bucket,
            self.account_id,
            self.run_id,
            self.action_id,
            self.resume_at,
            self.state,
            self.exit_reason,
            self.error,
            version,
            self.steps,
            self.waiting_in,
            self.visited,
        )

    def counts(self) -> Iterator[Counted]:
        """Yield what this wake adds to the counts of its flow's actions."""
        yield from self.counted
        left = self.row["waiting_in"]
        if left != self.waiting_in:
            if left is not None:
                yield left, "waiting", "", -1
            if self.waiting_in is not None:
                yield self.waiting_in, "waiting", "", 1
