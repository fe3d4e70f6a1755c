"""What the operations on images do, and the bodies they take.

What is here: the way from a file, an address or a data URI to a file in the folder and a row. What is not: looking into
images (`api.image_content`), fetching them (`api.image_fetch`), keeping them (`storage.media`, `storage.images`).
Source: the published operations on images.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, StringConstraints, WithJsonSchema

from headrace.api.image_content import LARGEST, NotAnImage, look_at
from headrace.api.image_fetch import LONGEST, Unreachable, fetch_image
from headrace.api.state import State
from headrace.errors import Invalid, TooLarge
from headrace.jsonapi.bodies import Change, Model
from headrace.jsonapi.bodies import New as NewBody
from headrace.jsonapi.forms import File
from headrace.jsonapi.operation import Call
from headrace.storage import images
from headrace.storage.images import LONGEST_NAME, NewImage

ANYWHERE = "any"
UNNAMED = "image"
FORM_SPARE = 64 * 1024
"""Bytes of a form beside the file."""
LARGEST_FORM = LARGEST + FORM_SPARE
LARGEST_BODY = LONGEST + FORM_SPARE
URL = "/data/attributes/import_from_url"

Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]


class ImportAttributes(Model):
    """Where an image is to come from."""

    import_from_url: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
    name: Name | None = None
    hidden: bool | None = None


class ImageChanges(Model):
    """What is to change of an image; what is absent or null stays."""

    name: Name | None = None
    hidden: bool | None = None


class Upload(Model):
    """A form with a file."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    file: Annotated[File, WithJsonSchema({"type": "string", "format": "binary"})]
    name: Name | None = None
    hidden: bool = False


ImportBody = NewBody[Literal["image"], ImportAttributes]
ChangeBody = Change[Literal["image"], ImageChanges]


async def from_url(call: Call[State, Any]) -> str:
    """Get an image from an address, keep it and return its id."""
    asked: ImportAttributes = call.body.data.attributes
    anywhere = call.ctx.state.services.config.image_sources == ANYWHERE
    try:
        found = await fetch_image(asked.import_from_url, anywhere=anywhere)
    except Unreachable as error:
        raise Invalid(f"{error}.", pointer=URL) from None
    return await _keep(call, found.content, asked.name or found.name, bool(asked.hidden), URL)


async def from_file(call: Call[State, Upload]) -> str:
    """Keep an uploaded file and return the image's id."""
    form = call.body
    if len(form.file.content) > LARGEST:
        raise TooLarge(f"The file is larger than {LARGEST} bytes (5 MB), the most allowed.")
    name = form.name or form.file.name.replace("\\", "/").rsplit("/", 1)[-1]
    return await _keep(call, form.file.content, name, form.hidden, "/file")


async def update(call: Call[State, Any]) -> None:
    """Change the name of an image, or whether it is hidden."""
    state, changes = call.ctx.state, call.body.data.attributes
    async with state.database.transaction() as connection:
        await images.update_image(
            connection, state.account_id, int(call.path["id"]), changes.name, changes.hidden, state.clock.now()
        )


async def _keep(call: Call[State, Any], content: bytes, name: str, hidden: bool, pointer: str) -> str:
    state = call.ctx.state
    try:
        kind = await asyncio.to_thread(look_at, content)
    except NotAnImage as error:
        raise Invalid(f"{error}.", pointer=pointer) from None
    digest = await asyncio.to_thread(state.services.media.write, state.account_id, content, kind)
    new = NewImage(_shown(name), kind, len(content), hidden, digest)
    async with state.database.transaction() as connection:
        return str(await images.create_image(connection, state.account_id, new, state.clock.now()))


def _shown(name: str) -> str:
    """Return a name as it is kept, of a file that may be called anything."""
    printable = "".join(letter for letter in name if letter.isprintable()).strip()
    return printable[:LONGEST_NAME] or UNNAMED
