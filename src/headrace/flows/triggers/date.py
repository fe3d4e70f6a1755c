"""`date`: a date of the person, or of one of their objects, comes near. Source: reference 1.2, 1.5.

What is here: the models, and reading a person's date. What is not: the calendar (`flows/schedule.py`), and planning who
enters when (`engine`). Dates of custom objects are stored only: no custom objects are kept here yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated, Any, ClassVar, Literal

from headrace.conditions.parsing import OneOf
from headrace.conditions.profile_property import reader
from headrace.flows.fields import Amount, TimeOfDay, Weekday, Zone, time_of, weekdays_of, zone_of
from headrace.flows.schedule import PROFILE, DatePlan, next_occurrence
from headrace.flows.triggers.base import Silent, Trigger, TriggerModel
from headrace.model import Event, Profile

MIDNIGHT = time(0)


class DateTrigger(TriggerModel):
    """The fields of every date trigger: how long before the date, how often, and at what time of day."""

    trigger_type: ClassVar[str] = "Date Based"

    type: Literal["date"]
    timedelta_unit_before_date: Literal["days", "months", "weeks"] = "weeks"
    timedelta_value_before_date: Amount
    recurrence_frequency: Literal["annually", "monthly", "never", "weekly"] = "monthly"
    timezone: Zone = PROFILE
    trigger_time: TimeOfDay
    trigger_days: list[Weekday] | None = None

    def compile(self) -> Trigger:
        """Return a trigger that does not run, as most date fields do not."""
        return Silent(self.type)


class ProfilePropertyDate(DateTrigger):
    """A date that stands in a property of the person."""

    date_field_type: Literal["profile-property"]
    date_profile_property: str

    def compile(self) -> Trigger:
        """Return the compiled trigger."""
        plan = DatePlan(
            before_value=self.timedelta_value_before_date,
            before_unit=self.timedelta_unit_before_date,
            recurrence=self.recurrence_frequency,
            at=time_of(self.trigger_time) or MIDNIGHT,
            weekdays=weekdays_of(self.trigger_days),
            zone=zone_of(self.timezone),
        )
        return CompiledDate(self.date_profile_property, plan)


class CustomObjectDate(DateTrigger):
    """A date that stands in an object of the person."""

    missing: ClassVar[str] = "custom objects"

    date_field_type: Literal["custom-object"]
    custom_object_label: str
    custom_object_property_id: int
    object_type_id: str
    object_type_relationship_id: str


def _field_type(value: Mapping[str, Any]) -> str | None:
    given = value.get("date_field_type")
    return given if isinstance(given, str) else None


DATE_FIELDS: Mapping[str, type[DateTrigger]] = {
    "profile-property": ProfilePropertyDate,
    "custom-object": CustomObjectDate,
}
AnyDate = Annotated[DateTrigger, OneOf(DATE_FIELDS, _field_type, "date_field_type")]


@dataclass(frozen=True, slots=True)
class Planned:
    """An entry to come: when the person enters, and the date that the run then leads to."""

    enters_at: datetime
    target_on: date


@dataclass(frozen=True, slots=True)
class CompiledDate:
    """The compiled trigger for a date in a property of the person; no event matches it."""

    property_name: str
    plan: DatePlan
    type: str = "date"
    metric_id: str | None = None
    group_id: str | None = None

    def matches(self, event: Event, now: datetime | None = None) -> bool:
        """Say no."""
        return False

    def date_in(self, profile: Profile, zone: tzinfo) -> date | None:
        """Return the person's date, None without one; `zone` is the profile's, else the account's."""
        return date_of(profile, self.property_name, zone)

    def next_entry(self, profile: Profile, after: datetime, zone: tzinfo) -> Planned | None:
        """Return the person's next entry strictly after a moment, None where there is none.

        `zone` is the profile's, else the account's.
        """
        value = self.date_in(profile, zone)
        found = next_occurrence(self.plan, value, after, zone) if value else None
        return Planned(*found) if found else None


def date_of(profile: Profile, property_name: str, zone: tzinfo) -> date | None:
    """Return the date in a property of a person, None where there is none that can be read.

    A property is named as in conditions: `birthday`, `properties['birthday']`. Dates and times in ISO 8601 are read,
    and the well-known times of a profile. A time of day counts for nothing but the day that it falls on in `zone`, the
    profile's, else the account's. Source: reference 1.5. Our choice: midnight in UTC stands for the day itself, since
    that is how a date without a time is often kept; a time without an offset is local.
    """
    value = reader(property_name)(profile)
    if isinstance(value, str):
        value = _read(value.strip())
    if not isinstance(value, datetime):
        return value if isinstance(value, date) else None
    return _local_day(value, zone)


def _read(text: str) -> datetime | date | None:
    try:
        return date.fromisoformat(text) if len(text) <= len("YYYY-MM-DD") else datetime.fromisoformat(text)
    except ValueError:
        return None


def _local_day(value: datetime, zone: tzinfo) -> date | None:
    if value.utcoffset() is None:
        return value.date()
    try:
        moment = value.astimezone(UTC)
        return moment.date() if moment.time() == MIDNIGHT else moment.astimezone(zone).date()
    except OverflowError:  # at the ends of the calendar
        return None
