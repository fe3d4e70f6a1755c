"""Resource rows: what one type of resource shows, and how it is read from a row of the database.

What is here: `Attribute`, `Relationship`, `Resource` and the questions that the grammar asks of them (which names are
legal in `fields[type]`, which attributes are shown unasked). What is not: how rows are loaded (`operation.Table`) and
how documents are put together (`document`). Follows reference 7.1 and 7.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Reader = Callable[[Row], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One attribute of a resource.

    `type` is a Python type, a pydantic model or a JSON schema and describes the attribute in our OpenAPI document.
    `read` takes the value from a row; None reads the column of the same name. `on_request` attributes are returned
    only when `additional-fields[type]` or `fields[type]` names them. `subfields` are the dotted names that
    `fields[type]` may name besides the attribute itself (`definition.data.value`). An `optional` one is left
    out where it is null.
    """

    name: str
    type: Any = Any
    read: Reader | None = None
    on_request: bool = False
    subfields: tuple[str, ...] = ()
    description: str = ""
    optional: bool = False

    def value(self, row: Row) -> Any:
        """Return this attribute's value in `row`."""
        return row[self.name] if self.read is None else self.read(row)


@dataclass(frozen=True, slots=True, eq=False)
class Relationship:
    """One relationship of a resource to resources of `type`.

    `links` False hides `self` and `related`; one that is not `addressed` has no address of its own, and shows `related`
    alone. `ids` reads the id (to-many: the ids) from the row itself, so that `data`
    is shown without loading anything; None shows `data` only when the relationship was loaded. An `optional` one is
    left out where `ids` finds nothing, instead of shown as null.
    """

    name: str
    type: str
    many: bool = False
    links: bool = True
    ids: Reader | None = None
    optional: bool = False
    addressed: bool = True


def id_column(row: Row) -> str:
    """Return a row's `id` column as the string that the API shows."""
    return str(row["id"])


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One type of resource.

    `path` is the self link's path with `{id}` in it (`/api/flows/{id}`); None means that it has no address of its own
    and shows no links. `id` reads the id, a string, from a row.
    """

    type: str
    path: str | None
    attributes: tuple[Attribute, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    id: Reader = id_column

    def field_names(self, additional: Iterable[str] = ()) -> frozenset[str]:
        """Return the names legal in `fields[type]` where `additional` attributes may be asked for, `id` among them."""
        offered = set(additional)
        shown = [one for one in self.attributes if not one.on_request or one.name in offered]
        return frozenset({"id"} | {one.name for one in shown} | {sub for one in shown for sub in one.subfields})

    def relationship(self, name: str) -> Relationship:
        """Return the relationship called `name`; raises `KeyError` when there is none."""
        for one in self.relationships:
            if one.name == name:
                return one
        raise KeyError(f"resource {self.type} has no relationship {name}")


Resources = Mapping[str, Resource]
"""Every resource by its type, as one revision shows them."""
