"""`profile-predictive-analytics`: a stored prediction about the person satisfies a filter.

Predictions are read, never made, here: `Profile.predictive` maps dimensions to them, `channel_affinity` to
`{channel: {"priority": 1, "rank": "high"}}`. Without a prediction the condition does not hold, whatever the filter.
Source: reference 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need
from headrace.conditions.filters import (
    DateFilter,
    GenderModel,
    NumericModel,
    PriorityModel,
    RankModel,
    ValueFilter,
)
from headrace.conditions.flips import flips_of, next_flip
from headrace.conditions.parsing import OneOf
from headrace.conditions.profile_property import plain
from headrace.conditions.topics import PREDICTIVE

PredictedChannel = Literal["email", "push", "sms", "whatsapp"]


class Prediction(ConditionModel):
    """What all shapes of the condition have."""

    missing: ClassVar[str] = "predictions"

    type: Literal["profile-predictive-analytics"]
    dimension: str
    filter: Any

    @property
    def path(self) -> tuple[str, ...]:
        """Where the prediction is kept."""
        return (self.dimension,)

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledPrediction(f"{self.type}:{'.'.join(self.path)}", self.path, self.filter.compile())


class PredictedDate(Prediction):
    """When the person is expected to buy again."""

    dimension: Literal["expected_date_of_next_purchase"]
    filter: DateFilter


class PredictedGender(Prediction):
    """Which gender the person is likely to have."""

    dimension: Literal["predicted_gender"]
    filter: GenderModel


class PredictedNumber(Prediction):
    """A number or an amount."""

    dimension: Literal[
        "average_days_between_orders",
        "average_order_value",
        "churn_probability",
        "historic_clv",
        "historic_number_of_orders",
        "predicted_clv",
        "predicted_number_of_orders",
        "total_clv",
    ]
    filter: NumericModel


class ChannelAffinity(Prediction):
    """How much the person likes a channel."""

    dimension: Literal["channel_affinity"]
    measurement: str
    predicted_channel: PredictedChannel

    @property
    def path(self) -> tuple[str, ...]:
        """Where the prediction is kept."""
        return self.dimension, self.predicted_channel, self.measurement


class ChannelPriority(ChannelAffinity):
    """The channel's place in the person's order of channels."""

    measurement: Literal["priority"]
    filter: PriorityModel


class ChannelRank(ChannelAffinity):
    """How much the person likes a channel, in words."""

    measurement: Literal["rank"]
    filter: RankModel


NUMBERS = (
    "average_days_between_orders",
    "average_order_value",
    "churn_probability",
    "historic_clv",
    "historic_number_of_orders",
    "predicted_clv",
    "predicted_number_of_orders",
    "total_clv",
)
SHAPES: Mapping[str, type[ConditionModel]] = {
    "expected_date_of_next_purchase": PredictedDate,
    "predicted_gender": PredictedGender,
    **dict.fromkeys(NUMBERS, PredictedNumber),
    "channel_affinity priority": ChannelPriority,
    "channel_affinity rank": ChannelRank,
}


def _shape(value: Mapping[str, Any]) -> str | None:
    dimension = value.get("dimension")
    if dimension == "channel_affinity":
        return f"{dimension} {value.get('measurement')}"
    return dimension if isinstance(dimension, str) else None


class ProfilePredictiveAnalytics(Prediction):
    """The condition as a document writes it: one of the shapes, told apart by dimension and measurement."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read the condition as one of its shapes."""
        return OneOf(SHAPES, _shape, "dimension (and measurement)").__get_pydantic_core_schema__(source, handler)


@dataclass(frozen=True, slots=True)
class CompiledPrediction(Timeless):
    """The compiled condition."""

    of_row: ClassVar[bool] = True

    label: str
    path: tuple[str, ...]
    value_filter: ValueFilter

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the profile is always at hand."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Test the prediction; it is what was seen."""
        value = self._read(facts)
        found = value is not None and self.value_filter.matches(value, facts.moment.now)
        return Verdict(found, plain(value))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.predicted(self.path, self.value_filter, moment.now)

    def topics(self) -> frozenset[str]:
        """Return the predictions."""
        return frozenset((PREDICTIVE,))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when a date comes into its span or leaves it."""
        return next_flip(self.value_filter, self._read(facts), facts.moment.now)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        flips = flips_of(self.value_filter)
        return query.predicted_flip(self.path, flips, moment.now) if flips.edges else None

    def _read(self, facts: Facts) -> Any:
        value: Any = facts.profile.predictive
        for key in self.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value
