"""Flows as files: import and export in both spellings.

What is here: the legacy camelCase document of `/flow/<id>.json` and the snake_case document of the API, both ways, and
making what an import names and the account lacks. What is not: the command line. Follows reference 8.3.

A file may carry an `included` array of metrics, lists, segments and templates; then things are found by their names,
and made with them. Our choice: a flow file alone holds nothing but ids, which say little in another account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from headrace.errors import Invalid
from headrace.flows.definition import validate
from headrace.flows.identity import as_creation
from headrace.flows.legacy_keys import with_all_keys
from headrace.flows.references import References, references, relink
from headrace.flows.spelling import from_camel, read_flow_file, to_camel
from headrace.flows.statuses import FLOW_STATUSES
from headrace.flows.walk import Document
from headrace.ids import IdSource
from headrace.storage import flows
from headrace.storage.database import Connection, Database
from headrace.storage.flow_references import missing_references
from headrace.storage.flow_rows import StoredFlow
from headrace.storage.flow_things import Made, find_by_name, make, told

Spelling = Literal["camel", "snake"]
DEFINITION = "/data/attributes/definition"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the new flow, and the things that it made because the account lacked them."""

    flow_id: str
    made: tuple[Made, ...] = ()


async def import_flow(
    database: Database,
    account_id: str,
    ids: IdSource,
    now: datetime,
    document: Any,
    *,
    create_missing: bool = False,
    status: str | None = None,
) -> Imported:
    """Write the flow of a parsed file of either spelling, all or nothing.

    The flow keeps its name, dates and statuses; `status` replaces the flow's and its actions'. With `create_missing`,
    metrics, lists and templates that the account lacks are made, with the ids of the file where these are free. Raises
    `Problems`: for a mistake in the definition, for each thing that is lacking, and for each part that does not run
    when the flow is to be manual or live.
    """
    file = read_flow_file(document)
    state = status or file.status
    if state not in FLOW_STATUSES:
        raise Invalid(f'"{state}" is not a status; it must be one of {", ".join(FLOW_STATUSES)}.', pointer=flows.STATUS)
    definition = as_creation(file.definition)
    validate(definition, creating=True, base=DEFINITION)
    written = _attributes(document)
    async with database.transaction() as connection:
        definition, made = await _linked(connection, account_id, ids, now, document, definition, create_missing)
        flow_id = await flows.create_flow(
            connection,
            account_id,
            ids,
            now,
            file.name,
            definition,
            status=state,
            archived=written.get("archived") is True,
            created_at=_moment(written.get("created")),
            updated_at=_moment(written.get("updated")),
        )
        if status is not None:
            await flows.set_status(connection, account_id, flow_id, status, now)
    return Imported(flow_id, tuple(made))


def _attributes(document: Any) -> Mapping[str, Any]:
    spelled = from_camel(document)
    data = spelled.get("data", spelled)
    found: Mapping[str, Any] = data.get("attributes", data)
    return found


def _moment(text: Any) -> datetime | None:
    """Return a date of the file in UTC, None for one that is absent or cannot be read."""
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if read is None or read.tzinfo is None else read.astimezone(UTC)


async def _linked(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    now: datetime,
    document: Any,
    definition: Document,
    create_missing: bool,
) -> tuple[Document, list[Made]]:
    """Return the definition with what the account lacks replaced by what it has under the same name, or made."""
    named = references(definition, DEFINITION)
    included = _included(document)
    missing = await missing_references(connection, account_id, named)
    found = await find_by_name(connection, account_id, missing, included, made_up=create_missing)
    made: list[Made] = []
    if create_missing:
        wanted = _but(missing, (one for kind in found.values() for one in kind))
        made = await make(connection, account_id, ids, now, wanted, included, _types(definition))
        found = await find_by_name(connection, account_id, missing, included, made_up=True)
    for one in made:
        found[one.kind][one.given_id] = one.made_id
    metrics, groups, templates = found["metric"], found["list or segment"], found["template"]
    return relink(definition, metrics=metrics, groups=groups, templates=templates), made


