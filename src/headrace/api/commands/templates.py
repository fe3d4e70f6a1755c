"""What the operations on templates do, and the bodies they take.

What is here: the way from a request to `storage.templates`; sources are compiled before they are kept, so that a
mistake is told to whoever makes it. Follows reference 4.6 and 7.7.

Our choice: an account may have more than 1,000 templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from headrace.api.state import State
from headrace.engine.blocks import load_shown
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.bodies import Change, Id, Model
from headrace.jsonapi.bodies import New as NewBody
from headrace.jsonapi.operation import Call
from headrace.messages.universal import MOST_BLOCKS, references
from headrace.storage import templates
from headrace.storage.templates import NewTemplate
from headrace.templates.problems import TemplateProblem
from headrace.templates.template import compile

EDITORS = ("CODE", "USER_DRAGGABLE")
"""The editor types that the API can make. Source: reference 4.6. Our choice: no drag-and-drop definitions."""
ATTRIBUTES = "/data/attributes"


class TemplateAttributes(Model):
    """A template to be made; a definition is ignored for the editor types there are. Source: the published body."""

    name: str
    editor_type: str
    html: str | None = None
    text: str | None = None
    amp: str | None = None
    definition: dict[str, Any] | None = None


class TemplateChanges(Model):
    """The attributes to change; what is absent stays."""

    name: str | None = None
    html: str | None = None
    text: str | None = None
    amp: str | None = None


class CloneAttributes(Model):
    """The name of the copy; without one it is that of the original with "Clone of" in front."""

    name: str | None = None


class CloneData(Model):
    """The template to copy."""

    type: Literal["template"]
    id: Id
    attributes: CloneAttributes = CloneAttributes()


class CloneBody(Model):
    """`{data: {type, id, attributes: {name?}}}`."""

    data: CloneData


class RenderAttributes(Model):
    """The variables to render with."""

    context: dict[str, Any]


class RenderData(Model):
    """The template to render."""

    type: Literal["template"]
    id: Id
    attributes: RenderAttributes


class RenderBody(Model):
    """`{data: {type, id, attributes: {context}}}`."""

    data: RenderData


NewTemplateBody = NewBody[Literal["template"], TemplateAttributes]
ChangeTemplateBody = Change[Literal["template"], TemplateChanges]


async def create(call: Call[State, Any]) -> str:
    """Write the template and return its id."""
    made: TemplateAttributes = call.body.data.attributes
    problems = [*_editor_problems(made.editor_type), *_source_problems(made.model_dump())]
    if problems:
        raise Problems(problems)
    return await _create(call, NewTemplate(made.name, made.editor_type, made.html, made.text, made.amp))


async def _create(call: Call[State, Any], new: NewTemplate) -> str:
    state = call.ctx.state
    async with state.database.transaction() as connection:
        return await templates.create_template(connection, state.account_id, state.services.ids, state.clock.now(), new)


async def update(call: Call[State, Any]) -> None:
    """Change the attributes that the body names."""
    state = call.ctx.state
    changes = call.body.data.attributes.model_dump(exclude_unset=True)
    if changes.get("name", "") is None:
        del changes["name"]  # the description lets a name be null, a template is never without one
    problems = _source_problems(changes)
    if problems:
        raise Problems(problems)
    async with state.database.transaction() as connection:
        await templates.update_template(connection, state.account_id, call.path["id"], changes, state.clock.now())


async def delete(call: Call[State, Any]) -> None:
    """Delete the template, unless a flow message owns it."""
    state = call.ctx.state
    async with state.database.transaction() as connection:
        await templates.delete_template(connection, state.account_id, call.path["id"])


async def clone(call: Call[State, Any]) -> str:
    """Write a copy that no message owns and return its id."""
    state, asked = call.ctx.state, call.body.data
    found = (await templates.load_templates(state.database, state.account_id, [asked.id])).get(asked.id)
    if found is None:
        raise templates.unknown_template(asked.id)
    name = asked.attributes.name or f"Clone of {found['name']}"
    new = NewTemplate(name, found["editor_type"], found["html"], found["text"], found["amp"])
    return await _create(call, new)


async def render(call: Call[State, RenderBody]) -> Mapping[str, Any]:
    """Return the template's row with its parts rendered, in a process of its own; raises `Invalid` for a mistake."""
    state, asked = call.ctx.state, call.body.data
    found = (await load_shown(state.database, state.account_id, [asked.id])).get(asked.id)
    if found is None:
        raise templates.unknown_template(asked.id)
    answer = await state.services.previews.render(_job(state, found, asked.attributes.context))
    if "problem" in answer:
        raise Invalid(
            f"The {answer['part']} of the template {asked.id} cannot be rendered with this context: "
            f"{answer['problem']}.",
            pointer=f"{ATTRIBUTES}/context",
        )
    return {**found, "id": found["template_id"], **answer}


def _job(state: State, row: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "html": row["html"],
        "text": row["text"],
        "amp": row["amp"],
        "context": context,
        "now": state.clock.now().isoformat(),
        "zone": state.account.timezone,
        "currency": state.account.currency,
    }


def _editor_problems(editor_type: str) -> list[Problem]:
    if editor_type in EDITORS:
        return []
    detail = f'"{editor_type[:80]}" is not an editor type that can be created; it must be one of {", ".join(EDITORS)}.'
    return [Invalid(detail, pointer=f"{ATTRIBUTES}/editor_type")]


def _source_problems(sources: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    for name in ("html", "text", "amp"):
        try:
            compile(sources.get(name) or "")
        except TemplateProblem as problem:
            problems.append(Invalid(f"The {name} is not a template: {problem}.", pointer=f"{ATTRIBUTES}/{name}"))
    if (count := len(references(sources.get("html")))) > MOST_BLOCKS:
        detail = f"The html shows {count} blocks of universal content; at most {MOST_BLOCKS} are put in."
        problems.append(Invalid(detail, pointer=f"{ATTRIBUTES}/html"))
    return problems
