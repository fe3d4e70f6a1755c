"""`time-delay`: wait for a time, until a time of day, on certain weekdays. Source: reference 2.1.

The calendar arithmetic is in `flows/schedule.py`. A delay that no live or manual action follows is passed over, and the
run ends there. Source: reference 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, ActionModel, Links, Place, number
from headrace.flows.schedule import PROFILE, WEEKDAYS, Delay, delay_until, read_time, read_zone
from headrace.flows.step import Advance, Exit, Outcome, StepContext, Wait

LONGEST = 5_300_000
"""Our choice: a delay has at most so many units: ten years of minutes."""

Weekday = Literal["friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"]


def _zone(value: str) -> str:
    if value != PROFILE and read_zone(value) is None:
        raise ValueError("it must be 'profile' or an IANA time zone")
    return value


def _time(value: str) -> str:
    if read_time(value) is None:
        raise ValueError("it must be a time of day, HH:MM:SS")
    return value


class TimeDelayData(Model):
    """The settings of a delay."""

    unit: Literal["days", "hours", "minutes"] = "days"
    value: Annotated[int, Field(ge=0, le=LONGEST)]
    secondary_value: Annotated[int, Field(ge=0, le=LONGEST)] | None = None
    timezone: Annotated[str, AfterValidator(_zone)] = PROFILE
    delay_until_time: Annotated[str, AfterValidator(_time)] | None = None
    delay_until_weekdays: list[Weekday] | None = None

    def compile(self) -> Delay:
        """Return the delay as the calendar arithmetic reads it."""
        return Delay(
            unit=self.unit,
            value=self.value,
            secondary_value=self.secondary_value or 0,
            zone=None if self.timezone == PROFILE else read_zone(self.timezone),
            until_time=None if self.delay_until_time is None else read_time(self.delay_until_time),
            weekdays=frozenset(WEEKDAYS.index(day) for day in self.delay_until_weekdays or WEEKDAYS),
        )


class TimeDelay(ActionModel):
    """The action as a document writes it."""

    type: Literal["time-delay"]
    links: Links | None = None
    data: TimeDelayData

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        next_id = number(self.links.next) if self.links else None
        return CompiledTimeDelay(place.action_id, next_id, self.data.compile(), place.followed)


@dataclass(frozen=True, slots=True)
class CompiledTimeDelay:
    """The compiled action."""

    action_id: int
    next_id: int | None
    delay: Delay
    followed: bool
    type: str = "time-delay"
    acts: bool = False
    additional_filters: CompiledFilter = EVERYBODY

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing."""
        return NO_NEEDS

    def step(self, context: StepContext) -> Outcome:
        """Wait, or go on where the wait is already over, or end where nothing follows."""
        if not self.followed:
            return Exit("nothing_follows")
        until = delay_until(self.delay, context.now, context.zone)
        return Wait(until, self.next_id) if until > context.now else Advance(self.next_id)