def _but(missing: Mapping[str, Mapping[str, Any]], found: Iterable[str]) -> dict[str, list[str]]:
    known = set(found)
    return {kind: [one for one in ids if one not in known] for kind, ids in missing.items()}


def _types(definition: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what triggers say about groups: whether an id is that of a list or of a segment."""
    triggers = definition.get("triggers") or ()
    return {one["id"]: one["type"] for one in triggers if one.get("type") in ("list", "segment") and one.get("id")}


def _included(document: Any) -> dict[str, Document]:
    """Return the resources that a file carries beside its flow, by id."""
    spelled = from_camel(document)
    carried = spelled.get("included") if isinstance(spelled, dict) else None
    return {one["id"]: one for one in carried or () if isinstance(one, dict) and isinstance(one.get("id"), str)}


async def missing_for(database: Database, account_id: str, document: Any) -> References:
    """Return what a file names and the account has neither by id nor, where the file tells it, by name."""
    named = references(as_creation(read_flow_file(document).definition), DEFINITION)
    async with database.connection() as connection:
        missing = await missing_references(connection, account_id, named)
        found = await find_by_name(connection, account_id, missing, _included(document))
    left = {
        kind: {one: places for one, places in ids.items() if one not in found[kind]} for kind, ids in missing.items()
    }
    return References(left["metric"], left["list or segment"], left["template"])


async def export_flow(
    database: Database,
    account_id: str,
    flow_id: str,
    *,
    spelling: Spelling = "camel",
    base_url: str = "",
    with_names: bool = False,
) -> Document:
    """Return a flow as a file; raises `NotFound`. An import of it makes a flow that exports equal, ids aside.

    `with_names` adds the `included` array of what the flow names.
    """
    stored = await flows.load_flow(database, account_id, flow_id)
    document = legacy_document(stored, base_url) if spelling == "camel" else api_document(stored, base_url)
    if with_names:
        document["included"] = await told(database, account_id, references(stored.definition))
    return document


def legacy_document(flow: StoredFlow, base_url: str = "") -> Document:
    """Return the document of `/flow/<id>.json`: camelCase keys, every key present.

    Its links have the paths that the overview prints, those of the vendor's own web app. Source: reference 8.3.
    """
    base = f"{base_url}/ux-api/flows/{flow.flow_id}"
    attributes = {**_shown(flow), "definition": with_all_keys(flow.definition)}
    relationships = {name: _links(base, name, "/") for name in ("flow-actions", "tags")}
    spelled: Document = to_camel({"attributes": attributes, "relationships": relationships})
    data = {"type": "flow", "id": flow.flow_id, **spelled, "links": {"self": f"{base}/"}}
    return {"data": data, "links": {"self": f"{base}?additional-fields[flow]=definition"}}


def api_document(flow: StoredFlow, base_url: str = "") -> Document:
    """Return the API's own document of a flow with its definition."""
    base = f"{base_url}/api/flows/{flow.flow_id}"
    data = {
        "type": "flow",
        "id": flow.flow_id,
        "attributes": {**_shown(flow), "definition": flow.definition},
        "relationships": {name: _links(base, name, "") for name in ("flow-actions", "tags")},
        "links": {"self": base},
    }
    return {"data": data, "links": {"self": f"{base}?additional-fields[flow]=definition"}}


def _shown(flow: StoredFlow) -> Document:
    return {
        "name": flow.name,
        "status": flow.status,
        "archived": flow.archived,
        "created": flow.created_at.replace(microsecond=0).isoformat(),
        "updated": flow.updated_at.replace(microsecond=0).isoformat(),
        "trigger_type": flow.trigger_type,
    }


def _links(base: str, name: str, end: str) -> Document:
    return {"links": {"self": f"{base}/relationships/{name}{end}", "related": f"{base}/{name}{end}"}}
