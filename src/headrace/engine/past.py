"""Where somebody would be now whom a flow had taken in earlier: a walk along the flow without doing anything.

What is here: the walk of one person. What is not: finding people (`back_populate`). Source: reference 1.7.

Delays are reckoned from the past; splits are asked about the present; what would have been sent or changed on the way
is passed over and counts as carried out. The walk ends in the delay in which the person would wait now. Who would have
come to the end of the flow is not taken in.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, tzinfo

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.engine.core import Core
from headrace.engine.faults import told
from headrace.flows.compiled import CompiledFlow
from headrace.flows.step import Advance, StepContext, Wait
from headrace.ids import event_id, run_id
from headrace.model import Account, Event, Profile, RunSource, RunState
from headrace.storage.facts import LoadedFacts
from headrace.storage.runs import NewRun


class Past:
    """One trigger of the past, on its way through the flow. `active` tells whether the walk goes on.

    Once it has ended, `resume_at` is when the run goes on, None for a trigger that starts none.
    """

    __slots__ = (
        "account",
        "account_id",
        "account_zone",
        "action_id",
        "active",
        "at",
        "bucket",
        "error",
        "event",
        "facts",
        "flow",
        "moment",
        "profile_id",
        "resume_at",
        "run_id",
        "visited",
        "waiting_in",
        "zone",
    )

    def __init__(
        self,
        core: Core,
        flow: CompiledFlow,
        account: Account,
        profile: Profile,
        bucket: int,
        now: datetime,
        at: datetime,
        event: Event | None,
    ) -> None:
        self.flow, self.account, self.account_id = flow, account, account.account_id
        self.bucket, self.profile_id, self.event = bucket, profile.profile_id, event
        self.at = self.moment = at
        self.zone: tzinfo = core.zones.of_profile(profile, account)
        self.account_zone: tzinfo = core.zones.of_account(account)
        group_id = flow.trigger.group_id if flow.trigger else None
        cause = event_id(event.number) if event else f"joined:{group_id}:{at.isoformat()}"
        self.run_id: uuid.UUID = run_id(flow.flow_id, self.profile_id, cause)
        number = event.number if event else None
        key = f"{self.profile_id}:{at.isoformat() if number is None else number}"
        self.facts = LoadedFacts(profile, event, Moment(now, at, self.zone, key, flow.flow_id, number))
        self.action_id = flow.entry_action_id
        self.active = True
        self.visited: list[int] = []
        self.resume_at: datetime | None = None
        self.waiting_in: int | None = None
        self.error: str | None = None

    def matches(self) -> bool:
        """Tell whether the flow's trigger waits for what happened; so does one that cannot be asked, by a bug."""
        try:
            return self.event is None or self.flow.trigger is None or self.flow.trigger.matches(self.event, self.at)
        except Exception as error:
            return self._fail(error)

    def needs_at_entry(self) -> frozenset[Need]:
        """Return what the flow's filter must know."""
        try:
            return self.flow.needs_at_entry(self.facts.moment)
        except Exception as error:
            self._fail(error)
            return NO_NEEDS

    def ask_filter(self) -> None:
        """Leave the person out who fails the flow's filter."""
        try:
            self.active = self.flow.profile_filter.holds(self.facts).holds
        except Exception as error:
            self._fail(error)

    def needs(self) -> frozenset[Need]:
        """Return what the next step of the walk must know: nothing for what is passed over."""
        assert self.action_id is not None
        try:
            action = self.flow.actions[self.action_id]
            return NO_NEEDS if action.acts else action.needs(self.facts.moment)
        except Exception as error:
            self._fail(error)
            return NO_NEEDS

    def _fail(self, error: Exception) -> bool:
        """Stop for a bug: the person is shown as a parked run, so that nobody else is held up."""
        self.error, self.active = told(error), False
        return True

    def begin(self) -> None:
        """Place the person at the beginning, due at once."""
        self.resume_at, self.active = self.facts.moment.now, False

    def step(self) -> None:
        """Walk over the present action, or stop in it."""
        try:
            self._step()
        except Exception as error:
            self._fail(error)

    def _step(self) -> None:
        assert self.action_id is not None
        action = self.flow.actions[self.action_id]
        if action.acts:
            self._pass_to(getattr(action, "next_id", None))
            return
        outcome = action.step(StepContext(self.action_id, self.moment, self.zone, self.account_zone, self.facts))
        match outcome:
            case Wait():
                self._wait(outcome)
            case Advance():
                self._pass_to(outcome.next_id)
            case _:
                self._pass_to(getattr(outcome, "next_id", None))

    def _wait(self, outcome: Wait) -> None:
        self.moment = outcome.until
        if outcome.until <= self.facts.moment.now:
            self._pass_to(outcome.next_id)
        else:
            self.waiting_in, self.resume_at = self.action_id, outcome.until
            self._pass_to(outcome.next_id)
            self.active = False

    def _pass_to(self, next_id: int | None) -> None:
        assert self.action_id is not None
        self.visited.append(self.action_id)
        self.action_id = next_id
        self.active = next_id is not None

    def behind(self, earlier: Sequence[int]) -> list[int]:
        """Return the actions that the new run has behind it; `earlier` runs never let an action act again."""
        acted = [one for one in earlier if (found := self.flow.actions.get(one)) and found.acts]
        known = set(self.visited)
        return [one for one in acted if one not in known] + self.visited

    def run(self) -> NewRun:
        """Return the run that begins, parked where the walk failed by a bug."""
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
            self.at if self.waiting_in is not None else self.facts.moment.now,
            self.action_id,
            self.account.clock,
            0,
            RunState.WAITING if self.error is None else RunState.PARKED,
            self.error,
            RunSource.PAST,
            resume_at=self.resume_at or self.facts.moment.now,
            waiting_in=self.waiting_in,
            steps=1,  # its placing
        )
