"""What conditions saw, as the journal keeps it, and words for it that people understand.

What is here: pure functions over a journal row's `seen` and over definitions. What is not: telling a whole passage
(`explain`). Source: DESIGN section 3 (journal).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.flows.walk import branches_of

NAMING = ("profile-metric", "profile-group-membership")
"""Conditions whose labels carry ids of metrics, lists and segments."""
GROUP = "group_id"
"""What a gate saw that asked whether a person was still in a list or segment: its id."""
MOST_TOLD = 3
LONGEST_TOLD = 40
"""Conditions that a sentence tells, and characters of what one saw."""
NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Condition:
    """What one condition saw and whether it held: a line of a step's truth table.

    `of` is the id of the branch it belongs to, `of_name` that branch's name. `held` is None where the journal does not
    tell. `about` are the names of the metric, lists or segments that are asked about, None where there are none.
    """

    condition: str
    saw: Any
    held: bool | None
    of: str | None = None
    about: str | None = None
    of_name: str | None = None


def conditions_in(seen: Any, of: str | None = None, names: Mapping[str, str] = NO_NAMES) -> Iterator[Condition]:
    """Yield the lines of the truth table that a journal row's `seen` holds, in the order in which they were asked.

    `names` maps ids of metrics, lists and segments to their names.
    """
    for label, found in seen.items() if isinstance(seen, Mapping) else ():
        if isinstance(found, Mapping) and set(found) == {"saw", "held"}:
            yield Condition(label, found["saw"], found["held"], of, _about(label, names))
        elif isinstance(found, Mapping):
            yield from conditions_in(found, label, names)
        else:
            yield Condition(label, found, None, of, _about(label, names, found))


def ids_in(seen: Any) -> set[str]:
    """Return the ids of metrics, lists and segments that the conditions in a journal row's `seen` ask about."""
    return {one for condition in conditions_in(seen) for one in _ids(condition.condition, condition.saw)}


def in_words(condition: Condition) -> str:
    """Return what a condition asks about: `profile-metric "Placed Order"`, or its label."""
    kind, _, _ = condition.condition.partition(":")
    return condition.condition if condition.about is None else f"{kind} {condition.about}"


def told_of(seen: Any, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return what conditions saw as the end of a sentence: `: profile-metric "Placed Order" saw 1`, or nothing."""
    told = [f"{in_words(one)} saw {_short(one.saw)}" for one in conditions_in(seen, None, names)]
    left = f", and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return f": {', '.join(told[:MOST_TOLD])}{left}" if told else ""


def branch_names(definition: Mapping[str, Any]) -> dict[str, str]:
    """Return branch id -> name of the branches of a multi-branch split that have one; other actions have none."""
    branches = [one.value for one in branches_of(dict(definition))]
    return {str(one["branch_id"]): one["name"] for one in branches if one.get("branch_id") and one.get("name")}


def _about(label: str, names: Mapping[str, str], saw: Any = None) -> str | None:
    return ", ".join(f'"{names[one]}"' for one in _ids(label, saw) if one in names) or None


def _ids(label: str, saw: Any) -> list[str]:
    if label == GROUP:
        return [saw] if isinstance(saw, str) else []
    kind, _, ids = label.partition("#")[0].partition(":")
    return ids.split(",") if kind in NAMING else []


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= LONGEST_TOLD else f"{text[: LONGEST_TOLD - 3]}..."
