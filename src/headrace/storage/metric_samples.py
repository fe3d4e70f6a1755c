"""Some values of the properties of a metric, read from the events that are there.

What is here: one part of a statement. What is not: the properties themselves (`metric_properties`). Nothing is kept, so
that the values of somebody who was deleted are gone with them.

Our choice: up to ten different values of a property, the latest first, out of the metric's newest 1,000 events among
the account's newest 20,000; a property that none of these has shows the values of the event in which it was first seen.
Texts of more than 255 characters and what nests are left out; of lists their elements are shown.
"""

from __future__ import annotations

from sqlalchemy import Subquery, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from headrace.storage.metric_properties import LOOKED_AT, PAIRS, WITHIN

MOST = 10
LONGEST = 255

_SCALARS = f"""
CROSS JOIN LATERAL (
    SELECT one FROM (
        SELECT p.value
        UNION ALL
        SELECT * FROM jsonb_array_elements(CASE jsonb_typeof(p.value) WHEN 'array' THEN p.value ELSE '[]' END)
    ) AS scalar (one)
    WHERE jsonb_typeof(one) IN ('string', 'number', 'boolean') AND length(one::text) <= {LONGEST} LIMIT {MOST}
) AS s"""

_LATEST = f"""
SELECT property, jsonb_agg(one ORDER BY place) AS sample_values FROM (
    SELECT p.property, s.one, row_number() OVER (PARTITION BY p.property ORDER BY max(e.number) DESC, s.one) AS place
    FROM (
        SELECT * FROM (SELECT * FROM event WHERE account_id = :account ORDER BY number DESC LIMIT {WITHIN}) AS newest
        WHERE metric_id = {{metric}} ORDER BY number DESC LIMIT {LOOKED_AT}
    ) AS e {PAIRS} {_SCALARS}
    GROUP BY p.property, s.one
) AS ranked WHERE place <= {MOST} GROUP BY property
"""
_OF_PROPERTY = "(SELECT metric_id FROM metric_property WHERE account_id = :account AND property_id = :id)"

FIRST = text(f"""coalesce((
    SELECT jsonb_agg(DISTINCT s.one) FROM event e {PAIRS} {_SCALARS}
    WHERE e.account_id = metric_property.account_id AND e.occurred_at = metric_property.first_at
        AND e.number = metric_property.first_number AND p.property = metric_property.property
), '[]')""")
"""The values that a property had when it was first seen: a column for statements that read `metric_property`."""


def latest_of_metric(account_id: str, metric_id: str) -> Subquery:
    """Return the latest values of a metric's properties: the columns property and sample_values."""
    return _latest(":id", account_id, metric_id)


def latest_of_property(account_id: str, property_id: str) -> Subquery:
    """Return the same for the metric that a property belongs to."""
    return _latest(_OF_PROPERTY, account_id, property_id)


def _latest(metric: str, account_id: str, named: str) -> Subquery:
    statement = text(_LATEST.format(metric=metric)).bindparams(account=account_id, id=named)
    return statement.columns(property=Text, sample_values=JSONB).subquery("latest")
