"""Identifiers in definitions: temporary ids become real ones, and real ones temporary for a copy.

Both leave the given document alone and return a new one. Source: reference 2, 7.7, 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headrace.flows.graph import key_of
from headrace.flows.walk import (
    Document,
    actions_of,
    clone,
    experiment_of,
    links_of,
    messages_of,
    nested_actions,
    outputs_asked,
)

Rename = Callable[[str], str]


def assign_ids(
    document: Mapping[str, Any], new_action_id: Callable[[], int], new_message_id: Callable[[], str]
) -> Document:
    """Return a validated document with real ids in place of temporary ones, in links, entry and experiments too.

    Ids that the document already has stay. Every action inside an experiment gets one, every message, and then every
    experiment; keys keep their order, `id` comes first in actions and last elsewhere. Numbers by which splits name the
    action whose output they ask for follow it (`actions/action_output_split.py`).
    """
    result: Document = clone(document)
    names: dict[str, str] = {}
    for part in actions_of(result):
        _identify(part.value, names, new_action_id)
        inside: dict[str, str] = {}
        for nested in nested_actions(part.value):
            _identify(nested.value, inside, new_action_id)
        _rename_allocations(part.value, inside)
    for part in actions_of(result):
        for message in messages_of(part.value):
            if not message.value.get("id"):
                message.value["id"] = new_message_id()
    for part in actions_of(result):
        experiment = experiment_of(part.value)
        if experiment is not None and not experiment.get("id"):
            experiment["id"] = new_message_id()
    _rename_links(result, names)
    return result


def ids_needed(document: Mapping[str, Any]) -> int:
    """Return how many actions have no id, those inside experiments too: `assign_ids` draws no more for them."""
    parts = actions_of(document)
    actions = [part.value for part in parts] + [one.value for part in parts for one in nested_actions(part.value)]
    return sum(1 for action in actions if not action.get("id"))


def as_creation(document: Mapping[str, Any]) -> Document:
    """Return a document with real ids as the document that would create it: ids become temporary ones.

    Messages and experiments lose theirs. An exported flow is imported through this.
    """
    result: Document = clone(document)
    for action in _all_actions(result):
        key = key_of(action)
        if key is not None:
            _put_first(action, "temporary_id", key)
        action.pop("id", None)
    for part in actions_of(result):
        for message in messages_of(part.value):
            message.value.pop("id", None)
        (experiment_of(part.value) or {}).pop("id", None)
    return result


def _identify(action: Document, names: dict[str, str], new_action_id: Callable[[], int]) -> None:
    """Give an action its id and note it under the one that it had; the same temporary id twice is the same action."""
    known = key_of(action)
    real = action.get("id") or names.get(known or "") or str(new_action_id())
    if known is not None:
        names[known] = real
    _put_first(action, "id", real)


def _all_actions(document: Document) -> Iterator[Document]:
    for part in actions_of(document):
        yield part.value
        yield from (nested.value for nested in nested_actions(part.value))


def _put_first(action: Document, name: str, value: str) -> None:
    rest = {key: given for key, given in action.items() if key not in ("id", "temporary_id")}
    action.clear()
    action.update({name: value, **rest})


def _rename_links(document: Document, names: Mapping[str, str]) -> None:
    entry = document.get("entry_action_id")
    if entry is not None:
        document["entry_action_id"] = names.get(entry, entry)
    for part in actions_of(document):
        for link in list(links_of(part.value)):
            if link.target is not None:
                link.holder[link.key] = names.get(link.target, link.target)
        _rename_outputs(part.value, names)


def _rename_allocations(action: Document, names: Mapping[str, str]) -> None:
    experiment = experiment_of(action) or {}
    shares = experiment.get("allocations")
    if isinstance(shares, dict):
        experiment["allocations"] = {names.get(key, key): share for key, share in shares.items()}


def _rename_outputs(action: Document, names: Mapping[str, str]) -> None:
    for condition in outputs_asked(action):
        asked = condition.get("output_config_id")
        if isinstance(asked, int) and str(asked) in names:
            condition["output_config_id"] = int(names[str(asked)])
