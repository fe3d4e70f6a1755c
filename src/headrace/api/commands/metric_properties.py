"""Looking at a metric's events before its properties are read.

The metrics of messages are looked at whenever they are asked about, because their events have no further consequences
and pass nobody who notes; another metric is looked at as long as nothing is noted of it.
"""

from __future__ import annotations

from typing import Any

from headrace.api.state import State
from headrace.jsonapi.operation import Call
from headrace.storage.metric_properties import learn_properties
from headrace.storage.metrics import OWN

_METRIC = """
SELECT created_at, integration_name, EXISTS (
    SELECT FROM metric_property p WHERE p.account_id = metric.account_id AND p.metric_id = metric.metric_id
) AS noted
FROM metric WHERE account_id = $1 AND metric_id = $2
"""


async def learn(call: Call[State, Any]) -> None:
    """Note the properties of the metric in the path where those that are noted may lack some."""
    database, place = call.ctx.state.database, (call.ctx.account_id, call.path["id"])
    metric = await database.fetch_row(_METRIC, *place)
    if metric and (metric["integration_name"] == OWN or not metric["noted"]):
        await learn_properties(database, *place, metric["created_at"])
