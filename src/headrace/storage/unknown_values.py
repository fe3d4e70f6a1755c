"""Values of unknown type in SQL, in the readings that value filters take: text, number, moment.

They are read as `conditions.filters` reads them in Python. What is not here: the filters themselves (`value_clauses`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Numeric, Text, and_, case, cast, func, literal, null

from headrace.conditions.filters.numeric import LONGEST_NUMBER, NUMBER
from headrace.conditions.parsing import BLANKS
from headrace.storage.date_clauses import read_moment

Expression = ColumnElement[Any]
WHOLE = cast(literal([], ARRAY(Text)), ARRAY(Text))
"""The path to a jsonb value itself: `value #>> WHOLE` is its text."""


class Value:
    """An expression kept as jsonb; where a reading is missing it is NULL.

    `loose` is its text whatever it is, where the database has it at less cost than `raw`.
    """

    def __init__(self, json: Expression, loose: Expression | None = None) -> None:
        self.json = json
        self.loose = loose

    @property
    def raw(self) -> Expression | None:
        """Its text whatever it is; None for a time, which has none and is never empty."""
        return self.json.op("#>>")(WHOLE)

    @property
    def text(self) -> Expression:
        """The spelling of a text, a number or a boolean."""
        raw, kind = self.raw, func.jsonb_typeof(self.json)
        spelled = cast(func.trim_scale(cast(case((kind == "number", raw)), Numeric)), Text)
        return case((kind == "string", raw), (kind == "number", spelled), (kind == "boolean", raw))

    @property
    def number(self) -> Expression:
        """A number, or what a text spells."""
        kind = func.jsonb_typeof(self.json)
        number = cast(case((kind == "number", self.raw)), Numeric)
        return case((kind == "number", number), else_=_number(self._string))

    @property
    def moment(self) -> Expression:
        """What a text spells."""
        return read_moment(self._string)

    @property
    def _string(self) -> Expression:
        return case((func.jsonb_typeof(self.json) == "string", self.raw))


class TextValue(Value):
    """An expression kept as text."""

    def __init__(self, text: Expression) -> None:
        super().__init__(func.to_jsonb(text))
        self._text = text

    @property
    def raw(self) -> Expression | None:
        """The text."""
        return self._text

    @property
    def text(self) -> Expression:
        """The text."""
        return self._text

    @property
    def _string(self) -> Expression:
        return self._text

    @property
    def number(self) -> Expression:
        """What the text spells."""
        return _number(self._text)


class MomentValue(Value):
    """An expression kept as a time; it has no text and is no number."""

    def __init__(self, moment: Expression) -> None:
        super().__init__(func.to_jsonb(moment))
        self._moment = moment

    @property
    def raw(self) -> Expression | None:
        """Nothing."""
        return None

    @property
    def text(self) -> Expression:
        """Nothing."""
        return cast(null(), Text)

    @property
    def number(self) -> Expression:
        """Nothing."""
        return cast(null(), Numeric)

    @property
    def moment(self) -> Expression:
        """The time."""
        return self._moment


def _number(text: ColumnElement[Any]) -> ColumnElement[Any]:
    trimmed = func.btrim(text, BLANKS)
    spelled = and_(func.length(text) <= LONGEST_NUMBER, trimmed.op("~")(f"^({NUMBER})$"))
    return case((spelled, cast(trimmed, Numeric)))
