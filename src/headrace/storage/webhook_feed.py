"""What makes webhooks hear of events: a part of the one statement that writes them, and what a topic is called.

What is here: two pieces of SQL. What is not: which topics there are (`webhook_topics`), and telling
(`engine.webhooks`).

The rows are queued by the statement that writes the event, so that none is lost or told of before it is there, and a
webhook hears of every event that is written after it was made. Where the account has no webhook that listens, nothing
but an index is looked at.

Source: the public guide to system webhooks (topics are made from the account's metrics). Our choice: events that were
imported as history, and whatever else starts nothing, are not told.
"""

from __future__ import annotations

from headrace.storage.metrics import OWN


def slug(column: str) -> str:
    """Return SQL for a name as topics spell it: small letters and digits, everything between them one underscore."""
    return f"trim(BOTH '_' FROM regexp_replace(lower({column}), '[^a-z0-9]+', '_', 'g'))"


_INTEGRATION = f"""{slug("m.integration_name")} || CASE
    WHEN {slug("m.integration_name")} = '{OWN.lower()}' AND m.integration_name <> '{OWN}' THEN '_' ELSE '' END"""
TOPIC = f"'event:' || {_INTEGRATION} || '.' || coalesce(nullif({slug('m.name')}, ''), m.metric_id)"
"""The topic of the metric `m`. Our choice: a metric whose name has no letter of the Latin alphabet goes by its id.

Our choice: an integration that is only spelled like Headrace's own, which any page of a shop may name in its events,
has an underscore behind it, so that nobody makes webhooks tell of messages that were never sent.
"""

TELLING = f""",
listening AS MATERIALIZED (
    SELECT webhook_id, topics FROM webhook WHERE account_id = $1 AND enabled
),
told AS (
    INSERT INTO webhook_event (bucket, account_id, webhook_id, profile_id, topic, metric_id, event_number, occurred_at,
                               properties)
    SELECT c.bucket, $1, w.webhook_id, c.profile_id, m.topic, c.metric_id, c.number, c.occurred_at,
        c.properties || jsonb_strip_nulls(jsonb_build_object('$value', c.value, '$value_currency', c.value_currency))
    FROM chosen c
    JOIN (SELECT metric_id, {TOPIC} AS topic FROM metric m WHERE account_id = $1) AS m USING (metric_id)
    JOIN listening w ON m.topic = ANY(w.topics)
    WHERE NOT c.backfill AND EXISTS (SELECT FROM listening)
    ORDER BY c.number
)
"""
"""Goes between `chosen`, the new events of account $1, and the end of the statement."""
