"""The journey of the speed benchmarks: delay -> conditional split -> update-profile on YES, the end on NO.

The split asks whether somebody has placed no order since the flow's start. What is here: the flow, and the statement of
the baseline that does the same: it locks due runs, looks for orders of each one, writes the property of the person, the
journal and the new state.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.crowd import ORDER, TRIGGER, Plan, Stage

PROPERTY, VALUE = "Reminded", "yes"

WAKE = """
WITH due AS MATERIALIZED (
    SELECT bucket, account_id, run_id, profile_id, entered_at FROM run
    WHERE clock = 0 AND bucket = ANY($1) AND account_id = $4 AND state = 0 AND resume_at <= $2
    LIMIT $3 FOR UPDATE SKIP LOCKED
),
decided AS MATERIALIZED (
    SELECT due.*, NOT EXISTS (
        SELECT FROM event e
        WHERE e.bucket = due.bucket AND e.account_id = due.account_id AND e.profile_id = due.profile_id
            AND e.metric_id = $5 AND e.occurred_at >= due.entered_at
    ) AS reminds
    FROM due
),
reminded AS (
    UPDATE profile p SET properties = p.properties || $9::jsonb, updated_at = $2 FROM decided d
    WHERE d.reminds AND p.bucket = d.bucket AND p.account_id = d.account_id AND p.profile_id = d.profile_id
),
noted AS (
    INSERT INTO journal (bucket, account_id, run_id, at, step, flow_id, action_id, outcome, detail)
    SELECT bucket, account_id, run_id, $2, 1, $6, $7, 'branch', jsonb_build_object('branch', reminds) FROM decided
)
UPDATE run SET state = 1, action_id = NULL, steps = 2,
    visited = CASE WHEN reminds THEN ARRAY[$7::bigint, $8] ELSE ARRAY[$7::bigint] END
FROM decided WHERE run.bucket = decided.bucket AND run.account_id = decided.account_id AND run.run_id = decided.run_id
"""


def no_order(metrics: Mapping[str, str]) -> dict[str, object]:
    """Return the condition of the split."""
    return {
        "type": "profile-metric",
        "metric_id": metrics[ORDER],
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "equals", "value": 0},
        "timeframe_filter": {"type": "date", "operator": "flow-start"},
        "metric_filters": None,
    }


def after_a_delay(metrics: Mapping[str, str], then: dict[str, object]) -> dict[str, object]:
    """Return a flow that waits, splits by `no_order` and carries out one action, named `then`, on YES."""
    wait = {
        "temporary_id": "wait",
        "type": "time-delay",
        "links": {"next": "split"},
        "data": {"unit": "hours", "value": 4, "timezone": "profile"},
    }
    split = {
        "temporary_id": "split",
        "type": "conditional-split",
        "links": {"next_if_true": "then", "next_if_false": None},
        "data": {"profile_filter": {"condition_groups": [{"conditions": [no_order(metrics)]}]}},
    }
    return {
        "triggers": [{"type": "metric", "id": metrics[TRIGGER], "trigger_filter": None}],
        "profile_filter": None,
        "entry_action_id": "wait",
        "actions": [wait, split, {"temporary_id": "then", "links": {"next": None}, **then}],
    }


def _definition(metrics: Mapping[str, str], _: str) -> dict[str, object]:
    operation = {"operator": "update", "property_type": "string", "property_key": PROPERTY, "property_value": VALUE}
    data = {"profile_operations": [operation], "status": "live"}
    return after_a_delay(metrics, {"type": "update-profile", "data": data})


def _arguments(stage: Stage) -> tuple[object, ...]:
    split, change = stage.action_id("conditional-split"), stage.action_id("update-profile")
    return stage.order_metric, stage.flow_id, split, change, {PROPERTY: VALUE}


async def _finish(_: Stage) -> None:
    """Nothing follows: people are changed in the steps themselves."""


async def _check(stage: Stage, count: int) -> None:
    """Raise when not exactly the due runs are finished, or not exactly the people without an order reminded."""
    finished = await stage.database.fetch_value("SELECT count(*) FROM run WHERE state = 1")
    reminded = await stage.database.fetch_value(
        "SELECT count(*) FROM profile WHERE properties ->> $1 = $2", PROPERTY, VALUE
    )
    expected = (count, count - count // 2)
    if (finished, reminded) != expected:
        raise RuntimeError(f"{finished} runs finished and {reminded} people reminded; expected were {expected}")


JOURNEY = Plan(_definition, "conditional-split", WAKE, _arguments, _finish, _check)
