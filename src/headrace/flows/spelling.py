"""The two spellings of a flow: snake_case as the API has it, camelCase as the legacy `/flow/<id>.json` has it.

Only keys change, values never. Maps whose keys are the user's own (headers of a webhook, key-value pairs of a push
message, event payloads, experiment shares) and the data of `code` actions keep their keys. Source: reference 8.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.errors import Invalid
from headrace.flows.walk import Document

FREE_MAPS = frozenset(("headers", "kv_pairs", "event_payload", "allocations", "extra", "properties"))
"""Keys, in snake_case, whose values are maps with keys of the user's own."""
Spell = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class FlowFile:
    """What a flow file says, in the API's spelling."""

    name: str
    status: str
    definition: Document


def from_camel(document: Any) -> Any:
    """Return a document with its keys in snake_case; keys that are so already stay."""
    return _respell(document, snake)


def to_camel(document: Any) -> Any:
    """Return a document with its keys in camelCase; keys that are so already stay."""
    return _respell(document, camel)


def snake(key: str) -> str:
    """Return a key in snake_case: `entryActionId` becomes `entry_action_id`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), key)


def camel(key: str) -> str:
    """Return a key in camelCase: `entry_action_id` and `flow-actions` become `entryActionId` and `flowActions`."""
    return re.sub(r"(?<=[a-z0-9])[_-]([a-z0-9])", lambda match: match[1].upper(), key)


def read_flow_file(document: Any) -> FlowFile:
    """Return the flow in a parsed file of either spelling: a whole JSON:API document or its `attributes` alone.

    Raises `Invalid` where no definition is found. The definition itself is not validated here.
    """
    spelled = from_camel(document)
    data = spelled.get("data", spelled) if isinstance(spelled, dict) else None
    attributes = data.get("attributes", data) if isinstance(data, dict) else None
    definition = attributes.get("definition") if isinstance(attributes, dict) else None
    if not isinstance(definition, dict) or not isinstance(attributes, dict):
        raise Invalid("The file holds no flow: 'data.attributes.definition' is missing.", pointer="/data/attributes")
    return FlowFile(str(attributes.get("name") or "Untitled"), str(attributes.get("status") or "draft"), definition)


def _respell(value: Any, spell: Spell) -> Any:
    match value:
        case list():
            return [_respell(item, spell) for item in value]
        case dict():
            opaque = value.get("type") == "code"
            return {spell(key): _inner(key, item, spell, opaque) for key, item in value.items()}
        case _:
            return value


def _inner(key: str, value: Any, spell: Spell, opaque: bool) -> Any:
    free = isinstance(value, Mapping) and snake(key) in FREE_MAPS
    return value if free or (opaque and key == "data") else _respell(value, spell)
