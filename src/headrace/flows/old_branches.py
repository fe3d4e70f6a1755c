"""The multi-branch split as the revisions before 2026-01-15 write it: a `split` action and one `branch` action per way.

Both functions leave the given definition alone. Source: reference 8.1 (types and the array in the links of a split).
Our choice, as the sources show no more: `split` keeps the name, `branch` the filter, order, `is_else` and name of its
branch, and the id of a branch action is the id of its branch. What cannot be read as such is left as it is, and is then
refused as an action of an unknown type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.flows.graph import key_of
from headrace.flows.walk import Document

OWN = ("id", "temporary_id")


def apart(definition: Mapping[str, Any]) -> Document:
    """Return a stored definition with a `split` and `branch` actions in place of each multi-branch split."""
    return {**definition, "actions": [part for action in definition["actions"] for part in _apart(action)]}


def together(definition: Any) -> Any:
    """Return a definition of those revisions, of any correctness, with multi-branch splits."""
    actions = definition.get("actions") if isinstance(definition, dict) else None
    if not isinstance(actions, list):
        return definition
    branches = {key_of(one): one for one in actions if _is(one, "branch")}
    joined = {id(one): found for one in actions if (found := _joined(one, branches))}
    taken = {branch["branch_id"] for split in joined.values() for branch in split["data"]["branches"]}
    kept = [joined.get(id(one), one) for one in actions if not (_is(one, "branch") and key_of(one) in taken)]
    return {**definition, "actions": kept}


def _apart(action: Document) -> Iterator[Document]:
    data = action.get("data")
    if action["type"] != "multi-branch-split" or not isinstance(data, dict):
        yield action
        return
    own = {name: action[name] for name in OWN if name in action}
    ways = [branch["branch_id"] for branch in data["branches"]]
    yield {**own, "type": "split", "links": {"next": ways}, "data": {"name": data["name"]}}
    for branch in data["branches"]:
        rest = {name: value for name, value in branch.items() if name not in ("branch_id", "links")}
        links = branch.get("links") or {"next": None}
        yield {"id": branch["branch_id"], "type": "branch", "links": links, "data": rest}


def _joined(split: Any, branches: Mapping[str | None, Document]) -> Document | None:
    links = split.get("links") if _is(split, "split") else None
    ways = links.get("next") if isinstance(links, dict) else None
    if not isinstance(ways, list) or not all(isinstance(way, str) and way in branches for way in ways):
        return None
    own = {name: split[name] for name in OWN if name in split}
    data = split["data"] if isinstance(split.get("data"), dict) else {}
    found = [_branch(way, branches[way]) for way in ways]
    return {**own, "type": "multi-branch-split", "links": None, "data": {**data, "branches": found}}


def _branch(branch_id: str, action: Document) -> Document:
    data = action["data"] if isinstance(action.get("data"), dict) else {}
    return {"branch_id": branch_id, **data, "links": action.get("links")}


def _is(action: Any, kind: str) -> bool:
    return isinstance(action, dict) and action.get("type") == kind
