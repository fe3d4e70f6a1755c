"""Storing a definition of 500 actions: read the JSON, validate it, check what it names, give ids, write all rows.

The baseline reads the same JSON and writes it as it is, by one INSERT in a transaction.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from benchmarks.harness import Bar, Figure, fresh_database, interleave, settle
from headrace.clock import SystemClock, stopwatch
from headrace.ids import RandomIds
from headrace.model import Account
from headrace.storage import embedded, flows
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.metrics import Metrics
from headrace.storage.templates import NewTemplate, create_template

ACTIONS = 500
ROUNDS = 20
HTML = "<html><body><p>Hello {{ person.first_name|default:'you' }}</p></body></html>"
BARE = "INSERT INTO bare (definition) VALUES ($1)"


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figure; the sizes are always full."""
    return await measure(server, ACTIONS, ROUNDS)


async def measure(server: embedded.Server, actions: int, rounds: int) -> list[Figure]:
    """Measure with chosen sizes; a first pair of rounds is not counted."""
    async with fresh_database(server, "bench_store") as database:
        ids, now = RandomIds(), SystemClock().now()
        account_id = (await create_account(database, ids, Account("", "Bench"), SystemClock())).account_id
        metric = (await Metrics(database, SystemClock(), ids).ids(account_id, ["Added to Cart"]))["Added to Cart"]
        async with database.transaction() as transaction:
            new = NewTemplate("Cart", "CODE", HTML)
            template = await create_template(transaction, account_id, ids, now, new)
            await transaction.execute("CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY, definition jsonb)")
        body = orjson.dumps(definition(actions, metric, template))
        await settle(database)

        async def ours(_: int) -> float:
            return await _stored(database, account_id, ids, now, body)

        async def baseline(_: int) -> float:
            return await _inserted(database, body)

        await interleave(1, ours, baseline)
        taken, base = await interleave(rounds, ours, baseline)
    bar = Bar(200, 50, value=True, at_most=True)
    name = f"definition of {actions} actions: validate and store"
    return [Figure(name, "ms", taken, base, "one INSERT of it", bar, as_times=True)]


def definition(count: int, metric: str, template: str) -> dict[str, object]:
    """Return a flow of `count` actions: a chain of delays, splits, changes and, every tenth, an e-mail."""
    actions = [_action(number, count, metric, template) for number in range(count)]
    return {
        "triggers": [{"type": "metric", "id": metric, "trigger_filter": None}],
        "profile_filter": None,
        "entry_action_id": "a0",
        "actions": actions,
    }


def _action(number: int, count: int, metric: str, template: str) -> dict[str, object]:
    following = f"a{number + 1}" if number + 1 < count else None
    kind, data = _content(number, metric, template)
    links = {"next": following}
    if kind == "conditional-split":
        links = {"next_if_true": following, "next_if_false": None}
    return {"temporary_id": f"a{number}", "type": kind, "links": links, "data": data}


def _content(number: int, metric: str, template: str) -> tuple[str, dict[str, object]]:
    """Return the type and the settings of an action by its number."""
    if number % 10 == 9:
        message = {"name": f"Message {number}", "subject_line": f"News {number}", "template_id": template}
        return "send-email", {"message": message, "status": "draft"}
    if number % 3 == 0:
        return "time-delay", {"unit": "days", "value": 1 + number % 5, "timezone": "profile"}
    if number % 3 == 1:
        return "conditional-split", {"profile_filter": {"condition_groups": [{"conditions": [_condition(metric)]}]}}
    key = f"step {number}"
    operation = {"operator": "update", "property_type": "string", "property_key": key, "property_value": "yes"}
    return "update-profile", {"profile_operations": [operation], "status": "draft"}


def _condition(metric: str) -> dict[str, object]:
    return {
        "type": "profile-metric",
        "metric_id": metric,
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "greater-than", "value": 1},
        "timeframe_filter": {"type": "date", "operator": "flow-start"},
        "metric_filters": None,
    }


async def _stored(database: Database, account_id: str, ids: RandomIds, now: datetime, body: bytes) -> float:
    """Store the definition as the API does and return the milliseconds."""
    began = stopwatch()
    async with database.transaction() as transaction:
        await flows.create_flow(transaction, account_id, ids, now, "Bench", orjson.loads(body))
    return (stopwatch() - began) * 1000


async def _inserted(database: Database, body: bytes) -> float:
    """Store the definition as it is and return the milliseconds."""
    began = stopwatch()
    async with database.transaction() as transaction:
        await transaction.execute(BARE, orjson.loads(body))
    return (stopwatch() - began) * 1000
