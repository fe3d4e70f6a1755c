"""Rules between the parts of one action, which no model of a single part can check.

Like the graph checks they read a document of any correctness and skip what has the wrong shape; the models report that.
Source: reference 2 (multi-branch-split), 2.3 (size), 2.4 (shares, variations).

Our choice: what contradicts itself is refused, what is only unfinished (a branch that asks nothing, an experiment with
one variation, an alert to nobody) can be stored and is refused when the flow would have to run (`readiness.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headrace.conditions.parsing import show
from headrace.errors import Invalid, Problem
from headrace.flows.graph import key_of
from headrace.flows.walk import Document, PartAt, actions_of, branches_of, experiment_of, operations_of

FEWEST_BRANCHES, MOST_BRANCHES = 2, 20
"""The one for the rest among them. Source: reference 2."""
MOST_TEXT = 100_000
"""Bytes of all texts that one action may write into a profile. Source: reference 2.3 (100 KB)."""
MOST_TESTED_TEXTS = 25
"""Variations of a text message in one test. Source: reference 2.4."""
WHOLE = 100
"""What the shares of an experiment sum to, in per cent. Source: reference 2.4."""
ROUNDING = 0.5
"""Our choice: how far their sum may be off: 33.3 three times is fine."""


def problems_of(definition: Mapping[str, Any], base: str) -> list[Problem]:
    """Return every mistake within the actions of a definition, pointers below `base`."""
    return [
        problem
        for action in actions_of(definition)
        if (rule := RULES.get(str(action.value.get("type"))))
        for problem in rule(action.value, base + action.pointer)
    ]


def _branches(action: Document, at: str) -> Iterator[Problem]:
    branches = list(branches_of(action))
    if not isinstance((action.get("data") or {}).get("branches"), list):
        return
    if not FEWEST_BRANCHES <= len(branches) <= MOST_BRANCHES:
        detail = f"A split has {FEWEST_BRANCHES} to {MOST_BRANCHES} branches; {len(branches)} were given."
        yield Invalid(detail, pointer=f"{at}/data/branches")
    yield from _repeated(branches, "branch_id", at)
    yield from _repeated(branches, "order", at)
    yield from _rest(branches, at)


def _repeated(branches: list[PartAt], name: str, at: str) -> Iterator[Problem]:
    seen: set[Any] = set()
    for branch in branches:
        value = branch.value.get(name)
        if isinstance(value, (int, str)):
            if value in seen:
                detail = f"'{name}' {show(value)} is given to several branches."
                yield Invalid(detail, pointer=f"{at}{branch.pointer}/{name}")
            seen.add(value)


def _rest(branches: list[PartAt], at: str) -> Iterator[Problem]:
    rest = [branch for branch in branches if branch.value.get("is_else") is True]
    if not rest:
        detail = "One branch must have 'is_else', for those whom no other branch takes; none has."
        yield Invalid(detail, pointer=f"{at}/data/branches")
    for branch in rest[1:]:
        yield Invalid("Only one branch may have 'is_else'.", pointer=f"{at}{branch.pointer}/is_else")
    for branch in rest:
        if branch.value.get("branch_filter") is not None:
            detail = "The branch with 'is_else' has no filter of its own."
            yield Invalid(detail, pointer=f"{at}{branch.pointer}/branch_filter")


def _tested(action: Document, at: str) -> Iterator[Problem]:
    experiment = experiment_of(action)
    variations = experiment.get("variations") if experiment else None
    known = variations if isinstance(variations, list) else ()
    texts = sum(isinstance(one, dict) and one.get("type") == "send-sms" for one in known)
    if texts > MOST_TESTED_TEXTS:
        detail = f"A test of text messages has at most {MOST_TESTED_TEXTS} variations; {texts} were given."
        yield Invalid(detail, pointer=f"{at}/data/current_experiment/variations")
    yield from _shares(action, at)


def _shares(action: Document, at: str) -> Iterator[Problem]:
    experiment = experiment_of(action)
    allocations = experiment.get("allocations") if experiment else None
    if not experiment or not isinstance(allocations, dict) or not allocations:
        return
    at = f"{at}/data/current_experiment/allocations"
    variations = experiment.get("variations")
    known = {key_of(one) for one in (variations if isinstance(variations, list) else ()) if isinstance(one, dict)}
    for name, share in allocations.items():
        if name not in known:
            yield Invalid(f"{show(name)} names no variation of this experiment.", pointer=f"{at}/{_escaped(name)}")
        if not _is_share(share):
            detail = f"{show(share)} is not a valid share of a variation: it must be a number from 0 to {WHOLE}."
            yield Invalid(detail, pointer=f"{at}/{_escaped(name)}")
    total = sum(share for share in allocations.values() if _is_share(share))
    if abs(total - WHOLE) > ROUNDING:
        yield Invalid(f"The shares of the variations must sum to {WHOLE}; they sum to {total:g}.", pointer=at)


def _is_share(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float)) and 0 <= value <= WHOLE


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _texts(action: Document, at: str) -> Iterator[Problem]:
    values = (operation.value.get("property_value") for operation in operations_of(action))
    size = sum(len(value.encode(errors="replace")) for value in values if isinstance(value, str))
    if size > MOST_TEXT:
        detail = f"The texts that one action writes are {size} bytes long; the limit is {MOST_TEXT}."
        yield Invalid(detail, pointer=f"{at}/data/profile_operations")


RULES: Mapping[str, Callable[[Document, str], Iterator[Problem]]] = {
    "ab-test": _tested,
    "content-experiment": _shares,
    "multi-branch-split": _branches,
    "update-profile": _texts,
}
