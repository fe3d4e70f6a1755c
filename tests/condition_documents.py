"""Conditions and value filters as documents, drawn at random from everything that the specification allows."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

TEXTS = (
    "",
    "a",
    "A",
    "ann",
    "Ann@Example.com",
    "red",
    "blue-red",
    "true",
    "1",
    "1.0",
    " 12 ",
    "0.1",
    "+1e2",
    "100",
    "Yes",
    " n ",
    "é",
    "straße",
    "日本",
    "a\nb",
    "%_\\",
    "United States",
    "de",
    "+4930123456",
    "+14165550123",
    "+12125550123",
    "2023-06-17",
    "2024-02-29",
    "2023-06-16T23:59:59.9999999+02:00",
    "2023-06-17 10:30Z",
    "9999-12-31T23:00-05:00",
    "0001-01-01T00:00+05:00",
    "2023-02-30",
    "20230617",
    "10001",
    "94105",
)
NUMBERS = (0, 1, 5, -3, 12, 100, 0.1, 5.0, 1e22, 2**53 + 1, 1e-7, 12.5, -0.0, 1.7976931348623157e308)
ODD: tuple[Any, ...] = (None, True, False, [], {}, [1, "1", None], ["red", "a"], ["a", ["red"]], {"a": 1}, [5.0, True])
VALUES: tuple[Any, ...] = (*TEXTS, *NUMBERS, *ODD)
PROPERTIES = (
    "email",
    "phone_number",
    "first_name",
    "created",
    "updated",
    "last_event_date",
    "id",
    "timezone",
    "location['country']",
    "location.zip",
    "properties['p']",
    "properties['q']",
    "wild",
    'properties["wild"]',
    "nobody's",
)
PATTERNS = ("a", "^a", "[0-9]+", "(?i)ANN", "red$", "^$", r"\d{2,}", ".", "é|ß", r"\bred")
COUNTRIES = ("US", "CA", "DE", "GB", "KZ", "RU")
GROUPS = ("G1", "G2", "G3")
METRICS = ("M1", "M2")
FLOW = "FLOW01"
COMPARISONS = ("equals", "not-equals", "greater-than", "greater-than-or-equal", "less-than", "less-than-or-equal")
LENGTHS = ("equals", "greater-than", "greater-than-or-equal", "less-than", "less-than-or-equal")
STRINGS = ("equals", "contains", "starts-with", "ends-with")
DATES = ("2023-06-17T00:00:00+00:00", "2023-06-10", "2020-02-29T12:00:00Z", "2024-01-01")
METHODS = (
    "form",
    "preference_page",
    "api",
    "inbound_message",
    "manual_import",
    "spam_complaint",
    "integration",
    "sftp",
)
Document = dict[str, Any]


class Conditions:
    """Draws documents; the same random source draws the same. `wild` are texts that occur among the people's values.

    With `segment` only what the definition of a segment may hold is drawn.
    """

    def __init__(self, source: random.Random, wild: Sequence[Any] = (), *, segment: bool = False) -> None:
        self._random = source
        self.segment = segment
        self._texts = (*TEXTS, *(value for value in wild if isinstance(value, str)))
        self._numbers = (*NUMBERS, *(value for value in wild if type(value) in (int, float)))

    def filter(self, *kinds: str) -> Document:
        """Return a value filter of one of the kinds (names of the methods below)."""
        document: Document = getattr(self, f"_{self._random.choice(kinds)}")()
        return document

    def condition(self) -> Document:
        """Return a condition of any type."""
        kind = self._random.choice(SEGMENT_CONDITIONS if self.segment else CONDITIONS)
        return kind(self)

    def groups(self) -> Document:
        """Return one to three groups of one to three conditions."""
        few = (1, 1, 2, 3)
        return {
            "condition_groups": [
                {"conditions": [self.condition() for _ in range(self._random.choice(few))]}
                for _ in range(self._random.choice(few))
            ]
        }

    def pick(self, values: Sequence[Any]) -> Any:
        """Return one of the values."""
        return self._random.choice(values)

    def some(self, values: Sequence[Any]) -> list[Any]:
        """Return up to three of the values."""
        return [self.pick(values) for _ in range(self._random.choice((0, 1, 1, 2, 3)))]

    def _string(self) -> Document:
        operator = self.pick((*STRINGS, *(f"not-{one}" for one in STRINGS)))
        text: str | None = self.pick(self._texts)
        if text and self._random.random() < 0.5:
            text = text[self._random.randrange(len(text)) :][: self._random.randint(0, 3)]
        return {"type": "string", "operator": operator, "value": self.pick((text, text, text, None))}

    def _regex(self) -> Document:
        return {"type": "string", "operator": self.pick(("regex", "nregex")), "value": self.pick((*PATTERNS, None))}

    def _strings(self) -> Document:
        return {"type": "string", "operator": self.pick(("in", "not-in")), "value": self.some(self._texts)}

    def _phone(self) -> Document:
        operator = self.pick(("phone-country-code-in", "phone-country-code-not-in"))
        return {"type": "string", "operator": operator, "value": self.some(COUNTRIES)}

    def _numeric(self) -> Document:
        return {"type": "numeric", "operator": self.pick(COMPARISONS), "value": self.pick(self._numbers)}

    def _range(self) -> Document:
        start, end = self.pick(self._numbers), self.pick(self._numbers)
        return {"type": "numeric", "operator": "between", "start": start, "end": end}

    def _boolean(self) -> Document:
        return {"type": "boolean", "operator": "equals", "value": self.pick((True, False))}

    def _existence(self) -> Document:
        return {"type": "existence", "operator": self.pick(("is-set", "not-set"))}

    def _contains(self) -> Document:
        value = self.pick((*self._texts, 1, 5, 12, None))
        return {"type": "list", "operator": self.pick(("contains", "not-contains")), "value": value}

    def _set(self) -> Document:
        operator = self.pick(("contains-all", "contains-any", "not-contains-all", "not-contains-any"))
        return {"type": "list", "operator": operator, "value": self.some(self._texts)}

    def _substring(self) -> Document:
        operator = self.pick(("contains-substring", "not-contains-substring"))
        return {"type": "list", "operator": operator, "value": self.pick((*self._texts, None))}

    def _length(self) -> Document:
        return {"type": "list", "operator": f"length-{self.pick(LENGTHS)}", "value": self.pick((-1, 0, 1, 2, 3))}

    def _static(self) -> Document:
        if self._random.random() < 0.3:
            return self._static_range()
        return {"type": "date", "operator": self.pick(("before", "after")), "date": self.pick(DATES)}

    def _static_range(self) -> Document:
        start, end = sorted((self.pick(DATES), self.pick(DATES)))
        return {"type": "date", "operator": "between-static", "start": start, "end": end}

    def _relative(self) -> Document:
        return self._units(self.pick(("in-the-last", "in-the-next", "at-least")))

    def _recent(self) -> Document:
        return self._units("in-the-last")

    def _recurring(self) -> Document:
        return self._units(self.pick(("anniversary-last", "anniversary-next")))

    def _units(self, operator: str) -> Document:
        quantity, unit = self.pick((0, 1, 3, 30, 400)), self.pick(("day", "hour", "week"))
        return {"type": "date", "operator": operator, "quantity": quantity, "unit": unit}

    def _between(self) -> Document:
        start, end = self.pick((0, 1, 3, 30)), self.pick((0, 2, 100))
        return {"type": "date", "operator": "between", "start": start, "end": end, "unit": self.pick(("day", "hour"))}

    def _calendar(self) -> Document:
        return {"type": "date", "operator": "calendar-month", "value": self.pick((1, 2, 6, 12))}

    def _anniversary(self) -> Document:
        return {"type": "date", "operator": self.pick(("anniversary", "anniversary-month"))}

    def _alltime(self) -> Document:
        return {"type": "date", "operator": "alltime"}

    def _flow_start(self) -> Document:
        return {"type": "date", "operator": "flow-start"}


DATE = ("static", "relative", "recurring", "between", "calendar", "anniversary")
TIMEFRAMES = ("static", "relative", "recurring", "between", "alltime")
VALUE = ("string", "string", "regex", "strings", "numeric", "boolean", *DATE, "contains", "length", "existence")


def profile_property(draw: Conditions) -> Document:
    """Draw a condition on a value of the person."""
    name = draw.pick(PROPERTIES)
    return {"type": "profile-property", "property": name, "filter": draw.filter(*VALUE, "phone")}


def membership(draw: Conditions) -> Document:
    """Draw a condition on lists and segments."""
    document: Document = {
        "type": "profile-group-membership",
        "is_member": draw.pick((True, False)),
        "group_ids": draw.some(GROUPS),
    }
    if document["is_member"]:
        document["timeframe_filter"] = draw.pick((None, draw.filter("static", "relative", "between")))
    return document


def region(draw: Conditions) -> Document:
    """Draw a condition on the person's country."""
    known = draw.pick(("european_union", "united_states"))
    return {"type": "profile-region", "in_region": draw.pick((True, False)), "region": known}


