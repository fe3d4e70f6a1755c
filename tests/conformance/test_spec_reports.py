"""The reports that are served offer what the published description says, and the official SDK calls each of them."""

from __future__ import annotations

import pytest
from spec_rows import SERVED, differences, operations_of, ours, published
from test_sdk_coverage import called

from published import LATEST, description

REPORTS = ("query_flow_values", "query_flow_series", "query_segment_values", "query_segment_series")
"""The reports on flows and segments; those on campaigns and forms are about parts that Headrace does not have."""


@pytest.mark.skipif(
    description(LATEST) is None,
    reason=f"the published description of {LATEST} is not at hand: it is not part of Headrace",
)
@pytest.mark.parametrize("name", [*REPORTS, "query_metric_aggregates"])
def test_reports_are_as_the_description_has_them(name: str) -> None:
    """Paths, scopes, limits and fields."""
    [one] = [one for one in operations_of("Reporting", "Metrics") if one[2]["operationId"] == name]
    assert {} == differences(published(*one), ours(SERVED[name]))


def test_every_report_is_called_by_the_sdk() -> None:
    """Those on flows and segments, and the aggregates of metrics."""
    assert set() == {*REPORTS, "query_metric_aggregates"} - called()
