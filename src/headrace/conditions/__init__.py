"""PURE: what flows and segments ask about a profile; one file per condition type and these tables.

What is not here: loading the facts (`storage`), and what a flow does with an answer (`flows`). Source: reference 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from headrace.conditions.condition import Condition, ConditionModel, Verdict
from headrace.conditions.groups import EVERYBODY, CompiledFilter, FilterGroups
from headrace.conditions.metric_property import MetricProperty
from headrace.conditions.parsing import OneOf
from headrace.conditions.profile_group_membership import ProfileGroupMembership
from headrace.conditions.profile_metric import ProfileMetric
from headrace.conditions.profile_property import ProfileProperty
from headrace.conditions.profile_sample import ProfileSample
from headrace.conditions.stored import FLOW_TYPES, PROFILE_TYPES, StoredCondition

__all__ = [
    "ACTION_OUTPUT_CONDITIONS",
    "BRANCH_CONDITIONS",
    "EVERYBODY",
    "FLOW_CONDITIONS",
    "LOW_INVENTORY_CONDITIONS",
    "PRICE_DROP_CONDITIONS",
    "PROFILE_CONDITIONS",
    "TRIGGER_CONDITIONS",
    "TRIGGER_SPLIT_CONDITIONS",
    "ActionOutputFilter",
    "BranchFilter",
    "CompiledFilter",
    "Condition",
    "ConditionModel",
    "FlowFilter",
    "LowInventoryFilter",
    "PriceDropFilter",
    "ProfileFilter",
    "TriggerFilter",
    "TriggerSplitFilter",
    "Verdict",
]

PROFILE_CONDITIONS: Mapping[str, type[ConditionModel]] = {
    "profile-property": ProfileProperty,
    "profile-group-membership": ProfileGroupMembership,
    "profile-metric": ProfileMetric,
    "profile-sample": ProfileSample,
    **dict.fromkeys(PROFILE_TYPES, StoredCondition),
}
"""Conditions of splits and of one message's additional filters."""

FLOW_CONDITIONS: Mapping[str, type[ConditionModel]] = {
    **PROFILE_CONDITIONS,
    **dict.fromkeys(FLOW_TYPES, StoredCondition),
}
"""Conditions of a flow's own profile filter."""

TRIGGER_CONDITIONS: Mapping[str, type[ConditionModel]] = {"metric-property": MetricProperty}
"""Conditions of a metric trigger's filter."""

PRICE_DROP_CONDITIONS: Mapping[str, type[ConditionModel]] = {"price-drop-property": StoredCondition}
"""Conditions of a price-drop trigger's filter."""

LOW_INVENTORY_CONDITIONS: Mapping[str, type[ConditionModel]] = {"low-inventory-property": StoredCondition}
"""Conditions of a low-inventory trigger's filter."""

TRIGGER_SPLIT_CONDITIONS: Mapping[str, type[ConditionModel]] = {
    **TRIGGER_CONDITIONS,
    **PRICE_DROP_CONDITIONS,
    **LOW_INVENTORY_CONDITIONS,
    "custom-object-trigger-property": StoredCondition,
    "custom-object-property": StoredCondition,
}
"""Conditions of a trigger split."""

BRANCH_CONDITIONS: Mapping[str, type[ConditionModel]] = {
    **PROFILE_CONDITIONS,
    **TRIGGER_CONDITIONS,
    "custom-object-trigger-property": StoredCondition,
}
"""Conditions of a branch of a multi-branch split."""

ACTION_OUTPUT_CONDITIONS: Mapping[str, type[ConditionModel]] = {"action-output": StoredCondition}
"""Conditions of a split on an action's output."""

ProfileFilter = FilterGroups[Annotated[ConditionModel, OneOf(PROFILE_CONDITIONS)]]
FlowFilter = FilterGroups[Annotated[ConditionModel, OneOf(FLOW_CONDITIONS)]]
TriggerFilter = FilterGroups[Annotated[ConditionModel, OneOf(TRIGGER_CONDITIONS)]]
PriceDropFilter = FilterGroups[Annotated[ConditionModel, OneOf(PRICE_DROP_CONDITIONS)]]
LowInventoryFilter = FilterGroups[Annotated[ConditionModel, OneOf(LOW_INVENTORY_CONDITIONS)]]
TriggerSplitFilter = FilterGroups[Annotated[ConditionModel, OneOf(TRIGGER_SPLIT_CONDITIONS)]]
BranchFilter = FilterGroups[Annotated[ConditionModel, OneOf(BRANCH_CONDITIONS)]]
ActionOutputFilter = FilterGroups[Annotated[ConditionModel, OneOf(ACTION_OUTPUT_CONDITIONS)]]
