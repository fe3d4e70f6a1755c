"""The 31 statistics: their names, formulas and zeros."""

import json
from pathlib import Path

import pytest

from headrace.reports.statistics import STATISTICS, Totals, compute

NAMES = [statistic.name for statistic in STATISTICS]
SPECIFICATION = Path(__file__).parents[4] / "shared" / "reference" / "query-flow-values.openapi.txt"

TOTALS = Totals(
    delivered=400, bounced=90, failed=10, opens=300, opens_unique=200, clicks=70, clicks_unique=50, unsubscribes=5,
    unsubscribe_uniques=4, spam_complaints=2, segments=800, credits=12, spend_millionths=8_000_000, conversions=25,
    conversion_uniques=20, value_millionths=1_200_500_000, revenue_millionths=2_000_000_000,
)  # fmt: skip

EXPECTED = {
    "recipients": 500,
    "delivered": 400,
    "bounced": 90,
    "failed": 10,
    "bounced_or_failed": 100,
    "delivery_rate": 0.8,
    "bounce_rate": 0.18,
    "failed_rate": 0.02,
    "bounced_or_failed_rate": 0.2,
    "opens": 300,
    "opens_unique": 200,
    "open_rate": 0.5,
    "clicks": 70,
    "clicks_unique": 50,
    "click_rate": 0.125,
    "click_to_open_rate": 0.25,
    "unsubscribes": 5,
    "unsubscribe_uniques": 4,
    "unsubscribe_rate": 0.01,
    "spam_complaints": 2,
    "spam_complaint_rate": 0.005,
    "conversions": 25,
    "conversion_uniques": 20,
    "conversion_rate": 0.05,
    "conversion_value": 1200.5,
    "average_order_value": 48.02,
    "revenue_per_recipient": 3.00125,
    "message_segment_count_sum": 800,
    "text_message_credit_usage_amount": 12,
    "text_message_spend": 8.0,
    "text_message_roi": 250.0,
}


def test_every_statistic_has_its_figure() -> None:
    """Each of the 31, from one set of totals; revenue per recipient and conversion rate are over delivered."""
    assert compute(EXPECTED, TOTALS) == EXPECTED
    assert sorted(EXPECTED) == NAMES


def test_nothing_over_nothing_is_zero_and_never_null() -> None:
    """A group without any counts has 0 or 0.0 everywhere, rates and averages as floats."""
    figures = compute(NAMES, Totals())
    assert set(figures.values()) == {0}
    assert all(isinstance(value, float) for name, value in figures.items() if name.endswith("_rate"))


def test_a_rate_never_passes_one() -> None:
    """People who click without loading pictures are more than those who open; the rate stays a fraction."""
    assert compute(["click_to_open_rate"], Totals(delivered=3, clicks_unique=2, opens_unique=1)) == {
        "click_to_open_rate": 1.0
    }


def test_statistics_keep_the_order_asked_for() -> None:
    """The answer lists them as the request did."""
    assert list(compute(["opens", "clicks", "delivered"], TOTALS)) == ["opens", "clicks", "delivered"]


@pytest.mark.skipif(not SPECIFICATION.exists(), reason="the published description is not at hand")
def test_the_names_are_those_of_the_published_description() -> None:
    """Exactly the enumeration of the operation's `statistics`."""
    text = SPECIFICATION.read_text()
    schemas = json.loads(text, strict=False)["components"]["schemas"]
    attributes = schemas["FlowValuesRequestDTOResourceObject"]["properties"]["attributes"]["properties"]
    assert sorted(attributes["statistics"]["items"]["enum"]) == NAMES
