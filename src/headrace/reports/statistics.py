"""The statistics of a report: the one table that says what each of them means.

What is here: the base totals of a group, and every statistic as a formula over them. What is not: where the totals come
from (`headrace.storage.report_query`). Follows reference 6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Totals:
    """The base counts of one group, all additive; money in millionths of its currency.

    `revenue_millionths` is that of the account's revenue metric, `value_millionths` that of the report's metric.
    """

    delivered: int = 0
    bounced: int = 0
    failed: int = 0
    opens: int = 0
    opens_unique: int = 0
    clicks: int = 0
    clicks_unique: int = 0
    unsubscribes: int = 0
    unsubscribe_uniques: int = 0
    spam_complaints: int = 0
    segments: int = 0
    credits: int = 0
    spend_millionths: int = 0
    conversions: int = 0
    conversion_uniques: int = 0
    value_millionths: int = 0
    revenue_millionths: int = 0

    @property
    def recipients(self) -> int:
        """Attempted sends; skipped ones are none."""
        return self.delivered + self.bounced + self.failed

    @property
    def empty(self) -> bool:
        """Tell whether nothing at all was counted."""
        return not any(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic: its name, how it follows from the totals, and where that is said (a section of the reference)."""

    name: str
    formula: Callable[[Totals], int | float]
    source: str = "reference 6.1"


def ratio(part: float, whole: float) -> float:
    """Return part / whole, 0.0 when whole is 0.

    Our choice: 0.0 instead of null, so that a figure is always a number.
    """
    return part / whole if whole else 0.0


def rate(part: int, whole: int) -> float:
    """Return part / whole within 0..1.

    Source: the description of the operation says that all rates are fractions of one. Our choice: what could pass one
    (clicks without a loaded picture against opens) is cut to it.
    """
    return min(max(ratio(part, whole), 0.0), 1.0)


def _amount(totals: Totals) -> float:
    return totals.value_millionths / MILLION


STATISTICS: tuple[Statistic, ...] = (
    Statistic("average_order_value", lambda t: ratio(_amount(t), t.conversions)),
    Statistic("bounce_rate", lambda t: rate(t.bounced, t.recipients)),
    Statistic("bounced", lambda t: t.bounced),
    Statistic("bounced_or_failed", lambda t: t.bounced + t.failed),
    Statistic("bounced_or_failed_rate", lambda t: rate(t.bounced + t.failed, t.recipients)),
    Statistic("click_rate", lambda t: rate(t.clicks_unique, t.delivered)),
    Statistic("click_to_open_rate", lambda t: rate(t.clicks_unique, t.opens_unique)),
    Statistic("clicks", lambda t: t.clicks),
    Statistic("clicks_unique", lambda t: t.clicks_unique),
    Statistic("conversion_rate", lambda t: rate(t.conversion_uniques, t.delivered), "reference 6.1, 10.4"),
    Statistic("conversion_uniques", lambda t: t.conversion_uniques),
    Statistic("conversion_value", _amount),
    Statistic("conversions", lambda t: t.conversions),
    Statistic("delivered", lambda t: t.delivered),
    Statistic("delivery_rate", lambda t: rate(t.delivered, t.recipients)),
    Statistic("failed", lambda t: t.failed),
    Statistic("failed_rate", lambda t: rate(t.failed, t.recipients)),
    Statistic("message_segment_count_sum", lambda t: t.segments),
    Statistic("open_rate", lambda t: rate(t.opens_unique, t.delivered)),
    Statistic("opens", lambda t: t.opens),
    Statistic("opens_unique", lambda t: t.opens_unique),
    Statistic("recipients", lambda t: t.recipients),
    Statistic(
        "revenue_per_recipient", lambda t: ratio(t.value_millionths / MILLION, t.delivered), "reference 6.1, 10.4"
    ),
    Statistic("spam_complaint_rate", lambda t: rate(t.spam_complaints, t.delivered)),
    Statistic("spam_complaints", lambda t: t.spam_complaints),
    Statistic("text_message_credit_usage_amount", lambda t: t.credits),
    Statistic("text_message_roi", lambda t: ratio(t.revenue_millionths, t.spend_millionths)),
    Statistic("text_message_spend", lambda t: t.spend_millionths / MILLION),
    Statistic("unsubscribe_rate", lambda t: rate(t.unsubscribe_uniques, t.delivered)),
    Statistic("unsubscribe_uniques", lambda t: t.unsubscribe_uniques),
    Statistic("unsubscribes", lambda t: t.unsubscribes),
)
"""All 31 statistics, by name. Our choice: 0.0 over a zero denominator; full floats, never rounded."""

BY_NAME: Mapping[str, Statistic] = {statistic.name: statistic for statistic in STATISTICS}


def compute(names: Iterable[str], totals: Totals) -> dict[str, int | float]:
    """Return the named statistics of a group, in the order asked for."""
    return {name: BY_NAME[name].formula(totals) for name in names}
