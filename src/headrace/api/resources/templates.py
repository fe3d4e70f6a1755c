"""The operations on templates.

What is here: one row per operation. What is not: the template language. Follows reference 4.6 and 7.6.
"""

from __future__ import annotations

from headrace.api.commands import templates as commands
from headrace.api.resources.flow_tables import TEMPLATE, TEMPLATES
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.operation import L, Operation
from headrace.jsonapi.query import Page, Sortable
from headrace.storage import tables as t

FILTERS = {
    "id": Filterable("string", ("any", "equals"), t.template.c.template_id),
    "name": Filterable("string", ("any", "contains", "equals"), t.template.c.name),
    "created": Filterable("datetime", DATE_OPERATORS, t.template.c.created_at),
    "updated": Filterable("datetime", DATE_OPERATORS, t.template.c.updated_at),
}
SORTS = {
    "created": Sortable(t.template.c.created_at, dated=True),
    "id": Sortable(t.template.c.template_id),
    "name": Sortable(t.template.c.name),
    "updated": Sortable(t.template.c.updated_at, dated=True),
}

DEFINITION = {"template": ("definition",)}

OPERATIONS = (
    Operation(
        id="get_templates",
        method="GET",
        path="/api/templates",
        shape=shapes.listing,
        tag="Templates",
        summary="List templates",
        scopes=("templates:read",),
        tier=L,
        resource=TEMPLATE,
        table=TEMPLATES,
        filters=FILTERS,
        sorts=SORTS,
        sparse=("template",),
        additional=DEFINITION,
        page=Page(10, 10),
    ),
    Operation(
        id="create_template",
        method="POST",
        path="/api/templates",
        shape=shapes.create,
        tag="Templates",
        summary="Create a template",
        scopes=("templates:write",),
        tier=L,
        resource=TEMPLATE,
        table=TEMPLATES,
        command=commands.create,
        body=commands.NewTemplateBody,
        sparse=("template",),
        additional=DEFINITION,
        status=201,
    ),
    Operation(
        id="get_template",
        method="GET",
        path="/api/templates/{id}",
        shape=shapes.get,
        tag="Templates",
        summary="Read a template",
        scopes=("templates:read",),
        tier=L,
        resource=TEMPLATE,
        table=TEMPLATES,
        sparse=("template",),
        additional=DEFINITION,
    ),
    Operation(
        id="update_template",
        method="PATCH",
        path="/api/templates/{id}",
        shape=shapes.update,
        tag="Templates",
        summary="Change a template; a flow message that uses it sends the new content from then on",
        scopes=("templates:write",),
        tier=L,
        resource=TEMPLATE,
        table=TEMPLATES,
        command=commands.update,
        body=commands.ChangeTemplateBody,
        sparse=("template",),
        additional=DEFINITION,
    ),
    Operation(
        id="delete_template",
        method="DELETE",
        path="/api/templates/{id}",
        shape=shapes.delete,
        tag="Templates",
        summary="Delete a template that no flow message owns",
        scopes=("templates:write",),
        tier=L,
        resource=TEMPLATE,
        table=TEMPLATES,
        command=commands.delete,
        status=204,
    ),
    Operation(
        id="clone_template",
        method="POST",
        path="/api/template-clone",
        shape=shapes.create,
        tag="Templates",
        summary="Copy a template",
        scopes=("templates:write",),
        tier=L,
        resource=TEMPLATE,
        table=TEMPLATES,
        command=commands.clone,
        body=commands.CloneBody,
        sparse=("template",),
        status=201,
    ),
    Operation(
        id="render_template",
        method="POST",
        path="/api/template-render",
        shape=shapes.create,
        tag="Templates",
        summary="Render a template with variables of one's own",
        scopes=("templates:read",),
        resource=TEMPLATE,
        table=TEMPLATES,
        command=commands.render,
        body=commands.RenderBody,
        sparse=("template",),
        status=201,
    ),
)
RESOURCES = (TEMPLATE,)
