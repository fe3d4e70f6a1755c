"""The operations on images: uploading them from a file or an address, and reading what is known of them.

What is here: the resource and one row per operation. What is not: the files, which `api.media_pages` serves. Follows
the published description.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, select

from headrace.api.commands import images as commands
from headrace.api.media_pages import address_of
from headrace.api.resources.flow_tables import MAX_ID
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import Call, M, Operation, Table, Tier
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Resource, Row
from headrace.storage import tables as t

IMAGE = Resource(
    "image",
    "/api/images/{id}",
    (
        Attribute("name", str),
        Attribute("image_url", str, lambda row: _address(row)),
        Attribute("format", str),
        Attribute("size", int),
        Attribute("hidden", bool),
        Attribute("updated_at", datetime),
    ),
)

_C = t.image.c


def _address(row: Row) -> str:
    return address_of(row["base_url"], row["account_id"], row["digest"], row["format"])


def _images(call: Call[Any, Any]) -> Select[Any]:
    base = call.ctx.state.services.config.public_url or call.ctx.links.base_url
    columns = (
        _C.image_id.label("id"),
        _C.account_id,
        _C.name,
        _C.format,
        _C.size,
        _C.hidden,
        _C.digest,
        _C.updated_at,
        literal(base).label("base_url"),
    )
    return select(*columns).where(_C.account_id == call.ctx.account_id)


def parse_id(text: str) -> int | None:
    """Return the number that an image's id writes, None for one that no image can have."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID else None


def read_id(text: str) -> int:
    """Return the number of an id in a filter; raises `ValueError` for anything else."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("each character must be a digit")
    return min(int(text[:40]), MAX_ID)


IMAGES = Table(_images, _C.image_id, parse_id)

BOUNDS = ("greater-or-equal", "greater-than", "less-or-equal", "less-than")
FILTERS = {
    "id": Filterable("string", ("any", "equals"), _C.image_id, convert=read_id),
    "updated_at": Filterable("datetime", BOUNDS, _C.updated_at),
    "format": Filterable("string", ("any", "equals"), _C.format),
    "name": Filterable("string", ("any", "contains", "ends-with", "equals", "starts-with"), _C.name),
    "size": Filterable("int", BOUNDS, _C.size),
    "hidden": Filterable("bool", ("any", "equals"), _C.hidden),
}
SORTS = {
    "format": Sortable(_C.format),
    "id": Sortable(_C.image_id),
    "name": Sortable(_C.name),
    "size": Sortable(_C.size),
    "updated_at": Sortable(_C.updated_at, dated=True),
}

OPERATIONS = (
    Operation(
        id="get_images",
        method="GET",
        path="/api/images",
        shape=shapes.listing,
        tag="Images",
        summary="List images",
        scopes=("images:read",),
        tier=M,
        resource=IMAGE,
        table=IMAGES,
        filters=FILTERS,
        sorts=SORTS,
        sparse=("image",),
        page=Page(20, 100),
    ),
    Operation(
        id="upload_image_from_url",
        method="POST",
        path="/api/images",
        shape=shapes.create,
        tag="Images",
        summary="Upload an image from an address or a data URI",
        scopes=("images:write",),
        tier=Tier(3, 100, 100),
        resource=IMAGE,
        table=IMAGES,
        command=commands.from_url,
        body=commands.ImportBody,
        max_body=commands.LARGEST_BODY,
        sparse=("image",),
        status=201,
    ),
    Operation(
        id="get_image",
        method="GET",
        path="/api/images/{id}",
        shape=shapes.get,
        tag="Images",
        summary="Read what is known of an image",
        scopes=("images:read",),
        tier=M,
        resource=IMAGE,
        table=IMAGES,
        sparse=("image",),
    ),
    Operation(
        id="update_image",
        method="PATCH",
        path="/api/images/{id}",
        shape=shapes.update,
        tag="Images",
        summary="Change an image's name, or hide it",
        scopes=("images:write",),
        tier=M,
        resource=IMAGE,
        table=IMAGES,
        command=commands.update,
        body=commands.ChangeBody,
        sparse=("image",),
    ),
    Operation(
        id="upload_image_from_file",
        method="POST",
        path="/api/image-upload",
        shape=shapes.create,
        tag="Images",
        summary="Upload an image from a file",
        scopes=("images:write",),
        tier=Tier(3, 100, 500),
        resource=IMAGE,
        table=IMAGES,
        command=commands.from_file,
        body=commands.Upload,
        form=True,
        max_body=commands.LARGEST_FORM,
        sparse=("image",),
        status=201,
    ),
)
RESOURCES = (IMAGE,)
