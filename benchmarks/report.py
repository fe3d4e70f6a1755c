"""How fast the flow-values report is, against recounts of the same figures by SQL.

An account is filled with a million deliveries of 400 days (set-based, in SQL) and their deltas are folded as the
product does it. Measured is the report of the last 365 days with all 31 statistics, against two recounts of it: one
from raw rows (interactions and conversions), as the product would have to count without roll-ups, and the cheapest
that plain SQL allows, over the counters that every delivery row holds. All three must give the same figures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.harness import Bar, Figure, Rounds, fresh_database
from headrace.clock import VirtualClock, stopwatch
from headrace.ids import SeededIds
from headrace.model import Account
from headrace.reports.flow_values import Row, flow_values
from headrace.reports.request import FlowValuesRequest
from headrace.reports.statistics import STATISTICS, Totals, compute
from headrace.reports.timeframes import span_of
from headrace.storage import embedded
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.metrics import Metrics
from headrace.storage.rollups import fold

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DELIVERIES = 1_000_000
AIM = 100
COUNTERS_AIM = 10
"""What is aimed at against counters that are kept for the very purpose of being summed."""
ZONE = "America/New_York"
ACCOUNT = "BENCH1"

ADD_DELIVERIES = """
INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation, profile_id,
    channel, format, state, clock, queued_at, due_at, sent_at, segments, bounced_at, first_open_at, first_click_at,
    opens, clicks)
SELECT n % 256, $1, md5(n::text)::uuid, md5('r' || n)::uuid, 'FLOW' || n % 10, n % 40, 'MESS' || n % 40, '',
       'P' || n % 200000, 1, '', 2, 0, at, at, at, 0,
       CASE WHEN n % 97 = 0 THEN at END,
       CASE WHEN n % 97 <> 0 AND n % 5 < 2 THEN at END, CASE WHEN n % 97 <> 0 AND n % 13 = 0 THEN at END,
       CASE WHEN n % 97 <> 0 AND n % 5 < 2 THEN 1 + n % 3 ELSE 0 END,
       CASE WHEN n % 97 <> 0 AND n % 13 = 0 THEN 1 ELSE 0 END
FROM generate_series(1, $2::int) AS n,
LATERAL (SELECT $3::timestamptz - interval '400 days' * ((n::bigint * 7919 % $2) / $2::float8) AS at) AS sent
"""

ADD_INTERACTIONS = """
INSERT INTO interaction (bucket, account_id, profile_id, at, number, kind, channel, delivery_id, flow_id, message_id,
    variation, format, sent_at)
SELECT bucket, account_id, profile_id, sent_at, row_number() OVER (), kind, channel, delivery_id, flow_id, message_id,
       variation, format, sent_at
FROM delivery CROSS JOIN LATERAL (
    SELECT CASE WHEN bounced_at IS NULL THEN 1 ELSE 2 END AS kind
    UNION ALL SELECT 4 FROM generate_series(1, opens)
    UNION ALL SELECT 5 FROM generate_series(1, clicks)
) AS became
WHERE account_id = $1
"""

ADD_CONVERSIONS = """
INSERT INTO conversion (bucket, account_id, number, profile_id, metric_id, converted_at, interaction_number,
    delivery_id, flow_id, message_id, variation, channel, format, sent_at, value_millionths, is_first)
SELECT bucket, account_id, row_number() OVER (), profile_id, $2, sent_at, 0, delivery_id, flow_id, message_id,
       variation, channel, format, sent_at, 19990000, true
FROM delivery WHERE account_id = $1 AND clicks > 0
"""

QUARTER = "date_bin('15 minutes', sent_at, '2000-01-01+00')"

ADD_MESSAGE_DELTAS = f"""
INSERT INTO message_delta (account_id, slot, flow_id, message_id, variation, format, channel,
    delivered, bounced, opens, opens_unique, clicks, clicks_unique)
SELECT account_id, {QUARTER}, flow_id, message_id, variation, format, channel,
       count(*) FILTER (WHERE bounced_at IS NULL), count(bounced_at), sum(opens), count(first_open_at), sum(clicks),
       count(first_click_at)
FROM delivery GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

ADD_CONVERSION_DELTAS = f"""
INSERT INTO conversion_delta (account_id, slot, flow_id, message_id, variation, format, channel, metric_id,
    conversions, conversion_uniques, value_millionths)
SELECT account_id, {QUARTER}, flow_id, message_id, variation, format, channel, metric_id, count(*),
       count(*) FILTER (WHERE is_first), sum(value_millionths)
FROM conversion GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""

CONVERTED = """
SELECT flow_id, message_id, channel, count(*) AS conversions,
       count(*) FILTER (WHERE is_first) AS conversion_uniques, sum(value_millionths)::bigint AS value_millionths
