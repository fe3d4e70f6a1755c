"""Models of JSON:API request bodies, to be filled in by the operation's own attributes.

What is here: generic envelopes. `T` is a `Literal` with the resource's type, so that a wrong type is refused with a
pointer to `/data/type`; `A` and `R` are models of attributes and relationships. What is not: any one resource.
Follows reference 7.7. Our choice: a wrong type or id is a 400 like every other mistake in a body, where JSON:API asks
for 409, because clients of this API know 409 as "exists already".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints

from headrace.errors import Problem, collecting

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

Id = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Model(BaseModel):
    """The base of every request model: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @classmethod
    def deeper(cls, body: Any) -> list[Problem]:
        """Return mistakes in parts of a body that the model leaves to its command, such as a flow's definition.

        Asked only when a request has other mistakes, so that its author reads of all of them at once. `body` is JSON of
        any form. Mistakes that only the database can tell are not among them.
        """
        return []


class NewData(Model, Generic[T, A]):
    """A resource to be created. It gets its id here, so that one in the body is refused rather than passed over."""

    type: T
    attributes: A


class New(Model, Generic[T, A]):
    """`{data: {type, attributes}}`."""

    data: NewData[T, A]


class NewRelatedData(NewData[T, A], Generic[T, A, R]):
    """A resource to be created together with its relationships."""

    relationships: R


class NewRelated(Model, Generic[T, A, R]):
    """`{data: {type, attributes, relationships}}`; make `R` optional by `R | None` and a default of its own."""

    data: NewRelatedData[T, A, R]


class ChangeData(Model, Generic[T, A]):
    """A resource to be changed; its id must be that of the path."""

    type: T
    id: Id
    attributes: A


class Change(Model, Generic[T, A]):
    """`{data: {type, id, attributes}}`."""

    data: ChangeData[T, A]


class Identifier(Model, Generic[T]):
    """A type and an id."""

    type: T
    id: Id


class ToOne(Model, Generic[T]):
    """`{data: {type, id}}`."""

    data: Identifier[T]


class ToMany(Model, Generic[T]):
    """`{data: [{type, id}, ...]}`, of a body or of a relationship."""

    data: list[Identifier[T]]


def id_in(body: Any) -> str | None:
    """Return `data.id` of a body model, or None when it has none."""
    return getattr(getattr(body, "data", None), "id", None)


def mistakes_in(body: Any, read: Callable[[Any, str], Any], *names: str) -> list[Problem]:
    """Return the mistakes of what stands in a body under nested names, none where nothing does.

    `read` takes it and its pointer, and raises its problems.
    """
    problems: list[Problem] = []
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    if body is not None:
        with collecting(problems):
            read(body, f"/{'/'.join(names)}")
    return problems
