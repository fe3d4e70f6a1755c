"""Write docs/coverage.md: every part that a flow definition may have, and whether it runs, from the code's own tables.

`python scripts/coverage.py` writes the page; `--check` only says whether it is current. What an entry's state is, the
models tell: `missing` and `runs`, and what they compile to. `tests/unit/test_coverage_page.py` holds the tables against
the published description.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import headrace.conditions as tables
from headrace.conditions import ConditionModel, postal_codes
from headrace.conditions.consent_filters import ConsentFilter, SuppressionDate
from headrace.conditions.filters import FilterModel
from headrace.conditions.parsing import Model, OneOf
from headrace.conditions.profile_postal_code_distance import ProfilePostalCodeDistance
from headrace.conditions.profile_predictive_analytics import SHAPES, ProfilePredictiveAnalytics
from headrace.flows.actions import ACTIONS, ActionModel, Place
from headrace.flows.actions.internal_service import SERVICES, InternalService, InternalServiceData
from headrace.flows.actions.passing import CompiledUnsupported, PassedOver
from headrace.flows.actions.update_profile import OPERATIONS
from headrace.flows.triggers import TRIGGERS, TriggerModel
from headrace.flows.triggers.date import DATE_FIELDS

PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
RUNS = "runs"
STORED = "**stored only**"
PASSED = "**passed over**"
PARTLY = "**runs in part**"
PLACES: Mapping[str, Mapping[str, type[ConditionModel]]] = {
    "flow filter": tables.FLOW_CONDITIONS,
    "conditional split, message": tables.PROFILE_CONDITIONS,
    "branch": tables.BRANCH_CONDITIONS,
    "trigger filter": tables.TRIGGER_CONDITIONS,
    "trigger split": tables.TRIGGER_SPLIT_CONDITIONS,
    "output split": tables.ACTION_OUTPUT_CONDITIONS,
    "price-drop trigger": tables.PRICE_DROP_CONDITIONS,
    "low-inventory trigger": tables.LOW_INVENTORY_CONDITIONS,
}
"""Where a definition has a filter, and the conditions that it takes."""
CONDITIONS = {name: model for table in PLACES.values() for name, model in table.items()}
SHAPES_OF: Mapping[type[Model], Mapping[str, type[Model]]] = {ProfilePredictiveAnalytics: SHAPES}
"""Models that are read as one of several shapes."""

HEAD = """# Coverage

Every trigger, action, condition, value filter and operator of a flow definition, as Klaviyo's API describes them at
revision 2026-07-15, and what becomes of each in Headrace. Which operations of the API are served is on the page of
[operations](operations.md). This page is made from the tables of the code by `make docs`.

| state | |
|---|---|
| runs | the engine does what it says |
| **stored only** | it is checked, stored and returned unchanged; a flow that holds it cannot go live, and is told why |
| **runs in part** | it runs where the data that it needs are at hand; elsewhere it counts as stored only |
| **passed over** | the flow runs; whoever comes to this action goes on at once, and the journal says `unsupported` |
"""


def pages() -> Mapping[Path, str]:
    """Return what this script writes, and where."""
    return {PAGE: page()}


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        (
            HEAD,
            *_table("Triggers", ("type", "what starts the flow", "state"), trigger_rows()),
            *_table("Actions", ("type", "what it does", "state"), action_rows()),
            *_table("Services of `internal-service`", ("service", "state"), service_rows()),
            *_table("Operations of `update-profile`", ("operator", "type of property", "state"), operation_rows()),
            *_table("Conditions", ("type", "what it asks", "where", "state"), condition_rows()),
            *_table("Value filters", ("operator", "type", "operand", "in conditions", "state"), filter_rows()),
            *_table("Filters on consents", ("method", "field", "detail", "in conditions", "state"), consent_rows()),
        )
    )


def trigger_rows() -> Iterator[tuple[str, ...]]:
    """Yield each trigger's type (that of its date's field behind it), what it is, and its state."""
    for name, model in TRIGGERS.items():
        forms = {f"{name}, {field}": form for field, form in DATE_FIELDS.items()} if name == "date" else {name: model}
        for title, form in forms.items():
            what = _of_class(form) if len(forms) > 1 else _told(form)[0]
            yield _code(title), what, _trigger_state(form)


def action_rows() -> Iterator[tuple[str, ...]]:
    """Yield each action's type, what it does, and its state."""
    for name, model in ACTIONS.items():
        what, more = _told(model)
        state = action_state(model)
        yield _code(name), what, state if state == RUNS else f"{state}: {more[:1].lower()}{more[1:].rstrip('.')}"


