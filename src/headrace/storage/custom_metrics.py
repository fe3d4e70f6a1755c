"""Custom metrics: keeping them, and reading what they mean.

What is here: the statements that write, and compiled definitions. What is not: what a definition may say
(`conditions.custom_metric`), reading them for the API, and sums of conversions (`custom_conversions`).

Our choice: a custom metric that a mapping names is not deleted, so that no report loses its revenue unnoticed; an
account has up to 50, as many as the largest plan of the published service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from headrace.conditions.custom_metric import CustomMetric, compile_custom_metric, read_custom_metric
from headrace.errors import Conflict, Invalid, NotFound, Problem, raise_any
from headrace.ids import IdSource
from headrace.storage.database import Connection

MOST = 50
LARGEST = 64 * 1024
"""Bytes of a definition. Our choice: room for all that people write, while a list of all custom metrics stays small."""
NAME = "/data/attributes/name"
LOCK = 0x4D65_7472
"""The class of the advisory locks, one per account, that whoever changes custom or mapped metrics holds."""

_LOCK = "SELECT pg_advisory_xact_lock($1, hashtext($2))"
_METRICS = "SELECT metric_id FROM metric WHERE account_id = $1 AND metric_id = ANY($2)"
_NAMES = "SELECT custom_metric_id, name FROM custom_metric WHERE account_id = $1"
_INSERT = """
INSERT INTO custom_metric (custom_metric_id, account_id, name, definition, metric_ids, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
"""
_CHANGE = """
UPDATE custom_metric SET name = coalesce($3, name), definition = coalesce($4::json, definition),
    metric_ids = coalesce($5, metric_ids), updated_at = $6
WHERE account_id = $1 AND custom_metric_id = $2
"""
_MAPPINGS = "SELECT mapping FROM mapped_metric WHERE account_id = $1 AND custom_metric_id = $2 ORDER BY mapping"
_DELETE = "DELETE FROM custom_metric WHERE account_id = $1 AND custom_metric_id = $2 RETURNING 1"
_DEFINITIONS = """
SELECT custom_metric_id, definition FROM custom_metric WHERE account_id = $1 AND custom_metric_id = ANY($2)
"""


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that was found correct, as it is kept, and the metrics that it is made of."""

    document: Mapping[str, Any]
    metric_ids: tuple[str, ...]


async def lock_metrics(transaction: Connection, account_id: str) -> None:
    """Let one transaction at a time change the custom and mapped metrics of an account."""
    await transaction.execute(_LOCK, LOCK, account_id)


async def check_definition(transaction: Connection, account_id: str, document: Any, base: str) -> Definition:
    """Return a definition; raises `Problems` with every mistake, metrics that the account lacks among them.

    Pointers begin with `base`.
    """
    read = read_custom_metric(document, base)
    size = len(orjson.dumps(document))
    if size > LARGEST:
        raise Invalid(f"The definition has {size} bytes as JSON; at most {LARGEST} are allowed.", pointer=base)
    rows = await transaction.fetch(_METRICS, account_id, list(read.metric_ids))
    known = {row["metric_id"] for row in rows}
    problems: list[Problem] = [
        Invalid(
            f'There is no metric with the id "{one.metric_id}" in this account.',
            pointer=f"{base}/metric_groups/{index}/metric_id",
        )
        for index, one in enumerate(read.metric_groups)
        if one.metric_id not in known
    ]
    raise_any(problems)
    return Definition(document, read.metric_ids)


async def create_custom_metric(
    transaction: Connection, account_id: str, ids: IdSource, name: str, definition: Definition, now: datetime
) -> str:
    """Keep a custom metric and return its id; raises `Invalid` for a name in use, `Conflict` for one too many."""
    await lock_metrics(transaction, account_id)
    taken = await _names(transaction, account_id)
    _check_name(taken, name)
    if len(taken) >= MOST:
        raise Conflict(f"The account has {MOST} custom metrics already, which is the most it may have.")
    made = ids.uuid().replace("-", "")
    await transaction.execute(_INSERT, made, account_id, name, definition.document, list(definition.metric_ids), now)
    return made


async def change_custom_metric(
    transaction: Connection,
    account_id: str,
    custom_metric_id: str,
    now: datetime,
    *,
    name: str | None = None,
    definition: Definition | None = None,
) -> None:
    """Change what is given of a custom metric; raises `Invalid` for a name that another one has."""
    await lock_metrics(transaction, account_id)
    if name is not None:
        taken = await _names(transaction, account_id)
        _check_name({one: held for one, held in taken.items() if one != custom_metric_id}, name)
    parts = (None, None) if definition is None else (definition.document, list(definition.metric_ids))
    await transaction.execute(_CHANGE, account_id, custom_metric_id, name, *parts, now)


async def delete_custom_metric(transaction: Connection, account_id: str, custom_metric_id: str) -> None:
    """Delete a custom metric; raises `Conflict` while a mapping names it, and `NotFound`."""
    await lock_metrics(transaction, account_id)
    mappings = [row["mapping"] for row in await transaction.fetch(_MAPPINGS, account_id, custom_metric_id)]
    if mappings:
        raise Conflict(
            f'The custom metric "{custom_metric_id}" is mapped to {", ".join(mappings)}; '
            "map something else, or nothing, before it is deleted."
        )
    if await transaction.fetch_value(_DELETE, account_id, custom_metric_id) is None:
        raise NotFound(f'There is no custom-metric with the id "{custom_metric_id}".')


async def load_custom_metrics(connection: Connection, account_id: str, ids: Iterable[str]) -> dict[str, CustomMetric]:
    """Return what custom metrics mean, by id; ids that the account has no custom metric of are left out."""
    rows = await connection.fetch(_DEFINITIONS, account_id, sorted(ids))
    return {row["custom_metric_id"]: compile_custom_metric(read_custom_metric(row["definition"])) for row in rows}


async def _names(transaction: Connection, account_id: str) -> dict[str, str]:
    return {row["custom_metric_id"]: row["name"] for row in await transaction.fetch(_NAMES, account_id)}


def _check_name(taken: Mapping[str, str], name: str) -> None:
    """Raise `Invalid` for a name in use. Source: the description of the attribute (a 400, not a 409)."""
    if name in taken.values():
        raise Invalid(f'A custom metric with the name "{name}" exists already.', pointer=NAME)
