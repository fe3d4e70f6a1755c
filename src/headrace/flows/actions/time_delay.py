"""`time-delay`: wait for a time, until a time of day, on certain weekdays. Source: reference 2.1.

The calendar arithmetic is in `flows/schedule.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from pydantic import model_validator

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, OneWay, Place
from headrace.flows.actions.waiting import NOTHING_FOLLOWS, waiting
from headrace.flows.fields import Amount, TimeOfDay, Weekday, Zone, time_of, weekdays_of, zone_of
from headrace.flows.schedule import PROFILE, Delay, delay_until
from headrace.flows.step import Outcome, StepContext
from headrace.flows.timeline import Timeline, missed_at

LONGEST = timedelta(days=3_700)
"""Our choice: a delay lasts at most ten years, in whatever units it is written."""


class TimeDelayData(Model):
    """The settings of a delay."""

    unit: Literal["days", "hours", "minutes"] = "days"
    value: Amount
    secondary_value: Amount | None = None
    timezone: Zone = PROFILE
    delay_until_time: TimeOfDay | None = None
    delay_until_weekdays: list[Weekday] | None = None

    @model_validator(mode="after")
    def _is_bearable(self) -> Self:
        if Delay(self.unit, self.value, self.secondary_value or 0).elapsed > LONGEST:
            raise ValueError(f"a delay lasts at most {LONGEST.days} days")
        return self


class TimeDelay(OneWay):
    """The action as a document writes it."""

    type: Literal["time-delay"]
    data: TimeDelayData

    @property
    def stop(self) -> Delay:
        """The delay as the calendar arithmetic reads it."""
        return Delay(
            unit=self.data.unit,
            value=self.data.value,
            secondary_value=self.data.secondary_value or 0,
            zone=zone_of(self.data.timezone),
            until_time=time_of(self.data.delay_until_time),
            weekdays=weekdays_of(self.data.delay_until_weekdays),
        )

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        return CompiledTimeDelay(place.action_id, self.next_id, self.stop, place.followed, place.timeline)


@dataclass(frozen=True, slots=True)
class CompiledTimeDelay:
    """The compiled action."""

    action_id: int
    next_id: int | None
    delay: Delay
    followed: bool
    timeline: Timeline | None = None
    type: str = "time-delay"
    acts: bool = False
    additional_filters: CompiledFilter = EVERYBODY

    @property
    def shortest(self) -> timedelta:
        """A time that the delay surely lasts; in a date-based flow it may have begun before the run did."""
        return timedelta(0) if self.timeline else self.delay.shortest

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing."""
        return NO_NEEDS

    def step(self, context: StepContext) -> Outcome:
        """Wait, or go on where the wait is already over, or end where nothing follows."""
        if not self.followed:
            return NOTHING_FOLLOWS
        begun = missed_at(self.timeline, context) or context.now
        return waiting(context, delay_until(self.delay, begun, context.zone), self.next_id)