def service_rows() -> Iterator[tuple[str, ...]]:
    """Yield each service's name and its state."""
    for name, model in SERVICES.items():
        data = _bare(InternalServiceData, service_configuration=_bare(model), status="live")
        compiled = _bare(InternalService, data=data).compile(Place(1))
        yield _code(name), PASSED if isinstance(compiled, CompiledUnsupported) else RUNS


def operation_rows() -> Iterator[tuple[str, ...]]:
    """Yield each operator on properties with the type of property it takes, and its state."""
    for name, model in OPERATIONS.items():
        for operator in literals(model.model_fields["operator"].annotation):
            yield _code(operator), "" if operator == name else _code(name), _runs_if(model)


def condition_rows() -> Iterator[tuple[str, ...]]:
    """Yield each condition's type, what it asks, where it may stand, and its state."""
    for name, model in CONDITIONS.items():
        places = [place for place, table in PLACES.items() if name in table]
        yield _code(name), _told(model)[0], ", ".join(places), condition_state(model)


def filter_rows() -> Iterator[tuple[str, ...]]:
    """Yield each value filter's operator, type and operands, the conditions that take it, and its state."""
    found: dict[tuple[str, str], list[str]] = {}
    models: dict[tuple[str, str], type[Model]] = {}
    for condition, model in CONDITIONS.items():
        for one in dict.fromkeys(below(model, FilterModel)):
            for operator in literals(one.model_fields["operator"].annotation):
                key = next(literals(one.model_fields["type"].annotation)), operator
                models.setdefault(key, one)
                found.setdefault(key, []).append(condition)
    for key in sorted(found):
        operands = [_code(name) for name in models[key].model_fields if name not in ("type", "operator")]
        where = sorted(set(found[key]))
        yield _code(key[1]), _code(key[0]), ", ".join(operands), ", ".join(map(_code, where)), _runs_if(models[key])


