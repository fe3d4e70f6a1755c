"""The topics that webhooks may listen to: those of events that Headrace makes, and of the account's other metrics.

What is here: names. What is not: how a metric's topic is spelled in SQL (`webhook_feed`).

Source: the public guide to system webhooks: a topic stands for a metric, `event:klaviyo.` and the name of one of the
service's own, or `event:` and the name of another integration.

Our choice: of the service's own topics those are offered whose events this product makes: not those of reviews, and not
those of suppressing somebody by hand, which leaves no event here.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from headrace.storage.consenting import METRICS
from headrace.storage.database import Connection, Database
from headrace.storage.message_events import METRIC_NAMES
from headrace.storage.metrics import OWN
from headrace.storage.own_events import ANSWERED, NOT_ANSWERED
from headrace.storage.webhook_feed import TOPIC

OWN_METRICS = frozenset((*METRIC_NAMES.values(), *METRICS, ANSWERED, NOT_ANSWERED, "Sent SMS", "Merged Profile"))
"""The metrics of the events that Headrace records by itself. Source: reference 5.2."""


def own_topic(metric: str) -> str:
    """Return the topic of one of Headrace's own metrics."""
    return f"event:{OWN.lower()}." + re.sub("[^a-z0-9]+", "_", metric.lower()).strip("_")


OWN_TOPICS = tuple(sorted(own_topic(metric) for metric in OWN_METRICS))

_OTHERS = f"SELECT DISTINCT {TOPIC} AS topic FROM metric m WHERE account_id = $1 AND {TOPIC} = ANY($2)"


async def unknown_topics(connection: Connection | Database, account_id: str, topics: Collection[str]) -> list[str]:
    """Return those of some topics that an account does not have, in their order."""
    asked = [topic for topic in topics if topic not in OWN_TOPICS]
    if not asked:
        return []
    known = {row["topic"] for row in await connection.fetch(_OTHERS, account_id, asked)}
    return [topic for topic in asked if topic not in known]
