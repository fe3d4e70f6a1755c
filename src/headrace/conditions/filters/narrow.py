"""Value filters that allow less than their kind does, for conditions that ask one thing. Source: reference 3.1, 3.3."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from headrace.conditions.filters.base import FilterModel
from headrace.conditions.filters.existence import ExistenceFilter
from headrace.conditions.filters.numeric import NumericFilter, exact
from headrace.conditions.filters.string import StringFilter
from headrace.conditions.parsing import Number


def _not_negative(value: Any) -> Any:
    if value < 0:
        raise ValueError("it must not be negative")
    return value


class EqualsStringModel(FilterModel):
    """Exactly this text."""

    type: Literal["string"]
    operator: Literal["equals"]
    value: str | None

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, self.value)


class InStringModel(FilterModel):
    """One of these texts."""

    type: Literal["string"]
    operator: Literal["in"]
    value: list[str]

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, tuple(self.value))


class ShopifyModel(FilterModel):
    """The one integration that subscribes people."""

    type: Literal["string"]
    operator: Literal["in"]
    value: list[Literal["shopify"]]

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, tuple(self.value))


class ConstantContactModel(FilterModel):
    """The one integration that unsubscribes people."""

    type: Literal["string"]
    operator: Literal["in"]
    value: list[Literal["constant_contact"]]

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, tuple(self.value))


class IsSetModel(FilterModel):
    """There is a value."""

    type: Literal["existence"]
    operator: Literal["is-set"]

    def compile(self) -> ExistenceFilter:
        """Return the compiled filter."""
        return ExistenceFilter(True)


class IntegerModel(FilterModel):
    """A comparison with a whole number."""

    type: Literal["numeric"]
    operator: Literal[
        "equals", "greater-than", "greater-than-or-equal", "less-than", "less-than-or-equal", "not-equals"
    ]
    value: int

    def compile(self) -> NumericFilter:
        """Return the compiled filter."""
        return NumericFilter(self.operator, self.value)


class DistanceModel(FilterModel):
    """Farther or nearer than a distance."""

    type: Literal["numeric"]
    operator: Literal["greater-than", "less-than"]
    value: Annotated[Number, AfterValidator(_not_negative)]

    def compile(self) -> NumericFilter:
        """Return the compiled filter."""
        return NumericFilter(self.operator, exact(self.value))


class PriorityModel(FilterModel):
    """Exactly this place in an order."""

    type: Literal["numeric"]
    operator: Literal["equals"]
    value: int

    def compile(self) -> NumericFilter:
        """Return the compiled filter."""
        return NumericFilter(self.operator, self.value)


class RankModel(FilterModel):
    """This rank, or another."""

    type: Literal["string"]
    operator: Literal["equals", "not-equals"]
    value: Literal["high", "low", "medium"]

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, self.value)


class GenderModel(FilterModel):
    """This predicted gender, or another."""

    type: Literal["string"]
    operator: Literal["equals", "not-equals"]
    value: Literal["likely_female", "likely_male", "uncertain"]

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, self.value)