def distance(draw: Conditions) -> Document:
    """Draw a condition on the distance from a place."""
    return {
        "type": "profile-postal-code-distance",
        "country_code": draw.pick(("US", "CA", "FR")),
        "postal_code": draw.pick(("10001", "94105", "M5V 2T6")),
        "unit": draw.pick(("kilometers", "miles")),
        "filter": {
            "type": "numeric",
            "operator": draw.pick(("greater-than", "less-than")),
            "value": draw.pick((10, 2500.5, 20000)),
        },
    }


def prediction(draw: Conditions) -> Document:
    """Draw a condition on a stored prediction."""
    words = draw.pick(("equals", "not-equals"))
    shapes: Sequence[Document] = (
        {"dimension": "expected_date_of_next_purchase", "filter": draw.filter(*DATE)},
        {
            "dimension": "predicted_gender",
            "filter": {"type": "string", "operator": words, "value": draw.pick(("likely_male", "uncertain"))},
        },
        {"dimension": draw.pick(("total_clv", "churn_probability")), "filter": draw.filter("numeric")},
        {
            "dimension": "channel_affinity",
            "measurement": "priority",
            "predicted_channel": draw.pick(("email", "sms")),
            "filter": {"type": "numeric", "operator": "equals", "value": 1},
        },
        {
            "dimension": "channel_affinity",
            "measurement": "rank",
            "predicted_channel": draw.pick(("email", "sms")),
            "filter": {"type": "string", "operator": words, "value": draw.pick(("high", "low"))},
        },
    )
    return {"type": "profile-predictive-analytics", **draw.pick(shapes)}


