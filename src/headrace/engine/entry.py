"""Whether what happened starts a flow: the decision for one (happening, flow), from facts that are loaded beforehand.

What is here: the reasons for which nobody enters, and the new run. What is not: loading and storing (`enter`), entries
that a date brings (`dates`). Source: reference 1.1 (late events), 1.2, 1.3 (filters), 1.4 (re-entry), DESIGN section 3
(chains).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from headrace.clock import to_second
from headrace.conditions.facts import Moment
from headrace.engine.core import Core
from headrace.flows.compiled import CompiledFlow
from headrace.ids import event_id, run_id
from headrace.model import Account, Event, Profile, RunSource, RunState
from headrace.storage.database import Row
from headrace.storage.facts import LoadedFacts
from headrace.storage.journal import Entry
from headrace.storage.runs import NewRun

DEEPEST_CHAIN = 10
"""How many flows may feed one another before an entry is refused. Source: DESIGN section 3."""


class Attempt:
    """One happening that may start one flow; the record lives as long as its batch.

    `row` is the pending row: of an event, or of a group that was joined, then `event` is None.
    """

    __slots__ = (
        "account",
        "account_id",
        "bucket",
        "entered_at",
        "error",
        "event",
        "facts",
        "flow",
        "held",
        "profile_id",
        "row",
        "run_id",
        "seen",
    )

    def __init__(
        self,
        core: Core,
        row: Row,
        event: Event | None,
        flow: CompiledFlow,
        account: Account,
        profile: Profile,
        error: str | None = None,
    ) -> None:
        self.row = row
        self.bucket: int = row["bucket"]
        self.account_id: str = row["account_id"]
        self.profile_id: str = row["profile_id"]
        self.event = event
        self.flow = flow
        self.error = error
        self.account = account
        self.held = False
        self.entered_at = to_second(row["accepted_at"])
        self.run_id = run_id(flow.flow_id, self.profile_id, cause_of(row, event))
        zone = core.zones.of_profile(profile, account)
        number = event.number if event else None
        key = f"{self.profile_id}:{self.entered_at.isoformat() if number is None else number}"
        moment = Moment(row["accepted_at"], self.entered_at, zone, key, flow.flow_id, number)
        self.facts = LoadedFacts(profile, event, moment)
        self.seen: Mapping[str, Any] = {}

    def refusal(self, last_entry: datetime | None) -> str | None:
        """Return why the person does not enter, None when they do.

        Our choice: re-entry is asked before the flow's filter, because it is the cheaper question.
        """
        if self.row["chain"] > DEEPEST_CHAIN:
            return "chain_too_deep"
        if self._is_late():
            return "late_event"
        if not self.flow.reentry.allows(last_entry, self.entered_at):
            return "reentry"
        verdict = self.flow.profile_filter.holds(self.facts)
        if not verdict.holds:
            self.seen = verdict.seen
            return "fails_flow_filters"
        return None

    def _is_late(self) -> bool:
        """Tell whether an event came in too long after its own time. Source: reference 1.1."""
        if self.event is None:
            return False
        settings = self.account.settings
        lateness: timedelta = self.row["accepted_at"] - self.event.occurred_at
        if lateness <= min(settings.late_event_limit, settings.late_event_limit_transactional):
            return False
        transactional = any(
            getattr(action, "message", {}).get("transactional") for action in self.flow.actions.values()
        )
        limit = settings.late_event_limit_transactional if transactional else settings.late_event_limit
        return lateness > limit

    def run(self) -> NewRun:
        """Return the run that begins, parked where entering failed by a bug, held where it is part of a mass entry."""
        event = self.event
        return NewRun(
            self.bucket,
            self.account_id,
            self.run_id,
            self.flow.flow_id,
            self.profile_id,
            self.flow.version,
            event.number if event else None,
            event.metric_id if event else None,
            event.occurred_at if event else None,
            self.entered_at,
            self.flow.entry_action_id,
            self.account.clock,
            self.row["chain"],
            self._state(),
            self.error,
            RunSource.EVENT if event else RunSource.GROUP,
        )

    def _state(self) -> RunState:
        if self.error is not None:
            return RunState.PARKED
        return RunState.HELD if self.held else RunState.WAITING

    def note(self, reason: str) -> Entry:
        """Return the journal row that says why the person did not enter, under the id of the run that never was."""
        key = (self.bucket, self.account_id, self.run_id, self.entered_at, 0, self.flow.flow_id, None)
        detail = {"reason": reason, "seen": self.seen} if self.seen else {"reason": reason}
        return (*key, "refused", detail)


def cause_of(row: Row, event: Event | None) -> str:
    """Return what names the happening behind a run, so that working it out twice starts one run."""
    return event_id(event.number) if event else f"joined:{row['group_id']}:{row['accepted_at'].isoformat()}"
