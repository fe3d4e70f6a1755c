"""The time line of a date-based flow: when each of its actions is due for the date that a run leads to.

Somebody whose date lies within the flow's time line joins at the matching point: what was due before they entered is
not sent, and delays count from where they would have begun. Source: reference 1.5.

Our choice: an action is due at the moment of the last countdown, target date or entry on the way to it, plus the delays
since; one that was due more than `GRACE` before the run entered is skipped as "Past Due". Where several ways of
different length lead to an action, it has no due moment and is never skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from headrace.flows.graph import topological
from headrace.flows.schedule import (
    Countdown,
    DatePlan,
    Delay,
    Target,
    countdown_until,
    delay_until,
    entry_moment,
    target_moment,
)
from headrace.flows.step import StepContext

GRACE = timedelta(hours=1)
"""Our choice: what was due less than an hour before the entry is still sent: planning takes its time."""
PAST_DUE = "Past Due"
"""The reason of such a skip. Our choice: the sources name none."""

Anchor = DatePlan | Countdown | Target
Stop = Countdown | Target | Delay
"""What moves the time line: a new anchor, or a delay after the present one."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where an action stands: after an anchor and the delays that follow it, in their order."""

    anchor: Anchor
    delays: tuple[Delay, ...] = ()

    def due_at(self, target_on: date, zone: tzinfo) -> datetime:
        """Return when the action is due for a date; `zone` is the profile's, else the account's."""
        match self.anchor:
            case DatePlan():
                moment = entry_moment(self.anchor, target_on, zone)
            case Countdown():
                moment = countdown_until(self.anchor, target_on, zone)
            case Target():
                moment = target_moment(self.anchor, target_on, zone)
        for delay in self.delays:
            moment = delay_until(delay, moment, zone)
        return moment

    def after(self, stop: Stop | None) -> Timeline:
        """Return where the action behind this one stands; `stop` is what this one waits for, None for nothing."""
        match stop:
            case None:
                return self
            case Delay():
                return replace(self, delays=(*self.delays, stop))
            case _:
                return Timeline(stop)


def missed_at(timeline: Timeline | None, context: StepContext) -> datetime | None:
    """Return when the present action was due, where that was before the run entered; else None."""
    entered_at = context.facts.moment.entered_at
    if timeline is None or context.target_on is None or entered_at is None:
        return None
    due = timeline.due_at(context.target_on, context.zone)
    return due if due < entered_at - GRACE else None


def timelines(
    plan: DatePlan, entry: str, successors: Mapping[str, Sequence[str]], stops: Mapping[str, Stop]
) -> dict[str, Timeline]:
    """Return where every action stands that is reached from `entry` on ways of one length only."""
    found: dict[str, Timeline | None] = {entry: Timeline(plan)}
    for key in topological(successors):
        if key not in found:
            continue
        here = found[key]
        behind = here.after(stops.get(key)) if here else _anchored(stops.get(key))
        for target in successors[key]:
            found[target] = behind if found.get(target, behind) == behind else None
    return {key: timeline for key, timeline in found.items() if timeline is not None}


def _anchored(stop: Stop | None) -> Timeline | None:
    """Return where actions stand behind one that has no place of its own: an anchor gives them one again."""
    return None if stop is None or isinstance(stop, Delay) else Timeline(stop)
