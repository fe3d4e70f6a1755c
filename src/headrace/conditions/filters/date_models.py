"""Date filters as documents write them; `date.py` holds what they mean. Source: reference 3.2."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from headrace.conditions import spans
from headrace.conditions.filters.base import FilterModel
from headrace.conditions.filters.date import (
    AllTime,
    Anniversary,
    CalendarMonth,
    FlowStart,
    RelativeAnniversary,
    RelativeDate,
    RelativeRange,
    StaticDate,
)


def _readable(value: str) -> str:
    if spans.parse_moment(value) is None:
        raise ValueError("it must be an ISO 8601 date or date-time")
    return value


Unit = Literal["day", "hour", "week"]
Quantity = Annotated[int, Field(ge=0, le=1_000_000)]
Moment = Annotated[str, AfterValidator(_readable)]


class StaticDateModel(FilterModel):
    """Before or after a day."""

    type: Literal["date"]
    operator: Literal["after", "before"]
    date: Moment

    def compile(self) -> StaticDate:
        """Return the compiled filter."""
        return StaticDate(self.operator, _moment(self.date))


class StaticRangeModel(FilterModel):
    """Between two days, both included."""

    type: Literal["date"]
    operator: Literal["between-static"]
    start: Moment
    end: Moment

    @field_validator("end")
    @classmethod
    def _not_before_start(cls, end: str, others: ValidationInfo) -> str:
        start = others.data.get("start")
        if start is not None and spans.midnight(_moment(end)) < spans.midnight(_moment(start)):
            raise ValueError(f"it must not be before 'start', {start}, as no date lies between them then")
        return end

    def compile(self) -> StaticDate:
        """Return the compiled filter."""
        return StaticDate(self.operator, _moment(self.start), _moment(self.end))


class RelativeModel(FilterModel):
    """So many units before or after now."""

    type: Literal["date"]
    operator: Literal["at-least", "in-the-last", "in-the-next"]
    unit: Unit
    quantity: Quantity

    def compile(self) -> RelativeDate:
        """Return the compiled filter."""
        return RelativeDate(self.operator, self.quantity, self.unit)


class InTheLastModel(FilterModel):
    """Within so many units before now."""

    type: Literal["date"]
    operator: Literal["in-the-last"]
    unit: Unit
    quantity: Quantity

    def compile(self) -> RelativeDate:
        """Return the compiled filter."""
        return RelativeDate(self.operator, self.quantity, self.unit)


class RelativeAnniversaryModel(FilterModel):
    """The month and day recur within so many units."""

    type: Literal["date"]
    operator: Literal["anniversary-last", "anniversary-next"]
    unit: Unit
    quantity: Quantity

    def compile(self) -> RelativeAnniversary:
        """Return the compiled filter."""
        return RelativeAnniversary(self.operator, self.quantity, self.unit)


class RelativeRangeModel(FilterModel):
    """Between so many and so many units ago."""

    type: Literal["date"]
    operator: Literal["between"]
    start: Quantity
    end: Quantity
    unit: Unit

    def compile(self) -> RelativeRange:
        """Return the compiled filter."""
        return RelativeRange(self.start, self.end, self.unit)


class CalendarMonthModel(FilterModel):
    """In a month of any year."""

    type: Literal["date"]
    operator: Literal["calendar-month"]
    value: Annotated[int, Field(ge=1, le=12)]

    def compile(self) -> CalendarMonth:
        """Return the compiled filter."""
        return CalendarMonth(self.value)


class AnniversaryModel(FilterModel):
    """Today's or this month's anniversaries."""

    type: Literal["date"]
    operator: Literal["anniversary", "anniversary-month"]

    def compile(self) -> Anniversary:
        """Return the compiled filter."""
        return Anniversary(self.operator)


class AllTimeModel(FilterModel):
    """At any time."""

    type: Literal["date"]
    operator: Literal["alltime"]

    def compile(self) -> AllTime:
        """Return the compiled timeframe."""
        return AllTime()


class FlowStartModel(FilterModel):
    """Since the run entered its flow."""

    type: Literal["date"]
    operator: Literal["flow-start"]

    def compile(self) -> FlowStart:
        """Return the compiled timeframe."""
        return FlowStart()


def _moment(value: str) -> datetime:
    found = spans.parse_moment(value)
    assert found is not None
    return found
