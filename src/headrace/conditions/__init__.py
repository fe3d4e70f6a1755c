"""PURE: what flows and segments ask about a profile; one file per condition type and these tables.

What is not here: loading the facts (`storage`), and what a flow does with an answer (`flows`). Source: reference 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from headrace.conditions.action_output import ActionOutput
from headrace.conditions.catalog_property import LowInventoryProperty, PriceDropProperty
from headrace.conditions.condition import Condition, ConditionModel, Verdict
from headrace.conditions.custom_object_property import CustomObjectProperty, CustomObjectTriggerProperty
from headrace.conditions.groups import EVERYBODY, CompiledFilter, FilterGroups
from headrace.conditions.metric_property import MetricProperty
from headrace.conditions.parsing import OneOf
from headrace.conditions.profile_group_membership import ProfileGroupMembership
from headrace.conditions.profile_has_custom_object import ProfileHasCustomObject
from headrace.conditions.profile_marketing_consent import ProfileMarketingConsent
from headrace.conditions.profile_metric import ProfileMetric, SegmentMetric
from headrace.conditions.profile_metric_funnel import ProfileMetricFunnel
from headrace.conditions.profile_not_in_flow import ProfileNotInFlow
from headrace.conditions.profile_not_sent import ProfileNotSentEmail, ProfileNotSentPush, ProfileNotSentSms
from headrace.conditions.profile_permissions import ProfilePermissions
from headrace.conditions.profile_postal_code_distance import ProfilePostalCodeDistance
from headrace.conditions.profile_predictive_analytics import ProfilePredictiveAnalytics
from headrace.conditions.profile_property import ProfileProperty
from headrace.conditions.profile_region import ProfileRegion
from headrace.conditions.profile_sample import ProfileSample

__all__ = [
    "ACTION_OUTPUT_CONDITIONS",
    "BRANCH_CONDITIONS",
    "EVERYBODY",
    "FLOW_CONDITIONS",
    "LOW_INVENTORY_CONDITIONS",
    "PRICE_DROP_CONDITIONS",
    "PROFILE_CONDITIONS",
    "SEGMENT_CONDITIONS",
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
    "profile-region": ProfileRegion,
    "profile-postal-code-distance": ProfilePostalCodeDistance,
    "profile-predictive-analytics": ProfilePredictiveAnalytics,
    "profile-marketing-consent": ProfileMarketingConsent,
    "profile-metric": ProfileMetric,
    "profile-sample": ProfileSample,
    "profile-has-custom-object": ProfileHasCustomObject,
    "profile-permissions": ProfilePermissions,
    "profile-not-sent-email": ProfileNotSentEmail,
    "profile-not-sent-sms": ProfileNotSentSms,
    "profile-not-sent-push": ProfileNotSentPush,
}
"""Conditions of splits and of one message's additional filters."""

FLOW_CONDITIONS: Mapping[str, type[ConditionModel]] = {**PROFILE_CONDITIONS, "profile-not-in-flow": ProfileNotInFlow}
"""Conditions of a flow's own profile filter."""

SEGMENT_CONDITIONS: Mapping[str, type[ConditionModel]] = {
    "profile-property": ProfileProperty,
    "profile-group-membership": ProfileGroupMembership,
    "profile-region": ProfileRegion,
    "profile-postal-code-distance": ProfilePostalCodeDistance,
    "profile-predictive-analytics": ProfilePredictiveAnalytics,
    "profile-marketing-consent": ProfileMarketingConsent,
    "profile-metric": SegmentMetric,
    "profile-metric-funnel": ProfileMetricFunnel,
    "profile-has-custom-object": ProfileHasCustomObject,
    "profile-permissions": ProfilePermissions,
}
"""Conditions of a segment."""

TRIGGER_CONDITIONS: Mapping[str, type[ConditionModel]] = {"metric-property": MetricProperty}
"""Conditions of a metric trigger's filter."""

PRICE_DROP_CONDITIONS: Mapping[str, type[ConditionModel]] = {"price-drop-property": PriceDropProperty}
"""Conditions of a price-drop trigger's filter."""

LOW_INVENTORY_CONDITIONS: Mapping[str, type[ConditionModel]] = {"low-inventory-property": LowInventoryProperty}
"""Conditions of a low-inventory trigger's filter."""

TRIGGER_SPLIT_CONDITIONS: Mapping[str, type[ConditionModel]] = {
    **TRIGGER_CONDITIONS,
    **PRICE_DROP_CONDITIONS,
    **LOW_INVENTORY_CONDITIONS,
    "custom-object-trigger-property": CustomObjectTriggerProperty,
    "custom-object-property": CustomObjectProperty,
}
"""Conditions of a trigger split."""

BRANCH_CONDITIONS: Mapping[str, type[ConditionModel]] = {
    **PROFILE_CONDITIONS,
    **TRIGGER_CONDITIONS,
    "custom-object-trigger-property": CustomObjectTriggerProperty,
}
"""Conditions of a branch of a multi-branch split."""

ACTION_OUTPUT_CONDITIONS: Mapping[str, type[ConditionModel]] = {"action-output": ActionOutput}
"""Conditions of a split on an action's output."""

ProfileFilter = FilterGroups[Annotated[ConditionModel, OneOf(PROFILE_CONDITIONS)]]
FlowFilter = FilterGroups[Annotated[ConditionModel, OneOf(FLOW_CONDITIONS)]]
TriggerFilter = FilterGroups[Annotated[ConditionModel, OneOf(TRIGGER_CONDITIONS)]]
PriceDropFilter = FilterGroups[Annotated[ConditionModel, OneOf(PRICE_DROP_CONDITIONS)]]
LowInventoryFilter = FilterGroups[Annotated[ConditionModel, OneOf(LOW_INVENTORY_CONDITIONS)]]
TriggerSplitFilter = FilterGroups[Annotated[ConditionModel, OneOf(TRIGGER_SPLIT_CONDITIONS)]]
BranchFilter = FilterGroups[Annotated[ConditionModel, OneOf(BRANCH_CONDITIONS)]]
ActionOutputFilter = FilterGroups[Annotated[ConditionModel, OneOf(ACTION_OUTPUT_CONDITIONS)]]