def profile_metric(draw: Conditions) -> Document:
    """Draw a condition on events."""
    kinds = ("string", "regex", "strings", "existence", "set", "length", "substring", "boolean", "numeric")
    filters = [
        {"property": draw.pick(("p", "q", "$value", "wild")), "filter": draw.pick((draw.filter(*kinds), None))}
        for _ in range(draw.pick((0, 0, 1, 2)))
    ]
    return {
        "type": "profile-metric",
        "metric_id": draw.pick((*METRICS, "none")),
        "measurement": draw.pick(("count", "sum")),
        "measurement_filter": {
            "type": "numeric",
            "operator": draw.pick(COMPARISONS),
            "value": draw.pick((0, 1, 1, 2, 2, 3, 9.5, 30, -1, 1e300)),
        },
        "timeframe_filter": draw.filter(*TIMEFRAMES, *(() if draw.segment else ("flow_start", "flow_start"))),
        "metric_filters": draw.pick((filters, filters, None)),
    }


def funnel(draw: Conditions) -> Document:
    """Draw a condition on steps taken in order."""
    kinds = ("string", "strings", "existence", "boolean", "numeric")
    steps = [
        {
            "metric_exists": draw.pick((True, True, False)),
            "metric_id": draw.pick((*METRICS, *METRICS, "none")),
            "metric_filters": draw.pick((None, None, [{"property": "p", "filter": draw.filter(*kinds)}])),
        }
        for _ in range(draw.pick((0, 1, 2, 2, 3, 4)))
    ]
    document: Document = {"type": "profile-metric-funnel", "steps": steps}
    document["timeframe_filter"] = draw.filter("static_range", "relative", "between")
    document["completion_window_seconds"] = draw.pick((None, "HOURS_1", "DAYS_1", "DAYS_30", "YEARS_1"))
    return document


def sample(draw: Conditions) -> Document:
    """Draw a sample."""
    return {"type": "profile-sample", "percentage": draw.pick((0, 13, 50, 100))}


def custom_object(draw: Conditions) -> Document:
    """Draw a condition on linked objects."""
    kinds = ("string", "strings", "numeric", "range", "boolean", "static", "relative", "recurring", "between")
    more = ("contains", "length", "existence", "regex")
    return {
        "type": "profile-has-custom-object",
        "object_type_id": draw.pick(("T1", "T2")),
        "object_type_relationship_id": "R1",
        "filter": {"type": "numeric", "operator": draw.pick(COMPARISONS), "value": draw.pick((0, 1, 2))},
        "filters": [
            {"property_id": draw.pick((1, 2)), "filter": draw.filter(*kinds, *more)}
            for _ in range(draw.pick((0, 1, 2)))
        ],
    }


