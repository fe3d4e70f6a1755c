"""What a flow names in its account, and whether the account has it.

What is here: telling every mention of a metric, list, segment or template that the account lacks. What is not: finding
the mentions in a definition (`headrace.flows.references`). Source: reference 1.2, 2.2 and 7.7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.errors import Invalid, Problem
from headrace.flows.references import References
from headrace.storage.database import Connection
from headrace.storage.message_events import METRIC_NAMES
from headrace.storage.metrics import OWN

_ON_MESSAGES = """
SELECT metric_id, name FROM metric
WHERE account_id = $1 AND metric_id = ANY($2) AND integration_name = $3 AND name = ANY($4)
"""
_TRIGGER = re.compile(r"/triggers/\d+/id$")
_KNOWN = {
    "metric": "SELECT metric_id AS id FROM metric WHERE account_id = $1 AND metric_id = ANY($2)",
    "list or segment": "SELECT group_id AS id FROM profile_group WHERE account_id = $1 AND group_id = ANY($2)",
    "template": "SELECT template_id AS id FROM template WHERE account_id = $1 AND template_id = ANY($2)",
}


async def reference_problems(
    connection: Connection, account_id: str, named: References, shape: Sequence[Problem] = ()
) -> list[Problem]:
    """Return one `Invalid` for each place that names something that the account lacks.

    So does a trigger on what became of a message: such metrics begin no flows. Places at or below one of `shape`, the
    parts of the document that are not what they should be, are left out: nobody knows what they were to name.
    Source: reference 1.2.
    """
    missing = await missing_references(connection, account_id, named)
    problems: list[Problem] = [
        Invalid(f'There is no {kind} with the id "{one}" in this account.', pointer=pointer)
        for kind, found in missing.items()
        for one, pointers in found.items()
        for pointer in pointers
    ]
    problems += await _on_messages(connection, account_id, named)
    broken = [f"{one.pointer}/" for one in shape]
    return [one for one in problems if not any(f"{one.pointer}/".startswith(part) for part in broken)]


async def _on_messages(connection: Connection, account_id: str, named: References) -> list[Problem]:
    triggers = {
        one: pointer for one, pointers in named.metric_ids.items() for pointer in pointers if _TRIGGER.search(pointer)
    }
    names = list(METRIC_NAMES.values())
    rows = await connection.fetch(_ON_MESSAGES, account_id, list(triggers), OWN, names) if triggers else []
    return [
        Invalid(f'"{row["name"]}" tells of a message and cannot begin a flow.', pointer=triggers[row["metric_id"]])
        for row in rows
    ]


async def missing_references(
    connection: Connection, account_id: str, named: References
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return what the account lacks: by kind (`metric`, `list or segment`, `template`), the pointers by id."""
    wanted = {"metric": named.metric_ids, "list or segment": named.group_ids, "template": named.template_ids}
    missing = {}
    for kind, found in wanted.items():
        rows = await connection.fetch(_KNOWN[kind], account_id, list(found)) if found else []
        known = {row["id"] for row in rows}
        missing[kind] = {one: pointers for one, pointers in found.items() if one not in known}
    return missing
