"""`target-date`: wait until the date that the run leads to, at a time of day.

A run that leads to no date, or comes when the moment is past, goes on at once. Source: reference 1.5, 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, OneWay, Place
from headrace.flows.actions.waiting import NOTHING_FOLLOWS, waiting
from headrace.flows.fields import TimeOfDay, Weekday, Zone, time_of, weekdays_of, zone_of
from headrace.flows.schedule import PROFILE, Target, target_moment
from headrace.flows.step import Advance, Outcome, StepContext


class TargetDateData(Model):
    """The settings of a target date. Our choice: without a time of day it is midnight."""

    timezone: Zone = PROFILE
    target_time: TimeOfDay = "00:00:00"
    target_days: list[Weekday] | None = None


class TargetDate(OneWay):
    """The action as a document writes it."""

    type: Literal["target-date"]
    data: TargetDateData

    @property
    def stop(self) -> Target:
        """The target as the calendar arithmetic reads it."""
        at = time_of(self.data.target_time)
        assert at is not None
        return Target(zone_of(self.data.timezone), at, weekdays_of(self.data.target_days))

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledTargetDate(place.action_id, self.next_id, self.stop, place.followed)


@dataclass(frozen=True, slots=True)
class CompiledTargetDate:
    """The compiled action."""

    action_id: int
    next_id: int | None
    target: Target
    followed: bool
    type: str = "target-date"
    acts: bool = False
    additional_filters: CompiledFilter = EVERYBODY
    shortest: timedelta = timedelta(0)

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing."""
        return NO_NEEDS

    def step(self, context: StepContext) -> Outcome:
        """Wait, or go on where there is nothing to wait for, or end where nothing follows."""
        if not self.followed:
            return NOTHING_FOLLOWS
        if context.target_on is None:
            return Advance(self.next_id)
        return waiting(context, target_moment(self.target, context.target_on, context.zone), self.next_id)
