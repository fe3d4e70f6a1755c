"""Reading documents into models: the strict base model, tagged unions from plain tables, and problems with pointers.

What is here is shared by conditions and flows. What a document may hold is said by the models themselves.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from headrace.errors import Invalid, Problem, Problems, rule_of

BLANKS = " \t\n\r\f\v"
"""What is trimmed from text before it is read as a number, a date or a name."""
MARK = "@"
"""Begins every union tag in an error's location, which tells tags from the document's own keys."""
BY_OPERATOR = "type and operator"
"""What a choice is called whose rows are named "type operator"."""
ROW_END = "\n"
SHOWN = 80
"""How many characters of a wrong value a message repeats."""


class Model(BaseModel):
    """A part of a document: no unknown fields, no conversions between types, never changed once read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("it must be a number")
    return value


def _text_or_integer(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("it must be a text or an integer")
    return value


Number = Annotated[Any, AfterValidator(_number)]
"""An int or a float, kept as it was written."""
TextOrInteger = Annotated[Any, AfterValidator(_text_or_integer)]
"""A str or an int."""
M = TypeVar("M", bound=Model)
Tag = Callable[[Mapping[str, Any]], str | None]


class OneOf:
    """Marks a field whose model is looked up in a table: `Annotated[ConditionModel, OneOf(CONDITIONS)]`.

    `tag` names the row for a given value; by default it is the value's `type`. `what` names the choice in messages.
    """

    def __init__(self, table: Mapping[str, type[Model]], tag: Tag | None = None, what: str = "type") -> None:
        self.table = table
        self._tag = tag or _type_of
        self._what = what

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build the union over the table's rows."""
        choices: dict[Hashable, CoreSchema] = {
            MARK + name: handler.generate_schema(model) for name, model in self.table.items()
        }
        return core_schema.tagged_union_schema(
            choices,
            self._discriminate,
            metadata=None,
            custom_error_type="one_of",
            custom_error_message="{what}",
            custom_error_context={
                "what": f"{self._what} must be one of: {', '.join(self.table)}",
                "choice": self._what,
                "rows": ROW_END.join(self.table),
            },
        )

    def _discriminate(self, value: Any) -> str | None:
        tag = self._tag(value) if isinstance(value, Mapping) else None
        return None if tag is None else MARK + tag


def parse(model: type[M], document: Any, base: str = "") -> M:
    """Return `document` read as `model`; raises `Problems`, each with its JSON pointer below `base`."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise Problems(problems_of(error, base)) from None


def problems_of(error: ValidationError, base: str = "") -> list[Problem]:
    """Return one problem per mistake that pydantic found, with pointers below `base`."""
    return [_problem(detail, base) for detail in error.errors(include_url=False)]


def pointer(base: str, parts: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of `parts` below `base`."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "/".join((base, *escaped))


_WORDS = {None: "null", True: "true", False: "false"}


def show(value: Any) -> str:
    """Return a value as a message repeats it: short, on one line; objects and lists as JSON."""
    if isinstance(value, (dict, list)):
        text = _json(value)
    else:
        text = _WORDS[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "a value of many levels"


def _type_of(value: Mapping[str, Any]) -> str | None:
    kind = value.get("type")
    return kind if isinstance(kind, str) else None


def _problem(detail: ErrorDetails, base: str) -> Problem:
    parts = [part for part in detail["loc"] if not (isinstance(part, str) and part.startswith(MARK))]
    name = next((part for part in reversed(parts) if isinstance(part, str)), base.rpartition("/")[2] or "value")
    return Invalid(_sentence(detail, name), pointer=pointer(base, parts))


def _sentence(detail: ErrorDetails, name: str) -> str:
    kind, given = detail["type"], detail["input"]
    match kind:
        case "missing":
            return f"'{name}' is required."
        case "extra_forbidden":
            return f"'{name}' is not a field of this object."
        case "one_of":
            return _not_in_table(detail, name, given)
        case "literal_error":
            return f"{show(given)} is not a valid value of '{name}': it must be {detail['ctx']['expected']}."
        case "value_error":
            return f"{show(given)} is not a valid value of '{name}': {detail['ctx']['error']}."
        case _:
            rule = rule_of(kind, detail.get("ctx", {})) or _lower(detail["msg"])
            return f"{show(given)} is not a valid value of '{name}': {rule}."


def _not_in_table(detail: ErrorDetails, name: str, given: Any) -> str:
    if not isinstance(given, Mapping):
        return f"{show(given)} is not a valid value of '{name}': it must be an object."
    shown = show({key: given[key] for key in ("type", "operator") if key in given} or given)
    return f"{shown} is not known in '{name}': {_operators_of(detail['ctx'], given) or detail['msg']}."


def _operators_of(context: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """Return the rule of a known type whose operator is none of its own, None where it is something else."""
    kind = given.get("type")
    if context["choice"] != BY_OPERATOR or not isinstance(kind, str):
        return None
    rows = (row.partition(" ") for row in context["rows"].split(ROW_END))
    operators = [operator for type_, _, operator in rows if type_ == kind]
    return f"operator of the type '{kind}' must be one of: {', '.join(operators)}" if operators else None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