def consent_rows() -> Iterator[tuple[str, ...]]:
    """Yield each field of a consent that can be asked for, with its methods, and its state."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for condition, model in CONDITIONS.items():
        for one in dict.fromkeys(below(model, ConsentFilter)):
            methods = list(literals(one.model_fields["method"].annotation)) if "method" in one.model_fields else [""]
            detail = _code("filter") if "filter" in one.model_fields else ""
            for field in literals(one.model_fields["field"].annotation):
                for method in methods:
                    found.setdefault((field, method, detail, _consent_state(one)), []).append(condition)
    for (field, method, detail, state), where in sorted(found.items()):
        yield _code(method), _code(field), detail, ", ".join(_code(one) for one in dict.fromkeys(where)), state


def action_state(model: type[ActionModel]) -> str:
    """Return whether an action runs; services that are passed over have a table of their own."""
    if not model.runs:
        return STORED
    return PASSED if issubclass(model, PassedOver) else RUNS


def condition_state(model: type[ConditionModel]) -> str:
    """Return whether a condition runs, and on what."""
    if model is ProfilePostalCodeDistance:
        return _distance_state()
    missing = {one.missing for one in _shapes(model) if issubclass(one, ConditionModel)} - {""}
    return f"{RUNS}, on what is on record: {', '.join(missing)} are not made here" if missing else RUNS


def _distance_state() -> str:
    """Say for which countries distances can be told, as `postal_codes` knows them."""
    countries = ", ".join(code.upper() for code in postal_codes.WORLD)
    world = postal_codes.WORLD_PACKAGE.replace("_", "-")
    return (
        f"{PARTLY}: for US where the package `{postal_codes.AMERICA_PACKAGE}` is installed, and for {countries} where "
        f"`{world}` is; there are no data for other countries ([decision 8](decisions/0008-postal-codes.md))"
    )


def _trigger_state(model: type[TriggerModel]) -> str:
    return f"{STORED}: {model.missing} are not kept here" if model.missing else RUNS


def _consent_state(model: type[ConsentFilter]) -> str:
    """Tell a filter that asks something of a consent, or of a suppression, from one that asks nothing."""
    return RUNS if model.tests is not ConsentFilter.tests or issubclass(model, SuppressionDate) else STORED


def _runs_if(model: type[Model]) -> str:
    """Tell a part that can be compiled from one that cannot."""
    return STORED if inspect.isabstract(model) or not hasattr(model, "compile") else RUNS


def below(model: type[Model], wanted: type[Model]) -> Iterator[type[Any]]:
    """Yield the models of a kind inside another model, itself included."""
    for shape in _shapes(model):
        if issubclass(shape, wanted):
            yield shape
        for field in shape.model_fields.values():
            for one in _models_in(typing.Annotated[field.annotation, *field.metadata, None]):
                yield from below(one, wanted)


def literals(kind: Any) -> Iterator[str]:
    """Yield the words that a type allows."""
    for inner in get_args(kind):
        if get_origin(kind) is Literal:
            yield inner
        else:
            yield from literals(inner)


def _shapes(model: type[Model]) -> Sequence[type[Model]]:
    return tuple(dict.fromkeys(SHAPES_OF[model].values())) if model in SHAPES_OF else (model,)


def _models_in(kind: Any) -> Iterator[type[Model]]:
    """Yield the models that a type is made of; the rows of a choice stand in for the choice."""
    marks = [mark for mark in getattr(kind, "__metadata__", ()) if isinstance(mark, OneOf)]
    if marks:
        yield from dict.fromkeys(marks[0].table.values())
    elif get_origin(kind) in (Union, UnionType, list, typing.Annotated):
        for inner in get_args(kind):
            yield from _models_in(inner)
    elif isinstance(kind, type) and issubclass(kind, Model):
        yield kind


def _bare(model: type[Model], **fields: Any) -> Any:
    """Return a model with these fields and, unchecked, the least that it can have in the others."""
    least = {name: _least(field.annotation) for name, field in model.model_fields.items() if field.is_required()}
    return model.model_construct(**{**least, **fields})


def _least(kind: Any) -> Any:
    """Return a value of a type, as empty as can be."""
    if isinstance(kind, type) and issubclass(kind, Model):
        return _bare(kind)
    return [] if get_origin(kind) is list else next(literals(kind), None)


def _told(model: type[Model]) -> tuple[str, str]:
    """Return what the file of a type says that it is, and what it says beyond that in the first paragraph."""
    text = " ".join((importlib.import_module(model.__module__).__doc__ or "").split("\n\n")[0].split())
    text = re.sub(r"\s*(Source|Our choice): .*", "", text)
    first, _, more = re.sub(r"^[^:]*`: ", "", text).partition(". ")
    return first.rstrip("."), more


def _of_class(model: type[Model]) -> str:
    text = inspect.getdoc(model) or ""
    return f"{text[:1].lower()}{text[1:].rstrip('.')}"


def _code(word: str) -> str:
    return f"`{word}`" if word else ""


def _table(title: str, heads: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table; entries that differ by their first words only share a row."""
    together: dict[tuple[str, ...], list[str]] = {}
    found = list(rows)
    for first, *rest in found:
        together.setdefault(tuple(rest), []).append(first)
    running = sum(row[-1].startswith(RUNS) for row in found)
    yield f"## {title}\n\n{running} of {len(found)} run.\n"
    yield f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    yield from (f"| {' | '.join((', '.join(firsts), *rest))} |" for rest, firsts in together.items())
    yield ""


def main() -> None:
    """Write the page, or check it."""
    if "--check" in sys.argv:
        current = PAGE.read_text() if PAGE.exists() else ""
        sys.exit(0 if current == page() else "docs/coverage.md is not current; run `make docs`")
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
