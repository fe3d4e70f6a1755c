"""Walking over a definition as a plain document: its actions, links and messages, with their JSON pointers.

These walks read a document of any correctness and skip what has the wrong shape; the models report that. They know the
places where action types keep links and messages, whether or not the types run yet. Source: reference 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LinkAt:
    """One outgoing link: where it is written and the id it names, None for an end."""

    pointer: str
    holder: Any
    key: str | int
    target: str | None


@dataclass(frozen=True, slots=True)
class PartAt:
    """An object inside a definition and its pointer."""

    pointer: str
    value: Document


def clone(value: Any) -> Any:
    """Return a copy of a JSON value that shares nothing, not even parts that the original holds twice."""
    match value:
        case dict():
            return {key: clone(item) for key, item in value.items()}
        case list():
            return [clone(item) for item in value]
        case _:
            return value


def actions_of(definition: Mapping[str, Any]) -> list[PartAt]:
    """Return the flow's actions in their order."""
    actions = definition.get("actions")
    found = enumerate(actions) if isinstance(actions, list) else ()
    return [PartAt(f"/actions/{number}", action) for number, action in found if isinstance(action, dict)]


def links_of(action: Document) -> Iterator[LinkAt]:
    """Yield every outgoing link of an action, pointers within the action: `links`, then those of its branches."""
    yield from _links_in(action.get("links"), "/links")
    for branch in branches_of(action):
        yield from _links_in(branch.value.get("links"), f"{branch.pointer}/links")


def targets_of(action: Document) -> list[str]:
    """Return the ids that an action links to, in order, without ends."""
    return [link.target for link in links_of(action) if link.target is not None]


def branches_of(action: Document) -> Iterator[PartAt]:
    """Yield the branches of a multi-branch split."""
    return _list_in(action, "/data/branches")


def operations_of(action: Document) -> Iterator[PartAt]:
    """Yield the operations of a profile update."""
    return _list_in(action, "/data/profile_operations")


def experiment_of(action: Mapping[str, Any]) -> Document | None:
    """Return the experiment of an A/B test or content experiment, None where it has none."""
    data = action.get("data")
    experiment = data.get("current_experiment") if isinstance(data, dict) else None
    return experiment if isinstance(experiment, dict) else None


def outputs_asked(action: Document) -> Iterator[Document]:
    """Yield the conditions of an action-output split, each of which names the action that it asks about."""
    data = action.get("data")
    asked = data.get("action_output_filter") if isinstance(data, dict) else None
    holder = {"data": asked} if isinstance(asked, dict) else {}
    for group in _list_in(holder, "/data/condition_groups"):
        yield from (condition.value for condition in _list_in({"data": group.value}, "/data/conditions"))


def nested_actions(action: Document) -> Iterator[PartAt]:
    """Yield the actions inside an A/B test or content experiment: its main action and its variations."""
    data = action.get("data")
    if not isinstance(data, dict):
        return
    if isinstance(data.get("main_action"), dict):
        yield PartAt("/data/main_action", data["main_action"])
    yield from _list_in(action, "/data/current_experiment/variations")


def message_of(action: Document) -> Document | None:
    """Return an action's message object, None where it has none."""
    data = action.get("data")
    message = data.get("message") if isinstance(data, dict) else None
    return message if isinstance(message, dict) else None


def messages_of(action: Document) -> Iterator[PartAt]:
    """Yield the messages of an action and of the actions inside it."""
    message = message_of(action)
    if message is not None:
        yield PartAt("/data/message", message)
    for nested in nested_actions(action):
        inner = message_of(nested.value)
        if inner is not None:
            yield PartAt(f"{nested.pointer}/data/message", inner)


def status_of(action: Mapping[str, Any]) -> str | None:
    """Return an action's status as its document says it, None where it says none."""
    data = action.get("data")
    status = data.get("status") if isinstance(data, dict) else None
    return status if isinstance(status, str) else None


def _links_in(links: Any, pointer: str) -> Iterator[LinkAt]:
    for key, target in links.items() if isinstance(links, dict) else ():
        if isinstance(target, list):
            found = ((f"{pointer}/{key}/{number}", target, number, item) for number, item in enumerate(target))
            yield from (LinkAt(at, holder, place, item) for at, holder, place, item in found if _is_target(item))
        elif _is_target(target):
            yield LinkAt(f"{pointer}/{key}", links, key, target)


def _is_target(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _list_in(action: Document, pointer: str) -> Iterator[PartAt]:
    found: Any = action
    for part in pointer.split("/")[1:]:
        found = found.get(part) if isinstance(found, dict) else None
    for number, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield PartAt(f"{pointer}/{number}", item)
