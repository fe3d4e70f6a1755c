"""Value filters: the tables that say which filter may stand where. Source: reference 3.1, 3.2.

A filter is found by its type and operator together, because types repeat over models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from headrace.conditions.filters.base import FilterModel, ValueFilter
from headrace.conditions.filters.boolean import BooleanModel
from headrace.conditions.filters.date import Timeframe
from headrace.conditions.filters.date_models import (
    AllTimeModel,
    AnniversaryModel,
    CalendarMonthModel,
    FlowStartModel,
    InTheLastModel,
    RelativeAnniversaryModel,
    RelativeModel,
    RelativeRangeModel,
    StaticDateModel,
    StaticRangeModel,
)
from headrace.conditions.filters.existence import ExistenceModel
from headrace.conditions.filters.list import (
    ListAffixModel,
    ListContainsModel,
    ListLengthModel,
    ListSetModel,
    ListSubstringModel,
)
from headrace.conditions.filters.narrow import (
    ConstantContactModel,
    DistanceModel,
    EqualsStringModel,
    GenderModel,
    InStringModel,
    IntegerModel,
    IsSetModel,
    PriorityModel,
    RankModel,
    ShopifyModel,
)
from headrace.conditions.filters.numeric import NumericModel, NumericRangeModel
from headrace.conditions.filters.string import PhoneCountryModel, StringArrayModel, StringModel
from headrace.conditions.parsing import BY_OPERATOR, OneOf

__all__ = [
    "ConstantContactModel",
    "CustomMetricFilter",
    "DateFilter",
    "DistanceModel",
    "EqualsStringModel",
    "EventPropertyFilter",
    "FilterModel",
    "FunnelFilter",
    "GenderModel",
    "InStringModel",
    "IntegerModel",
    "JoinedFilter",
    "MetricPropertyFilter",
    "NumericModel",
    "ObjectPropertyFilter",
    "OutputFilter",
    "PriorityModel",
    "ProfilePropertyFilter",
    "RankModel",
    "RecentFilter",
    "SegmentTimeframeFilter",
    "ShopifyModel",
    "SinceFilter",
    "Timeframe",
    "TimeframeFilter",
    "TriggerObjectFilter",
    "ValueFilter",
]

Table = Mapping[str, type[FilterModel]]

STATIC_DATES = (StaticDateModel, StaticRangeModel)
ALL_DATES = (
    *STATIC_DATES,
    RelativeModel,
    RelativeAnniversaryModel,
    RelativeRangeModel,
    CalendarMonthModel,
    AnniversaryModel,
)


def by_operator(*models: type[FilterModel]) -> Table:
    """Return the models under "type operator", one row per operator that they name."""
    rows = {}
    for model in models:
        (kind,) = get_args(model.model_fields["type"].annotation)
        for operator in get_args(model.model_fields["operator"].annotation):
            rows[f"{kind} {operator}"] = model
    return rows


def tag_of(value: Mapping[str, Any]) -> str | None:
    """Return the row that a filter belongs to."""
    return f"{value.get('type')} {value.get('operator')}"


def one_of(*models: type[FilterModel]) -> OneOf:
    """Return the union of the models."""
    return OneOf(by_operator(*models), tag_of, BY_OPERATOR)


ProfilePropertyFilter = Annotated[
    FilterModel,
    one_of(
        StringModel,
        StringArrayModel,
        PhoneCountryModel,
        NumericModel,
        BooleanModel,
        *ALL_DATES,
        ListContainsModel,
        ListLengthModel,
        ExistenceModel,
    ),
]
"""What `profile-property` tests."""

EventPropertyFilter = Annotated[
    FilterModel,
    one_of(
        StringModel,
        StringArrayModel,
        NumericModel,
        NumericRangeModel,
        BooleanModel,
        *ALL_DATES,
        ListContainsModel,
        ListLengthModel,
        ExistenceModel,
    ),
]
"""What `metric-property` tests, and `custom-object-property` and those of catalogue events."""

ObjectPropertyFilter = Annotated[
    FilterModel,
    one_of(
        StringModel,
        StringArrayModel,
        NumericModel,
        NumericRangeModel,
        BooleanModel,
        *STATIC_DATES,
        RelativeModel,
        RelativeAnniversaryModel,
        RelativeRangeModel,
        ListContainsModel,
        ListLengthModel,
        ExistenceModel,
    ),
]
"""What the `filters` of `profile-has-custom-object` test."""

TriggerObjectFilter = Annotated[
    FilterModel,
    one_of(
        StringModel,
        NumericModel,
        NumericRangeModel,
        BooleanModel,
        *STATIC_DATES,
        RelativeModel,
        RelativeRangeModel,
        ListContainsModel,
        ListLengthModel,
        ExistenceModel,
    ),
]
"""What `custom-object-trigger-property` tests."""

OutputFilter = Annotated[
    FilterModel,
    one_of(StringModel, StringArrayModel, NumericModel, NumericRangeModel, BooleanModel, ExistenceModel),
]
"""What `action-output` tests."""

DateFilter = Annotated[FilterModel, one_of(*ALL_DATES)]
"""What predicted dates and the dates of a consent are tested by."""

SinceFilter = Annotated[FilterModel, one_of(*ALL_DATES, IsSetModel)]
"""What the dates of suppressions are tested by."""

MetricPropertyFilter = Annotated[
    FilterModel,
    one_of(
        StringModel,
        StringArrayModel,
        ExistenceModel,
        ListSetModel,
        ListLengthModel,
        ListSubstringModel,
        BooleanModel,
        NumericModel,
    ),
]
"""What the `metric_filters` of `profile-metric` test."""

CustomMetricFilter = Annotated[
    FilterModel,
    one_of(
        StringModel,
        InStringModel,
        NumericModel,
        BooleanModel,
        ListContainsModel,
        ListAffixModel,
        ListSubstringModel,
        ExistenceModel,
    ),
]
"""What the `metric_filters` of a custom metric test."""

TimeframeFilter = Annotated[
    FilterModel,
    one_of(*STATIC_DATES, RelativeModel, RelativeAnniversaryModel, RelativeRangeModel, AllTimeModel, FlowStartModel),
]
"""The timeframe of `profile-metric`."""

JoinedFilter = Annotated[FilterModel, one_of(*STATIC_DATES, RelativeModel, RelativeRangeModel)]
"""The timeframe of `profile-group-membership`."""

SegmentTimeframeFilter = Annotated[
    FilterModel, one_of(*STATIC_DATES, RelativeModel, RelativeAnniversaryModel, RelativeRangeModel, AllTimeModel)
]
"""The timeframe of `profile-metric` in segments."""

FunnelFilter = Annotated[FilterModel, one_of(StaticRangeModel, RelativeModel, RelativeRangeModel)]
"""The timeframe of `profile-metric-funnel`."""

RecentFilter = Annotated[FilterModel, one_of(AllTimeModel, InTheLastModel)]
"""The timeframe of the conditions on messages sent and flows entered."""
