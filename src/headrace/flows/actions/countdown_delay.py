"""`countdown-delay`: wait until so many days, weeks or months before the date that the run leads to.

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
from headrace.flows.fields import Amount, TimeOfDay, Weekday, Zone, time_of, weekdays_of, zone_of
from headrace.flows.schedule import PROFILE, Countdown, countdown_until
from headrace.flows.step import Advance, Outcome, StepContext


class CountdownDelayData(Model):
    """The settings of a countdown."""

    unit: Literal["days", "months", "weeks"] = "days"
    value: Amount = 0
    timezone: Zone = PROFILE
    delay_until_time: TimeOfDay | None = None
    delay_until_weekdays: list[Weekday] | None = None


class CountdownDelay(OneWay):
    """The action as a document writes it."""

    type: Literal["countdown-delay"]
    data: CountdownDelayData

    @property
    def stop(self) -> Countdown:
        """The countdown as the calendar arithmetic reads it."""
        return Countdown(
            unit=self.data.unit,
            value=self.data.value,
            zone=zone_of(self.data.timezone),
            until_time=time_of(self.data.delay_until_time),
            weekdays=weekdays_of(self.data.delay_until_weekdays),
        )

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledCountdownDelay(place.action_id, self.next_id, self.stop, place.followed)


@dataclass(frozen=True, slots=True)
class CompiledCountdownDelay:
    """The compiled action."""

    action_id: int
    next_id: int | None
    countdown: Countdown
    followed: bool
    type: str = "countdown-delay"
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
        return waiting(context, countdown_until(self.countdown, context.target_on, context.zone), self.next_id)
