"""A type's schema lent to a field that takes anything: for bodies whose parts are checked as a whole by others.

What is here: the mark that puts the schema into our OpenAPI document. What is not: any check; pydantic passes the value
on as it is.
"""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class SchemaOf:
    """Marks a field with the type that describes it: `Annotated[Any, SchemaOf(DefinitionModel)]`."""

    __slots__ = ("_kind",)

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the type in place of the field's own, which says nothing."""
        return handler(TypeAdapter(self._kind).core_schema)
