"""Every operation and every resource of the API, one module per family; the newest revision.

A new operation is a row in its module, a new module a line in each of the two tables here.
"""

from headrace.api.resources import (
    accounts,
    events,
    flow_actions,
    flow_json,
    flow_messages,
    flow_values_report,
    flows,
    headrace_clock,
    headrace_counts,
    headrace_flows,
    headrace_messages,
    headrace_review,
    headrace_runs,
    lists,
    metrics,
    profile_merge,
    profiles,
    segment_reports,
    segments,
    tags,
    templates,
)
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = (
    *accounts.OPERATIONS,
    *profiles.OPERATIONS,
    *profile_merge.OPERATIONS,
    *events.OPERATIONS,
    *metrics.OPERATIONS,
    *lists.OPERATIONS,
    *segments.OPERATIONS,
    *segment_reports.OPERATIONS,
    *flows.OPERATIONS,
    *flow_actions.OPERATIONS,
    *flow_messages.OPERATIONS,
    *flow_json.OPERATIONS,
    *flow_values_report.OPERATIONS,
    *templates.OPERATIONS,
    *tags.OPERATIONS,
    *headrace_messages.OPERATIONS,
    *headrace_review.OPERATIONS,
    *headrace_counts.OPERATIONS,
    *headrace_flows.OPERATIONS,
    *headrace_clock.OPERATIONS,
    *headrace_runs.OPERATIONS,
)

RESOURCES: tuple[Resource, ...] = (
    *accounts.RESOURCES,
    *profiles.RESOURCES,
    *profile_merge.RESOURCES,
    *events.RESOURCES,
    *metrics.RESOURCES,
    *lists.RESOURCES,
    *segments.RESOURCES,
    *segment_reports.RESOURCES,
    *flows.RESOURCES,
    *flow_actions.RESOURCES,
    *flow_messages.RESOURCES,
    *flow_values_report.RESOURCES,
    *templates.RESOURCES,
    *tags.RESOURCES,
    *headrace_messages.RESOURCES,
    *headrace_review.RESOURCES,
    *headrace_counts.RESOURCES,
    *headrace_flows.RESOURCES,
    *headrace_clock.RESOURCES,
    *headrace_runs.RESOURCES,
)
