"""What a flow's file names: telling its names, finding it by name in another account, or making it.

What is here: metrics, lists, segments and templates for `flow_files`. What is not: reading files. Our choice: a thing
is made with the id that the file gives where no account uses that id yet, else with a new one; without a name of its
own it is named after its id; a group that no trigger calls a segment becomes a list; a segment is made without rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.flows.references import References
from headrace.flows.walk import Document
from headrace.ids import IdSource
from headrace.storage.database import Connection, Database, Row
from headrace.storage.metrics import API, OWN
from headrace.storage.templates import NewTemplate, create_template, load_templates

KINDS = ("metric", "list or segment", "template")
CONTENT = ("html", "text", "amp")
"""What a template holds."""
EMPTY_EMAIL = "<p>This template was made by an import that did not carry its content.</p>"
SHORT_ID = re.compile(r"[A-Za-z0-9]{6}")

_BY_NAME = {
    "metric": "SELECT metric_id AS id, name FROM metric WHERE account_id = $1 AND name = ANY($2) "
    "ORDER BY integration_name <> 'API', metric_id",
    "list or segment": "SELECT group_id AS id, name FROM profile_group WHERE account_id = $1 AND name = ANY($2) "
    "ORDER BY group_id",
    "template": "SELECT template_id AS id, name FROM template WHERE account_id = $1 AND name = ANY($2) "
    "AND message_id IS NULL ORDER BY template_id",
}
_TAKEN = {
    "metric": "SELECT metric_id AS id FROM metric WHERE metric_id = ANY($1)",
    "list or segment": "SELECT group_id AS id FROM profile_group WHERE group_id = ANY($1)",
    "template": "SELECT template_id AS id FROM template WHERE template_id = ANY($1)",
}
_METRIC = """
INSERT INTO metric (metric_id, account_id, name, integration_name, integration_category, created_at, updated_at)
VALUES ($1, $2, $3, $4, $4, $5, $5)
"""
_GROUP = """
INSERT INTO profile_group (group_id, account_id, kind, name, opt_in_process, definition, created_at, updated_at,
                           is_active)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $3 <> 'segment')
"""
"""A segment that is made here knows no rules, so that it rests until somebody defines it: else all would be in it."""


_METRICS = """
SELECT metric_id AS id, name, integration_name FROM metric WHERE account_id = $1 AND metric_id = ANY($2) ORDER BY 1
"""
_GROUPS = """
SELECT group_id AS id, kind, name FROM profile_group WHERE account_id = $1 AND group_id = ANY($2) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A thing that was made: its kind, the id that the file gave it, the id it has, and its name.

    `rests` tells that it is a segment, which is inactive and has no rules.
    """

    kind: str
    given_id: str
    made_id: str
    name: str
    rests: bool = False


async def told(database: Database, account_id: str, named: References) -> list[Document]:
    """Return the things that a flow names as the resources that its file carries beside it.

    Templates bring their content. Of templates that share a name and not their content the later ones are named after
    their ids too, so that an import takes none for another.
    """
    metrics = await database.fetch(_METRICS, account_id, list(named.metric_ids))
    groups = await database.fetch(_GROUPS, account_id, list(named.group_ids))
    templates = await load_templates(database, account_id, named.template_ids)
    return [
        *(_resource("metric", row, integration={"name": row["integration_name"]}) for row in metrics),
        *(_resource(row["kind"], row) for row in groups),
        *_told_templates([templates[one] for one in named.template_ids if one in templates]),
    ]


def _resource(kind: str, row: Row, **attributes: Any) -> Document:
    return {"type": kind, "id": row["id"], "attributes": {"name": row["name"], **attributes}}


def _told_templates(rows: Iterable[Row]) -> Iterator[Document]:
    known: dict[str, Document] = {}
    for row in rows:
        content = {part: row[part] for part in CONTENT}
        own = known.setdefault(row["name"], content) == content
        name = row["name"] if own else f"{row['name']} {row['template_id']}"
        yield {"type": "template", "id": row["template_id"], "attributes": {"name": name, **content}}


async def find_by_name(
    connection: Connection,
    account_id: str,
    missing: Mapping[str, Mapping[str, Any]],
    included: Mapping[str, Mapping[str, Any]],
    *,
    made_up: bool = False,
) -> dict[str, dict[str, str]]:
    """Return by kind the ids that the account has for ids of the file, where the file tells their names.

    With `made_up` a thing without a name is looked for under the name that `make` would give it, so that a file that
    is imported again finds what its first import made.
    """
    found: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        told = {one: _given_name(included, one) for one in missing[kind]}
        names = {one: name or _made_up(kind, one) for one, name in told.items() if name or made_up}
        rows = await connection.fetch(_BY_NAME[kind], account_id, list(set(names.values()))) if names else []
        known = {row["name"]: row["id"] for row in reversed(rows)}
        found[kind] = {one: known[name] for one, name in names.items() if name in known}
    return found


def _given_name(included: Mapping[str, Mapping[str, Any]], one: str) -> str | None:
    name = _given(included, one).get("name")
    return name if isinstance(name, str) and name else None


def _made_up(kind: str, one: str) -> str:
    return f"{_WORDS[kind]} {one}"


def _given(included: Mapping[str, Mapping[str, Any]], one: str) -> Mapping[str, Any]:
    attributes = included.get(one, {}).get("attributes")
    return attributes if isinstance(attributes, dict) else {}


async def make(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    now: datetime,
    wanted: Mapping[str, Sequence[str]],
    included: Mapping[str, Mapping[str, Any]],
    group_types: Mapping[str, str],
) -> list[Made]:
    """Make everything in `wanted` (ids of the file by kind) and return what was made, in that order.

    Of several metrics of one name only the first is made, for an account holds a name once.
    """
    made: list[Made] = []
    for kind in KINDS:
        rows = await connection.fetch(_TAKEN[kind], list(wanted[kind])) if wanted[kind] else []
        taken = {row["id"] for row in rows}
        for one in wanted[kind]:
            own = one if SHORT_ID.fullmatch(one) and one not in taken else ids.short()
            name = _given_name(included, one) or _made_up(kind, one)
            if kind == "metric" and any(name == before.name for before in made):
                continue
            kept = _given(included, one)
            group = group_types.get(one) or str(included.get(one, {}).get("type") or "list")
            await _make_one(connection, account_id, ids, now, kind, own, name, kept, group)
            made.append(Made(kind, one, own, name, rests=kind == "list or segment" and group == "segment"))
    return made


_WORDS = {"metric": "Metric", "list or segment": "List", "template": "Template"}


async def _make_one(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    now: datetime,
    kind: str,
    own: str,
    name: str,
    kept: Mapping[str, Any],
    group: str,
) -> None:
    match kind:
        case "metric":
            await connection.execute(_METRIC, own, account_id, name, _integration(kept), now)
        case "template":
            content = {part: kept.get(part) for part in CONTENT}
            if not content["html"] and not content["text"]:
                content["html"] = EMPTY_EMAIL
            new = NewTemplate(name, "CODE", **content)
            await create_template(connection, account_id, ids, now, new, template_id=own)
        case _:
            segment = group == "segment"
            rules: dict[str, Any] | None = {"condition_groups": []} if segment else None
            opt_in = None if segment else "double_opt_in"
            await connection.execute(
                _GROUP, own, account_id, "segment" if segment else "list", name, opt_in, rules, now
            )


def _integration(kept: Mapping[str, Any]) -> str:
    integration = kept.get("integration")
    name = integration.get("name") if isinstance(integration, dict) else None
    return OWN if name == OWN else API
