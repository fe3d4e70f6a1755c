"""The operations on universal content: blocks that several templates show.

What is here: the resource and one row per operation. What is not: what a block shows (`messages.blocks`). Follows the
published description. Our choice: there are no screenshots; their status says that none was ever made.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from headrace.api.commands import universal_bodies as bodies
from headrace.api.commands import universal_content as commands
from headrace.api.commands.universal_bodies import AnyBlock
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import Call, L, M, Operation, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Resource
from headrace.storage import tables as t

STYLES = (
    "background_color",
    "block_background_color",
    "block_border_color",
    "block_border_style",
    "block_border_width",
    "block_padding_bottom",
    "block_padding_left",
    "block_padding_right",
    "block_padding_top",
    "color",
    "extra_css_class",
    "font_family",
    "font_size",
    "font_style",
    "font_weight",
    "inner_padding_bottom",
    "inner_padding_left",
    "inner_padding_right",
    "inner_padding_top",
    "letter_spacing",
    "line_height",
    "mobile_stretch_content",
    "text_align",
    "text_decoration",
    "text_table_layout",
)
OPTIONS = (
    "content_repeat",
    "content_repeat.item_alias",
    "content_repeat.repeat_for",
    "show_on",
    "visible_check",
)
SUBFIELDS = (
    "definition.content_type",
    "definition.data",
    "definition.data.content",
    "definition.data.display_options",
    *(f"definition.data.display_options.{one}" for one in OPTIONS),
    "definition.data.styles",
    *(f"definition.data.styles.{one}" for one in STYLES),
    "definition.type",
)
TYPES = (
    "button",
    "coupon",
    "drop_shadow",
    "header",
    "horizontal_rule",
    "html",
    "image",
    "product",
    "review",
    "social",
    "spacer",
    "split",
    "table",
    "text",
    "unsupported",
    "video",
)
TYPE = "template-universal-content"

CONTENT = Resource(
    TYPE,
    "/api/template-universal-content/{id}",
    (
        Attribute("name", str),
        Attribute("definition", AnyBlock, subfields=SUBFIELDS),
        Attribute("created", datetime, lambda row: row["created_at"]),
        Attribute("updated", datetime, lambda row: row["updated_at"]),
        Attribute("screenshot_status", str, lambda _: "never_generated"),
        Attribute("screenshot_url", str, lambda _: ""),
    ),
)

_C = t.universal_content.c


def _contents(call: Call[Any, Any]) -> Select[Any]:
    columns = (_C.content_id.label("id"), _C.name, _C.definition, _C.created_at, _C.updated_at)
    return select(*columns).where(_C.account_id == call.ctx.account_id)


CONTENTS = Table(_contents, _C.content_id)

DATES = ("greater-or-equal", "greater-than", "less-or-equal", "less-than")
FILTERS = {
    "id": Filterable("string", ("any", "equals"), _C.content_id),
    "name": Filterable("string", ("any", "equals"), _C.name),
    "created": Filterable("datetime", DATES, _C.created_at),
    "updated": Filterable("datetime", DATES, _C.updated_at),
    "definition.content_type": Filterable(
        "enum", ("equals",), _C.definition.op("->>")("content_type"), values=("block", "section")
    ),
    "definition.type": Filterable("enum", ("equals",), _C.definition.op("->>")("type"), values=TYPES),
}
SORTS = {
    "created": Sortable(_C.created_at, dated=True),
    "id": Sortable(_C.content_id),
    "name": Sortable(_C.name),
    "updated": Sortable(_C.updated_at, dated=True),
}
SINCE = "2024-10-15"

OPERATIONS = (
    Operation(
        id="get_all_universal_content",
        method="GET",
        path="/api/template-universal-content",
        shape=shapes.listing,
        tag="Templates",
        summary="List universal content",
        scopes=("templates:read",),
        tier=L,
        resource=CONTENT,
        table=CONTENTS,
        filters=FILTERS,
        sorts=SORTS,
        sparse=(TYPE,),
        page=Page(20, 100),
        since=SINCE,
    ),
    Operation(
        id="create_universal_content",
        method="POST",
        path="/api/template-universal-content",
        shape=shapes.create,
        tag="Templates",
        summary="Create a block that several templates can show",
        scopes=("templates:write",),
        tier=L,
        resource=CONTENT,
        table=CONTENTS,
        command=commands.create,
        body=bodies.NewContentBody,
        sparse=(TYPE,),
        status=201,
        since=SINCE,
    ),
    Operation(
        id="get_universal_content",
        method="GET",
        path="/api/template-universal-content/{id}",
        shape=shapes.get,
        tag="Templates",
        summary="Read universal content",
        scopes=("templates:read",),
        tier=L,
        resource=CONTENT,
        table=CONTENTS,
        sparse=(TYPE,),
        since=SINCE,
    ),
    Operation(
        id="update_universal_content",
        method="PATCH",
        path="/api/template-universal-content/{id}",
        shape=shapes.update,
        tag="Templates",
        summary="Change universal content; messages show it so from then on",
        scopes=("templates:write",),
        tier=L,
        resource=CONTENT,
        table=CONTENTS,
        command=commands.update,
        body=bodies.ChangeContentBody,
        sparse=(TYPE,),
        since=SINCE,
    ),
    Operation(
        id="delete_universal_content",
        method="DELETE",
        path="/api/template-universal-content/{id}",
        shape=shapes.delete,
        tag="Templates",
        summary="Delete universal content, which becomes a part of the templates that show it",
        scopes=("templates:write",),
        tier=L,
        resource=CONTENT,
        table=CONTENTS,
        command=commands.delete,
        status=204,
        since=SINCE,
    ),
    Operation(
        id="clone_universal_content",
        method="POST",
        path="/api/template-universal-content-clone",
        shape=shapes.create,
        tag="Templates",
        summary="Copy universal content",
        scopes=("templates:write",),
        tier=M,
        resource=CONTENT,
        table=CONTENTS,
        command=commands.clone,
        body=bodies.CloneBody,
        sparse=(TYPE,),
        status=201,
        since="2026-10-15",
    ),
)
RESOURCES = (CONTENT,)