FROM conversion WHERE account_id = $1 AND sent_at >= $2 AND sent_at < $3 AND metric_id = $4 GROUP BY 1, 2, 3
"""

RAW = f"""
SELECT *
FROM (
    SELECT flow_id, message_id, channel, count(*) FILTER (WHERE kind = 1) AS delivered,
           count(*) FILTER (WHERE kind = 2) AS bounced,
           coalesce(sum(times) FILTER (WHERE kind = 4), 0)::bigint AS opens,
           count(*) FILTER (WHERE kind = 4) AS opens_unique,
           coalesce(sum(times) FILTER (WHERE kind = 5), 0)::bigint AS clicks,
           count(*) FILTER (WHERE kind = 5) AS clicks_unique
    FROM (
        SELECT flow_id, message_id, channel, delivery_id, kind, count(*) AS times
        FROM interaction WHERE account_id = $1 AND sent_at >= $2 AND sent_at < $3 GROUP BY 1, 2, 3, 4, 5
    ) AS per_delivery GROUP BY 1, 2, 3
) AS m LEFT JOIN ({CONVERTED}) AS c USING (flow_id, message_id, channel)
ORDER BY flow_id, message_id
"""

COUNTERS = f"""
SELECT *
FROM (
    SELECT flow_id, message_id, channel, count(*) FILTER (WHERE bounced_at IS NULL) AS delivered,
           count(bounced_at) AS bounced, sum(opens)::bigint AS opens, count(first_open_at) AS opens_unique,
           sum(clicks)::bigint AS clicks, count(first_click_at) AS clicks_unique
    FROM delivery WHERE account_id = $1 AND sent_at >= $2 AND sent_at < $3 GROUP BY 1, 2, 3
) AS m LEFT JOIN ({CONVERTED}) AS c USING (flow_id, message_id, channel)
ORDER BY flow_id, message_id
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A filled database and what is asked of it."""

    database: Database
    account: Account
    request: FlowValuesRequest

    async def report(self) -> list[Row]:
        """Return the report as the product computes it."""
        return await flow_values(self.database, self.account, self.request, NOW)

    async def recount(self, sql: str) -> list[Row]:
        """Return the same rows by one SQL statement."""
        span = span_of(self.request.timeframe, ZoneInfo(self.account.timezone), NOW)
        metric = self.request.conversion_metric_id
        return [self._row(row) for row in await self.database.fetch(sql, ACCOUNT, span.start, span.end, metric)]

    def _row(self, row: Any) -> Row:
        counts = {name: value or 0 for name, value in row.items() if name not in ("flow_id", "message_id", "channel")}
        groupings = {"flow_id": row["flow_id"], "flow_message_id": row["message_id"], "send_channel": "email"}
        return Row(groupings, compute(self.request.statistics, Totals(**counts)))


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return two figures: against raw rows, and against counters."""
    async with fresh_database(server, "bench_report") as database:
        stage = await fill(database)
        taken = await measure(stage, rounds=5 if full else 3)
    name = f"flow-values over {DELIVERIES:,} deliveries"
    rates = {way: Rounds([60 / seconds for seconds in rounds]) for way, rounds in taken.items()}
    baselines = (("raw", "a recount of raw rows", AIM), ("counters", "summing counters", COUNTERS_AIM))
    return [
        Figure(name, "reports/min", rates["report"], rates[way], shown, Bar(None, aim), True)
        for way, shown, aim in baselines
    ]


async def fill(database: Database) -> Stage:
    """Make an account with its deliveries, interactions and conversions, fold it, and vacuum as a server would."""
    clock, ids = VirtualClock(NOW), SeededIds(1)
    account = await create_account(database, ids, Account(ACCOUNT, "Benchmark", timezone=ZONE), clock)
    metric = (await Metrics(database, clock, ids).ids(ACCOUNT, ["Placed Order"]))["Placed Order"]
    async with database.transaction() as transaction:
        await transaction.execute(ADD_DELIVERIES, ACCOUNT, DELIVERIES, NOW)
        await transaction.execute(ADD_INTERACTIONS, ACCOUNT)
        await transaction.execute(ADD_CONVERSIONS, ACCOUNT, metric)
        await transaction.execute(ADD_MESSAGE_DELTAS)
        await transaction.execute(ADD_CONVERSION_DELTAS)
    await fold(database, ACCOUNT)
    async with database.connection() as connection:
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    return Stage(database, account, FlowValuesRequest(tuple(each.name for each in STATISTICS), "last_365_days", metric))


async def measure(stage: Stage, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each way, in interleaved rounds after a warm-up; the figures must agree."""
    ways: dict[str, Callable[[], Awaitable[list[Row]]]] = {
        "report": stage.report,
        "raw": lambda: stage.recount(RAW),
        "counters": lambda: stage.recount(COUNTERS),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        found = []
        for name, way in ways.items():
            begun = stopwatch()
            found.append(await way())
            taken[name].append(stopwatch() - begun)
        if not found[0] or any(rows != found[0] for rows in found):
            raise RuntimeError("the report and a recount differ")
    return {name: seconds[1:] for name, seconds in taken.items()}
