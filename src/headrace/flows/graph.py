"""Graph checks over a definition as a document: identifiers, links that resolve, no cycles, one entry.

Our choice: actions that cannot be reached from the entry are allowed, as the published description allows them; they
never run. Source: reference 7.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headrace.conditions.parsing import show
from headrace.errors import Invalid, Problem
from headrace.flows.walk import PartAt, actions_of, links_of, messages_of, nested_actions, targets_of

LONGEST_ID = 18
"""Digits of an action id: what a 64-bit number surely holds."""

MOST_CYCLES = 20
"""Our choice: how many cycles are told at once, each without the actions of those before it."""


def problems_of(definition: Mapping[str, Any], base: str, *, creating: bool) -> list[Problem]:
    """Return every mistake in how the actions of a definition name one another."""
    actions = actions_of(definition)
    return [*_identity(actions, base, creating), *broken_links(definition, base, creating), *_cycles(actions, base)]


def key_of(action: Mapping[str, Any]) -> str | None:
    """Return the id that links use for an action: its real one, else its temporary one."""
    key = action.get("id") or action.get("temporary_id")
    return key if isinstance(key, str) else None


def topological(successors: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the ids with every action before its successors; those on or behind a cycle are left out."""
    incoming = dict.fromkeys(successors, 0)
    for targets in successors.values():
        for target in targets:
            if target in incoming:
                incoming[target] += 1
    ready = [key for key, count in incoming.items() if count == 0]
    for key in ready:
        for target in successors[key]:
            if target in incoming:
                incoming[target] -= 1
                if incoming[target] == 0:
                    ready.append(target)
    return ready


def broken_links(definition: Mapping[str, Any], base: str, creating: bool) -> Iterator[Problem]:
    """Yield a problem for every link, and for the entry, that names no action of the flow."""
    name = "temporary_id" if creating else "id"
    actions = actions_of(definition)
    known = {key for action in actions if isinstance(key := action.value.get(name), str)}
    entry = definition.get("entry_action_id")
    if isinstance(entry, str) and entry not in known:
        yield _unknown(entry, name, f"{base}/entry_action_id")
    for action in actions:
        for link in links_of(action.value):
            if link.target is not None and link.target not in known:
                yield _unknown(link.target, name, base + action.pointer + link.pointer)


def _identity(actions: Sequence[PartAt], base: str, creating: bool) -> Iterator[Problem]:
    wanted, refused = ("temporary_id", "id") if creating else ("id", "temporary_id")
    seen: set[str] = set()
    for action in actions:
        at = base + action.pointer
        key = action.value.get(wanted)
        yield from _own_id(key, wanted, at)
        if isinstance(key, str) and key in seen:
            yield Invalid(f"'{wanted}' {show(key)} is given to several actions.", pointer=f"{at}/{wanted}")
        seen.add(str(key))
        parts = [
            action,
            *(PartAt(action.pointer + nested.pointer, nested.value) for nested in nested_actions(action.value)),
        ]
        yield from (_refused(part, refused, base) for part in parts if part.value.get(refused) is not None)
        if creating:
            messages = (PartAt(action.pointer + part.pointer, part.value) for part in messages_of(action.value))
            yield from (_refused(part, "id", base) for part in messages if part.value.get("id") is not None)


def _own_id(key: Any, wanted: str, at: str) -> Iterator[Problem]:
    if key is None:
        yield Invalid(f"'{wanted}' is required.", pointer=f"{at}/{wanted}")
    elif wanted == "id" and isinstance(key, str) and not is_action_id(key):
        yield Invalid(f"'id' {show(key)} of an action must be a decimal number.", pointer=f"{at}/id")


def is_action_id(text: str) -> bool:
    """Tell whether a text spells an action id."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_ID


def _refused(part: PartAt, name: str, base: str) -> Problem:
    rule = "is not allowed on create; use 'temporary_id'" if name == "id" else "is allowed on create only; use 'id'"
    return Invalid(f"'{name}' {show(part.value[name])} {rule}.", pointer=f"{base}{part.pointer}/{name}")


def _unknown(target: str, name: str, pointer: str) -> Problem:
    return Invalid(f"{show(target)} names no action of this flow: no action has it as its '{name}'.", pointer=pointer)


def _cycles(actions: Sequence[PartAt], base: str) -> Iterator[Problem]:
    keyed = {key: action for action in actions if (key := key_of(action.value)) is not None}
    successors = {key: targets_of(action.value) for key, action in keyed.items()}
    for _ in range(MOST_CYCLES):
        left = set(successors) - set(topological(successors))
        if not left:
            return
        path = _walk_in(left, successors)
        last = keyed[path[-1]]
        link = next(link for link in links_of(last.value) if link.target == path[0])
        shown = " -> ".join([*path, path[0]])
        yield Invalid(f"The actions {shown} form a cycle.", pointer=base + last.pointer + link.pointer)
        successors = {key: successors[key] for key in left.difference(path)}


def _walk_in(left: set[str], successors: Mapping[str, Sequence[str]]) -> list[str]:
    """Return one cycle, found by walking backwards among the actions that no topological order holds."""
    before = {target: key for key in left for target in successors[key] if target in left}
    path = [next(iter(sorted(left)))]
    while before[path[-1]] not in path:
        path.append(before[path[-1]])
    start = path.index(before[path[-1]])
    return path[start:][::-1]
