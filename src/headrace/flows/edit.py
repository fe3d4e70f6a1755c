"""Edits of a stored definition: replace one action, delete one. Both return a new document.

Action ids are never used again; a deleted action leaves a tombstone with its successor, which the engine follows when
a run that points at it is due. Source: reference 1.1, 7.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.conditions.parsing import show
from headrace.errors import Invalid, NotFound, Problem, Problems
from headrace.flows.actions import ACTIONS, DELAYS
from headrace.flows.definition import read_action, validate
from headrace.flows.walk import (
    Document,
    actions_of,
    branches_of,
    clone,
    experiment_of,
    links_of,
    message_of,
    nested_actions,
    targets_of,
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion left: the new document, and for every action that is gone its successor, None for an exit."""

    document: Document
    tombstones: Mapping[int, int | None]


def action_in(document: Mapping[str, Any], action_id: int) -> Document:
    """Return an action of a definition; raises `NotFound`."""
    for part in actions_of(document):
        if part.value.get("id") == str(action_id):
            return part.value
    raise NotFound(f"The flow has no action with the id '{action_id}'.")


def replace_action(document: Mapping[str, Any], action_id: int, action: Any, base: str = "") -> Document:
    """Return the definition with one action replaced as a whole.

    Its type and the id of its message cannot change; a message without an id keeps the one it had, and so do an
    experiment, its main action and those of its variations that stay in their place. Raises `Problems` with pointers
    below `base`, where the new action stands, and `NotFound`. Source: reference 7.7.
    """
    old = action_in(document, action_id)
    known = isinstance(action, Mapping) and action.get("type") in ACTIONS
    problems = _same_identity(old, action, base) if known else []
    if problems:
        raise Problems(problems)
    if not known:
        read_action(action, base)
    result: Document = clone(document)
    place = next(n for n, part in enumerate(result["actions"]) if part.get("id") == str(action_id))
    result["actions"][place] = _with_ids(old, clone(action))
    _check(result, f"/actions/{place}", base)
    return result


def delete_action(document: Mapping[str, Any], action_id: int) -> Deleted:
    """Return the definition without one action; whatever led to it leads to its successor. Raises `NotFound`.

    Source: reference 1.1, 7.7. Our choice: a split is followed by the branch that is asked first, the YES of two, and
    what only its other branches led to is deleted with it; runs that wait there exit, as do those that come to a
    deleted split otherwise than from a delay.
    """
    gone = action_in(document, action_id)
    result: Document = clone(document)
    successor = _first_way(gone)
    before = [part.value for part in actions_of(result) if str(action_id) in targets_of(part.value)]
    result["actions"] = [part for part in result["actions"] if part.get("id") != str(action_id)]
    _relink(result, str(action_id), successor)
    lost = [target for target in targets_of(gone) if target != successor]
    orphans = _orphans(document, result, lost, successor)
    result["actions"] = [part for part in result["actions"] if part.get("id") not in orphans]
    below_delays = bool(before) and all(action["type"] in DELAYS for action in before)
    keeps = below_delays or not gone["type"].endswith("-split")
    landing = int(successor) if successor is not None and keeps else None
    return Deleted(result, {action_id: landing, **dict.fromkeys(map(int, orphans))})


def _first_way(action: Document) -> str | None:
    """Return where an action's first way leads, that of the branch that is asked first."""
    branches = sorted((part.value for part in branches_of(action)), key=_asked)
    ways = [link for holder in (action, *branches) for link in links_of({"links": holder.get("links")})]
    return next((link.target for link in ways), None)


def _asked(branch: Mapping[str, Any]) -> tuple[bool, bool, int]:
    order = branch.get("order")
    return bool(branch.get("is_else")), order is None, order or 0


def _same_identity(old: Document, new: Mapping[str, Any], base: str) -> list[Problem]:
    problems: list[Problem] = []
    if new.get("type") != old["type"]:
        detail = f"The type of an action cannot change: it is {show(old['type'])}, {show(new.get('type'))} was given."
        problems.append(Invalid(detail, pointer=f"{base}/type"))
    if new.get("id", old["id"]) not in (old["id"], None):
        detail = f"The id of an action cannot change: it is '{old['id']}', {show(new['id'])} was given."
        problems.append(Invalid(detail, pointer=f"{base}/id"))
    was, given = _message_id(old), _message_id(dict(new))
    if was is not None and given not in (was, None):
        detail = f"The id of a message cannot change: it is '{was}', {show(given)} was given."
        problems.append(Invalid(detail, pointer=f"{base}/data/message/id"))
    return problems


def _message_id(action: Document) -> str | None:
    message = message_of(action)
    return message.get("id") if message else None


def _with_ids(old: Document, new: Document) -> Document:
    _keep_message(old, new)
    had = {part.pointer: part.value for part in nested_actions(old)}
    for part in nested_actions(new):
        before = had.get(part.pointer)
        if before and before.get("type") == part.value.get("type") and part.value.get("id") in (None, before["id"]):
            part.value["id"] = before["id"]
            _keep_message(before, part.value)
    experiment, test = experiment_of(old), experiment_of(new)
    if experiment and test and test.get("id") is None:
        test["id"] = experiment["id"]
    return {"id": old["id"], **{key: value for key, value in new.items() if key != "id"}}


def _keep_message(old: Document, new: Document) -> None:
    message, was = message_of(new), _message_id(old)
    if message is not None and was is not None:
        message["id"] = was


def _check(document: Document, at: str, base: str) -> None:
    """Validate the whole and report each mistake at the place in the request that it was made."""
    try:
        validate(document, creating=False)
    except Problems as error:
        raise Problems(_moved(problem, at, base) for problem in error.problems) from None


def _moved(problem: Problem, at: str, base: str) -> Problem:
    pointer = problem.pointer or ""
    inside = pointer.removeprefix(at) if pointer.startswith(at) else ""
    return Invalid(problem.detail, pointer=base + inside)


def _relink(document: Document, gone: str, successor: str | None) -> None:
    if document.get("entry_action_id") == gone:
        document["entry_action_id"] = successor
    for part in actions_of(document):
        for link in list(links_of(part.value)):
            if link.target == gone:
                link.holder[link.key] = successor


def _orphans(before: Mapping[str, Any], after: Document, lost: list[str], successor: str | None) -> set[str]:
    """Return the ids that only the lost branches led to."""
    below = _reachable(before, lost)
    others = [key for part in actions_of(after) if (key := part.value["id"]) not in below]
    roots = [*others, successor, after.get("entry_action_id")]
    return below - _reachable(after, [root for root in roots if root is not None])


def _reachable(document: Mapping[str, Any], roots: list[str]) -> set[str]:
    actions = {part.value["id"]: part.value for part in actions_of(document)}
    waiting = list(roots)
    found: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in found and key in actions:
            found.add(key)
            waiting += targets_of(actions[key])
    return found
