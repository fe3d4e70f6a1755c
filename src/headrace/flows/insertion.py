"""Inserting an action into a stored definition: onto one link of an anchor, or before the action that it leads to.

What is here: a pure function that returns a new document. What is not: ids (the caller draws one) and storing.
Source: reference 7.7 (`POST /api/flow-actions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.conditions.parsing import show
from headrace.errors import Invalid, NotFound, Problem, Problems
from headrace.flows.definition import read_action, validate
from headrace.flows.edit import action_in
from headrace.flows.walk import Document, LinkAt, actions_of, clone, links_of, targets_of

TWO_WAYS = frozenset(("action-output-split", "conditional-split", "trigger-split"))


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a new action goes: an action of the flow and, in `definition`, its type and the one link to use.

    That link names the new action's `temporary_id`; `base` is the pointer of `definition` in the request.
    """

    action_id: int
    definition: Any
    base: str = ""


def insert_action(
    document: Mapping[str, Any], action: Any, action_id: int, anchor: Anchor | None, base: str = ""
) -> Document:
    """Return the definition with a new action, which gets `action_id` in place of its `temporary_id`.

    With an anchor the action goes onto its link, without one before the action that its own first link names, or else
    before the entry. Raises `Problems`, pointers below `base`. Our choice: the first link of the new action that names
    nothing leads on to what stood there before.
    """
    read_action(action, base)
    temporary = _temporary_id(action, base)
    result: Document = clone(document)
    new = {"id": str(action_id), **{key: value for key, value in clone(action).items() if key != "temporary_id"}}
    if anchor is None:
        following = next(iter(targets_of(new)), result.get("entry_action_id"))
        _lead_here(result, following, new["id"])
    else:
        following = _take_link(result, anchor, temporary, new["id"])
    _lead_on(new, following, base)
    result["actions"].append(new)
    _check(result, f"/actions/{len(result['actions']) - 1}", base)
    return result


def _temporary_id(action: Mapping[str, Any], base: str) -> str:
    if action.get("id") is not None:
        raise Invalid("A new action has no 'id'; use 'temporary_id'.", pointer=f"{base}/id")
    temporary = action.get("temporary_id")
    if not isinstance(temporary, str) or not temporary:
        raise Invalid("'temporary_id' is required.", pointer=f"{base}/temporary_id")
    return temporary


def _lead_here(document: Document, following: str | None, new_id: str) -> None:
    """Let whatever led to the following action lead to the new one."""
    if following is None:
        document["entry_action_id"] = new_id
        return
    if document.get("entry_action_id") == following:
        document["entry_action_id"] = new_id
    for part in actions_of(document):
        for link in list(links_of(part.value)):
            if link.target == following:
                link.holder[link.key] = new_id


def _take_link(document: Document, anchor: Anchor, temporary: str, new_id: str) -> str | None:
    """Point the anchor's link at the new action and return what it named before."""
    try:
        holder = action_in(document, anchor.action_id)
    except NotFound as problem:
        raise Invalid(problem.detail, pointer=anchor.base.removesuffix("/attributes/definition") + "/id") from None
    given = anchor.definition if isinstance(anchor.definition, dict) else {}
    if given.get("type") != holder["type"]:
        detail = f"The anchor is of the type {show(holder['type'])}, {show(given.get('type'))} was given."
        raise Invalid(detail, pointer=f"{anchor.base}/type")
    found = [link for link in links_of(given) if link.target == temporary]
    if len(found) != 1 or len(targets_of(given)) != 1:
        detail = f"The anchor must have exactly one link, which names the new action {show(temporary)}."
        raise Invalid(detail, pointer=f"{anchor.base}/links")
    links = _holder_of(holder, given, found[0], anchor)
    name = str(found[0].key)
    before = links.get(name)
    links[name] = new_id
    return before if isinstance(before, str) else None


def _holder_of(action: Document, given: Mapping[str, Any], link: LinkAt, anchor: Anchor) -> Document:
    """Return the links of the stored anchor, or of its branch, that the given link stands for."""
    owner = action
    if link.pointer.startswith("/data/branches/"):
        branch_id = given["data"]["branches"][int(link.pointer.split("/")[3])].get("branch_id")
        branches = (action.get("data") or {}).get("branches") or ()
        owner = next((one for one in branches if one.get("branch_id") == branch_id), {})
    elif str(link.key) not in _link_names(action):
        owner = {}
    if not owner:
        raise Invalid("The anchor has no such link.", pointer=anchor.base + link.pointer)
    if not isinstance(owner.get("links"), dict):
        owner["links"] = {}
    links: Document = owner["links"]
    return links


def _link_names(action: Mapping[str, Any]) -> tuple[str, ...]:
    if action["type"] in TWO_WAYS:
        return "next_if_true", "next_if_false"
    return () if action["type"] == "multi-branch-split" else ("next",)


def _lead_on(action: Document, following: str | None, base: str) -> None:
    """Let the first free link of the new action lead on to what stood there, unless one does so already."""
    if not isinstance(action.get("links"), dict) and (names := _link_names(action)):
        action["links"] = dict.fromkeys(names)
    if following is None or following in targets_of(action):
        return
    free = next((link for link in links_of(action) if link.target is None), None)
    if free is None:
        raise Invalid(f"No link of the new action leads on to the action '{following}'.", pointer=f"{base}/links")
    free.holder[free.key] = following


def _check(document: Document, at: str, base: str) -> None:
    try:
        validate(document, creating=False)
    except Problems as error:
        raise Problems(_moved(problem, at, base) for problem in error.problems) from None


def _moved(problem: Problem, at: str, base: str) -> Problem:
    pointer = problem.pointer or ""
    return Invalid(problem.detail, pointer=base + (pointer.removeprefix(at) if pointer.startswith(at) else ""))
