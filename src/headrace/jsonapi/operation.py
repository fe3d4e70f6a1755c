"""Operation rows: one frozen row says everything about one operation of the API.

What is here: `Operation` and the parts it is made of, the `Call` that a shape and a command receive, and the `Reply`
that a shape gives back. What is not: the shapes (`shapes`), the routes made from the rows (`routes`). Allow-lists
(filters, sorts, includes, sizes) belong to the operation and not to the resource. Follows DESIGN section 4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select

from headrace.jsonapi.context import EMPTY, Context
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.query import Page, Parameter, Query, Sortable
from headrace.jsonapi.resource import Resource, Resources, Row

S = TypeVar("S")
B = TypeVar("B")

MAX_BODY = 5 * 1024 * 1024
"""Bytes of a request body. Source: reference 5.4 and 7.2 (413)."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A rate limit: requests a second, a minute, and a day (None: no daily limit). Source: reference 7.5."""

    burst: int
    steady: int
    daily: int | None = None


XS = Tier(1, 15)
S_TIER = Tier(3, 60)
M = Tier(10, 150)
L = Tier(75, 700)
XL = Tier(350, 3500)
REPORTS = Tier(1, 2, 225)


@dataclass(frozen=True, slots=True, eq=False)
class Call(Generic[S, B]):
    """One request, checked: what a shape and a command work on.

    `path` holds the path's parameters by name, decoded. `body` is the validated model of `operation.body`, or None.
    """

    ctx: Context[S]
    operation: Operation
    resources: Resources
    path: Mapping[str, str]
    query: Query
    body: B


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a JSON document (None: an empty body), or `content` sent as it is under `media_type`."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    content: bytes | None = None
    media_type: str | None = None


Shape = Callable[["Call[Any, Any]"], Awaitable[Reply]]
"""What all operations of one kind do, given the row: see `shapes`."""

Command = Callable[["Call[Any, Any]"], Awaitable[Any]]
"""What one operation does: see the shape that calls it for what it returns."""

Loader = Callable[["Call[Any, Any]", Sequence[Row]], Awaitable[Mapping[str, Sequence[Row]]]]
"""Loads one relationship for a whole page of parent rows in a fixed number of statements.

Returns related rows by the parent's API id, in the order to show; a parent without any may be left out.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Where the rows of one resource come from.

    `select` returns a statement scoped to the caller's account. `key` is the unique column behind the API id;
    `parse_id` turns an API id into its value, returns None for one that cannot exist, or raises `Invalid`. `loaders`
    are by relationship name.
    """

    select: Callable[[Call[Any, Any]], Select[Any]]
    key: ColumnElement[Any]
    parse_id: Callable[[str], Any] = str
    loaders: Mapping[str, Loader] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True)
class Shown:
    """The answer of a `call` that is a document of one or `many` resources of a type."""

    type: str
    many: bool = False


Read = Callable[[Context[Any], bytes], Any]
"""Reads a body straight from its bytes where it is as most are, and returns what the command takes, checked.

Returns None wherever anything is out of the ordinary; the model of the body then judges it, and says what is wrong.
"""

Scope = Callable[["Call[Any, Any]", Select[Any], Any], Select[Any]]
"""Narrows a table's statement to the parent whose key value (after `parse_id`) is given."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Operation:
    """One operation of the API.

    `resource` and `table` describe the primary data; `parent` (the resource and table that `{id}` names) is looked up
    first by the related and relationship shapes and makes an unknown id a 404; `scope` narrows `table` to that parent,
    and `many` says whether it is related to many. `includes` are relationship names of `resource`; `include_aliases`
    maps other spellings to them. `linkage` names relationships whose `data` is loaded and shown even without `include`.
    `sparse` are the types that `fields[...]` takes, `additional` the attributes by type that `additional-fields[...]`
    offers. `page` None means unpaged. `default_sort` is a sort key, `-` in front for descending; None sorts by id.
    `costly` maps what a query may ask for, such as "include=lists", to the tier of such requests.
    `parameters` are further plain query parameters. `form` says that the body is multipart/form-data instead of JSON:
    its fields, and its files as `forms.File`, are what `body` validates. `status` is that of
    success, `statuses` are others that success may have. `answer` describes what an operation of the
    shape `call` answers: a document of resources, a model, or a JSON schema; None is an empty answer, or a document of
    one `resource` where the row has one. `since` is the first revision that has the operation and `until` the first
    that no longer has it. `own_link` False leaves out the link of a document to itself, where the document is no page.
    A `public` one is called with the account's public id, and needs no key, whatever its `scopes` say.
    """

    id: str
    method: str
    path: str
    shape: Shape
    tag: str
    summary: str = ""
    scopes: tuple[str, ...] = ()
    tier: Tier = S_TIER
    costly: Mapping[str, Tier] = field(default_factory=lambda: EMPTY)
    resource: Resource | None = None
    table: Table | None = None
    scope: Scope | None = None
    parent: tuple[Resource, Table] | None = None
    many: bool = True
    command: Command | None = None
    body: type[BaseModel] | None = None
    read: Read | None = None
    form: bool = False
    filters: Mapping[str, Filterable] = field(default_factory=lambda: EMPTY)
    sorts: Mapping[str, Sortable] = field(default_factory=lambda: EMPTY)
    default_sort: str | None = None
    includes: tuple[str, ...] = ()
    include_aliases: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    linkage: tuple[str, ...] = ()
    sparse: tuple[str, ...] = ()
    additional: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    page: Page | None = None
    parameters: tuple[Parameter, ...] = ()
    status: int = 200
    statuses: tuple[int, ...] = ()
    answer: Shown | type[BaseModel] | Mapping[str, Any] | None = None
    since: str | None = None
    until: str | None = None
    max_body: int = MAX_BODY
    own_link: bool = True
    public: bool = False
