"""What the operations of `update-profile` make of a profile: pure, for one person at a time.

What is here: which keys name attributes, and laying operations over stored properties. What is not: writing them
(`profile_changes`). Source: reference 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.flows.step import ProfileOperation
from headrace.model import Profile

MOST_TEXT = 102_400
"""Bytes of text that the custom properties of a profile may hold together. Source: reference 2.3."""

FIELDS = ("first_name", "last_name", "organization", "title", "image", "locale", "timezone")
"""Attributes that a property of their name stands for."""
PLACES = ("address1", "address2", "city", "country", "region", "zip", "latitude", "longitude")
"""Parts of the location that a property of their name stands for."""
NUMBERS = frozenset(("latitude", "longitude"))
IDENTIFIERS = ("email", "phone_number", "external_id", "anonymous_id", "id", "anonymous", "exchange_id", "kx")

_LISTS = frozenset(("append", "remove"))


def _with_dollar(names: Sequence[str]) -> dict[str, str]:
    return {spelling: name for name in names for spelling in (name, f"${name}", f"location.{name}")}


_FIELD_OF = {key: name for key, name in _with_dollar(FIELDS).items() if not key.startswith("location.")}
_PLACE_OF = _with_dollar(PLACES)
_FIXED = frozenset(_with_dollar(IDENTIFIERS))
_SPECIAL = _FIXED.union(_FIELD_OF, _PLACE_OF)


@dataclass(slots=True, eq=False)
class Patch:
    """What operations make of a profile: what is laid over its properties, then taken from them, and attributes.

    `fields` and `location` hold None where an attribute is cleared. `ignored` are keys that a flow may not change.
    `text` is how many bytes of text are laid over.
    """

    laid: dict[str, Any] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    fields: dict[str, str | None] = field(default_factory=dict)
    location: dict[str, Any] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    text: int = 0

    def told(self) -> dict[str, Any]:
        """Return the patch as the journal keeps it: what was set and what was removed."""
        known = {
            "set": {**self.laid, **self.fields, **self.location},
            "removed": sorted(self.removed),
            "ignored": self.ignored,
        }
        return {name: value for name, value in known.items() if value}

    def applied(self, profile: Profile) -> Profile:
        """Return the profile as it is after the patch."""
        properties = {name: value for name, value in profile.properties.items() if name not in self.removed}
        location = {name: value for name, value in {**profile.location, **self.location}.items() if value is not None}
        fields: dict[str, Any] = self.fields
        return replace(profile, properties={**properties, **self.laid}, location=location, **fields)

    def fits(self, properties: Mapping[str, Any]) -> bool:
        """Tell whether the properties hold no more text than they may once the patch is laid over them."""
        total = self.text
        for name, value in properties.items():
            if name not in self.laid and name not in self.removed:
                total += len(value.encode()) if isinstance(value, str) else text_in(value)
        return total <= MOST_TEXT


def reads_stored(operations: Sequence[ProfileOperation]) -> bool:
    """Tell whether operations depend on what is stored: those that add to a list or take from it."""
    return any(one.kind in _LISTS for one in operations)


def make_patch(operations: Sequence[ProfileOperation], stored: Mapping[str, Any]) -> Patch:
    """Return what operations, carried out in their order, make of a profile with these stored properties.

    `stored` may be anything where `reads_stored` says no. Our choice: a key that names an attribute of the profile
    (`first_name`, `$city`) changes the attribute, because there a reader looks for it; an identifier is left alone,
    because changing one decides who a person is. What is added to a property that is no list makes it a list of both;
    nothing is added twice; a property that equals what is taken from it is removed.
    """
    patch = Patch()
    for one in operations:
        if one.key in _SPECIAL:
            _attribute(patch, one)
        elif one.kind == "unset":
            patch.laid.pop(one.key, None)
            patch.removed.add(one.key)
        else:
            _lay(patch, one, stored)
    patch.text = text_in(patch.laid)
    return patch


def text_in(value: Any) -> int:
    """Return how many bytes of text a JSON value holds, keys not counted."""
    match value:
        case str():
            return len(value.encode())
        case dict():
            return sum(text_in(item) for item in value.values())
        case list():
            return sum(text_in(item) for item in value)
        case _:
            return 0


def _lay(patch: Patch, one: ProfileOperation, stored: Mapping[str, Any]) -> None:
    key, value = one.key, one.value
    if one.kind in _LISTS:
        present = patch.laid.get(key, None if key in patch.removed else stored.get(key))
        if one.kind == "append":
            items = _items(present)
            value = items if value in items else [*items, value]
        elif isinstance(present, list):
            value = [item for item in present if item != value]
        elif present is None or present != value:
            return
        else:
            patch.laid.pop(key, None)
            patch.removed.add(key)
            return
    patch.laid[key] = value
    patch.removed.discard(key)


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _attribute(patch: Patch, one: ProfileOperation) -> None:
    if one.key in _FIXED or one.kind in _LISTS:
        patch.ignored.append(one.key)
    elif one.key in _FIELD_OF:
        patch.fields[_FIELD_OF[one.key]] = None if one.value is None else str(one.value)
    else:
        name = _PLACE_OF[one.key]
        number = name in NUMBERS and isinstance(one.value, (int, float))
        patch.location[name] = one.value if number or one.value is None else str(one.value)
