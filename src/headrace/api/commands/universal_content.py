"""What the operations on universal content do.

What is here: the way from a request to `storage.universal_content`; what a block shows is compiled before it is kept.
What is not: the bodies (`universal_bodies`). Follows the published operations on universal content.

Our choice: when a block is deleted, what it showed last becomes a part of the templates that name it, so that no
message loses its imprint unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.api.commands.universal_bodies import CloneBody
from headrace.api.state import State
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.operation import Call
from headrace.messages.blocks import block_source, condition_of, repetition_of
from headrace.messages.universal import settled
from headrace.storage import universal_content as storage
from headrace.templates import TemplateProblem, compile

DEFINITION = "/data/attributes/definition"
OPTIONS = f"{DEFINITION}/data/display_options"


async def create(call: Call[State, Any]) -> str:
    """Write a block and return its id."""
    made = call.body.data.attributes
    return await _create(call, made.name, _checked(made.definition))


async def _create(call: Call[State, Any], name: str, definition: Mapping[str, Any]) -> str:
    state = call.ctx.state
    now = state.clock.now()
    content_id = state.services.ids.ulid(now)
    async with state.database.transaction() as connection:
        await storage.create_content(connection, state.account_id, content_id, name, definition, now)
    return content_id


async def update(call: Call[State, Any]) -> None:
    """Change a block; every message written from then on shows it so."""
    state, changes = call.ctx.state, call.body.data.attributes
    definition = None if changes.definition is None else _checked(changes.definition)
    async with state.database.transaction() as connection:
        await storage.update_content(
            connection, state.account_id, call.path["id"], changes.name, definition, state.clock.now()
        )


async def delete(call: Call[State, Any]) -> None:
    """Delete a block, having made it a part of the templates that name it."""
    state, content_id = call.ctx.state, call.path["id"]
    async with state.database.transaction() as connection:
        naming = await storage.templates_naming(connection, state.account_id, content_id)
        block = block_source(await storage.delete_content(connection, state.account_id, content_id))
        sources = {one: settled(html, content_id, block) for one, html in naming.items()}
        changed = {one: html for one, html in sources.items() if html != naming[one]}
        await storage.settle_templates(connection, state.account_id, changed, state.clock.now())


async def clone(call: Call[State, CloneBody]) -> str:
    """Write a copy and return its id; without a name it is called as the original."""
    state, asked = call.ctx.state, call.body.data
    found = (await storage.load_content(state.database, state.account_id, [asked.id])).get(asked.id)
    if found is None:
        raise storage.unknown_content(asked.id)
    return await _create(call, asked.attributes.name or found["name"], found["definition"])


def _checked(block: Any) -> Mapping[str, Any]:
    """Return a definition as it is kept; raises `Problems` for what is no template."""
    definition: Mapping[str, Any] = block.model_dump(exclude_unset=True)
    data = definition.get("data") or {}
    problems = [*_option_problems(data.get("display_options") or {}), *_content_problems(data.get("content"))]
    if not problems:
        problems = _problems("block", block_source(definition), f"{DEFINITION}/data")
    if problems:
        raise Problems(problems)
    return definition


def _content_problems(content: str | None) -> list[Problem]:
    return _problems("content", content or "", f"{DEFINITION}/data/content")


def _option_problems(options: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    if condition := condition_of(options):
        at = "visible_check" if options.get("visible_check") else "visibility/check"
        problems += _expression_problems("condition", condition, "{%% if %s %%}{%% endif %%}", f"{OPTIONS}/{at}")
    many, one = repetition_of(options)
    if many:
        source = f"{{%% for {one} in %s %%}}{{%% endfor %%}}"
        problems += _expression_problems("repetition", many, source, f"{OPTIONS}/content_repeat/repeat_for")
    return problems


def _expression_problems(name: str, expression: str, source: str, pointer: str) -> list[Problem]:
    if any(one in expression for one in ("{%", "%}", "{{", "}}", "\n")):
        return [Invalid(f"The {name} is an expression of one line, without braces.", pointer=pointer)]
    return _problems(name, source % expression, pointer)


def _problems(name: str, source: str, pointer: str) -> list[Problem]:
    try:
        compile(source)
    except TemplateProblem as problem:
        return [Invalid(f"The {name} is not a template: {problem}.", pointer=pointer)]
    return []