def permission(draw: Conditions) -> Document:
    """Draw a condition on WhatsApp."""
    status = draw.pick(("explicitly_", "implicitly_", "implicitly_or_explicitly_")) + draw.pick(
        ("reachable", "unreachable")
    )
    held: Document = {"reachable_status": status}
    filters = (
        {"field": "effective_date", "filter": draw.filter(*DATE)},
        {"field": "recorded_date", "filter": draw.filter(*DATE)},
        {"field": "subscribe_method", "method": draw.pick(("api", "sftp", "spam_complaint"))},
        {"field": "subscribe_method", "method": "form", "filter": _in(draw)},
    )
    if status.startswith("explicitly"):
        held["filters"] = draw.some(filters)
    channel = draw.pick(("whatsapp_marketing", "whatsapp_transactional"))
    return {"type": "profile-permissions", "permission": held, "channel": channel}


def not_sent(draw: Conditions) -> Document:
    """Draw a condition on messages sent."""
    channel = draw.pick(("email", "sms", "push"))
    return {"type": f"profile-not-sent-{channel}", "timeframe_filter": draw.filter("alltime", "recent")}


def not_in_flow(draw: Conditions) -> Document:
    """Draw a condition on entries."""
    return {"type": "profile-not-in-flow", "timeframe_filter": draw.filter("alltime", "recent")}


def consent(draw: Conditions) -> Document:
    """Draw a condition on consent, of every shape."""
    date = {"field": "status_date", "filter": draw.filter(*DATE)}
    since = [
        {"field": field, "filter": draw.pick((draw.filter(*DATE), {"type": "existence", "operator": "is-set"}))}
        for field in draw.some(("bounce_date", "manual_suppression_date", "invalid_email_date"))
    ]
    flag = {"type": "boolean", "operator": "equals", "value": draw.pick((True, False))}
    form = {"field": "method", "method": "form", "filter": _in(draw)}
    inbound = {"field": "method", "method": "inbound_message"}
    shopify = {"field": "method", "method": "integration", "filter": _in(draw, "shopify")}
    both = draw.some((date, form, inbound, shopify))
    subscribed = [
        *both,
        *draw.some(
            (
                {"field": "is_double_opt_in", "filter": flag},
                {"field": "custom_source", "filter": {"type": "string", "operator": "equals", "value": "d1"}},
                {
                    "field": "method",
                    "method": "preference_page",
                    "filter": {"type": "string", "operator": "equals", "value": draw.pick(("d1", None))},
                },
                {"field": "method", "method": "api", "filter": _in(draw)},
            )
        ),
    ]
    gone = draw.some(
        (date, inbound, {"field": "method", "method": "spam_complaint"}, {"field": "method", "method": "sftp"})
    )
    rcs = {"field": "is_rcs_capable", "filter": flag}
    shapes: Sequence[tuple[str, bool, Document]] = (
        ("email", True, {"subscription": "any"}),
        ("email", True, {"subscription": "subscribed", "filters": draw.pick((subscribed, None))}),
        ("email", True, {"subscription": "never_subscribed"}),
        ("email", False, {"subscription": "any", "filters": draw.pick((since, None))}),
        ("email", False, {"subscription": "unsubscribed", "filters": draw.pick((gone, since, None))}),
        ("email", False, {"subscription": "never_subscribed", "filters": since}),
        ("email", False, {"subscription": "subscribed", "filters": since}),
        ("sms", True, {"subscription": "subscribed", "filters": draw.pick((both, [*both, rcs], None))}),
        ("sms", False, {"subscription": "any"}),
        ("sms", False, {"subscription": "unsubscribed", "filters": draw.pick((both, None))}),
        ("sms", False, {"subscription": "never_subscribed"}),
        ("push", True, {"subscription": "any", "filters": draw.pick(([date], None))}),
        ("push", False, {"subscription": "any"}),
    )
    channel, can, status = draw.pick(shapes)
    held = {"channel": channel, "can_receive_marketing": can, "consent_status": status}
    return {"type": "profile-marketing-consent", "consent": held}


def _in(draw: Conditions, *values: str) -> Document:
    return {"type": "string", "operator": "in", "value": draw.some(values or ("d1", "d2"))}


CONDITIONS: tuple[Callable[[Conditions], Document], ...] = (
    profile_property,
    profile_property,
    profile_property,
    profile_metric,
    profile_metric,
    membership,
    region,
    distance,
    prediction,
    sample,
    custom_object,
    permission,
    not_sent,
    not_in_flow,
    consent,
    consent,
)

SEGMENT_CONDITIONS: tuple[Callable[[Conditions], Document], ...] = (
    profile_property,
    profile_property,
    profile_metric,
    profile_metric,
    funnel,
    funnel,
    membership,
    region,
    distance,
    prediction,
    custom_object,
    permission,
    consent,
    consent,
)
