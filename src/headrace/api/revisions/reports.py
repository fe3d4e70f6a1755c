"""What older revisions of reports lack: of the values and the series of flows alike, and of metrics' aggregates.

What is here: checks that refuse what a revision does not know, and the documents as it shows them. What is not: the
reports (`commands.reports`, `flow_series`, `metric_aggregates`). Follows reference 6.4 and 8.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from headrace.api.commands import flow_series, metric_aggregates, reports
from headrace.api.resources import flow_series_report, flow_values_report
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.filter_rules import listed
from headrace.jsonapi.filters import Filter, parse_filter
from headrace.jsonapi.serve import Incoming

VALUES, SERIES, AGGREGATES = "query_flow_values", "query_flow_series", "query_metric_aggregates"
FEW_LINKS = {
    VALUES: {"command": reports.ANSWERS.with_few_links},
    SERIES: {"command": flow_series.ANSWERS.with_few_links},
    AGGREGATES: {"command": metric_aggregates.query_with_few_links},
}
"""The operations as they were before documents linked to themselves."""
OWN_LINK: Mapping[str, Mapping[str, Any]] = {
    VALUES: {
        "command": reports.ANSWERS.with_own_link,
        "resource": replace(flow_values_report.REPORT, path="/api/flow-values-reports"),
    },
    SERIES: {
        "command": flow_series.ANSWERS.with_own_link,
        "resource": replace(flow_series_report.REPORT, path="/api/flow-series-reports"),
    },
}
"""The operations as they were when that link stood inside the data."""
ATTRIBUTES = "/data/attributes"
FIRST_GROUPINGS = ("flow_id", "flow_message_id", "send_channel")
TEXT_MESSAGE_STATISTICS = (
    "message_segment_count_sum",
    "text_message_credit_usage_amount",
    "text_message_roi",
    "text_message_spend",
)
LATER_DIMENSIONS = frozenset(
    ("$usage_amount", "$value_currency", "Bot Click", "Inbox Provider", "Message Format", "Segment Count")
)
"""Dimensions of events that 2024-02-15 does not group by; when they came, the sources do not say."""

Check = Callable[[Mapping[str, Any]], list[Problem]]


def refused_by(check: Check) -> dict[str, Callable[[Incoming], Incoming]]:
    """Return the `up` of both reports: what `refusing` makes of the check."""
    return dict.fromkeys((VALUES, SERIES), refusing(check))


def refusing_later_dimensions() -> dict[str, Callable[[Incoming], Incoming]]:
    """Return the `up` of a metric's aggregates that takes the first dimensions only."""
    return {AGGREGATES: refusing(lambda attributes: unknown_names(attributes, "by", LATER_DIMENSIONS))}


def refusing(check: Check) -> Callable[[Incoming], Incoming]:
    """Return an `up` that raises `Problems` when the check finds any in the attributes of a body."""

    def up(incoming: Incoming) -> Incoming:
        attributes = _attributes(incoming.body)
        problems = check(attributes)
        if problems:
            raise Problems(problems)
        return incoming

    return up


def _attributes(body: Any) -> Mapping[str, Any]:
    """Return a body's attributes, an empty map where it has none: the body model reports that."""
    data = body.get("data") if isinstance(body, dict) else None
    attributes = data.get("attributes") if isinstance(data, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def unknown_names(attributes: Mapping[str, Any], member: str, unknown: Collection[str]) -> list[Problem]:
    """Return a problem for each name in a list that the revision does not know."""
    given = attributes.get(member)
    return [
        Invalid(f'"{name}" is not known to this revision.', pointer=f"{ATTRIBUTES}/{member}")
        for name in (given if isinstance(given, list) else ())
        if isinstance(name, str) and name in unknown
    ]


def unknown_member(attributes: Mapping[str, Any], member: str) -> list[Problem]:
    """Return a problem when the body has a member that the revision does not know."""
    if member not in attributes:
        return []
    return [Invalid(f'"{member}" is not known to this revision.', pointer=f"{ATTRIBUTES}/{member}")]


def narrow_filter(attributes: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each comparison that revisions before 2026-01-15 do not offer."""
    problems: list[Problem] = []
    for one in _parsed(attributes.get("filter")):
        if one.field not in FIRST_GROUPINGS:
            detail = f'"{one.field}" is not a field that this revision filters by; it knows {listed(FIRST_GROUPINGS)}.'
            problems.append(Invalid(detail, pointer=f"{ATTRIBUTES}/filter"))
        values = one.value if isinstance(one.value, tuple) else (one.value,)
        if one.field == "send_channel" and "whatsapp" in values:
            problems.append(Invalid('"whatsapp" is not known to this revision.', pointer=f"{ATTRIBUTES}/filter"))
    return problems


def _parsed(text: Any) -> Filter:
    """Return a filter's comparisons; what cannot be read has none here and is reported by the report itself."""
    try:
        return parse_filter(text) if isinstance(text, str) else ()
    except Invalid:
        return ()
