"""Text messages: words with prefix and opt-out language, short links, and the picture or film that goes along.

Source: reference 2.2, 4.5. Our choice: of a `message_hierarchy` the first entry that is a text message is taken,
because no provider here sends richer forms; an entry that names one stored elsewhere is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.messages.desk import Desk, make_desk, tracking
from headrace.messages.links import preparer, tracked_text
from headrace.messages.rendered import (
    MISSING_PHONE,
    UNABLE_TO_SEND_SMS,
    Media,
    RenderedSms,
    RenderFailed,
    RenderRequest,
    Workshop,
)
from headrace.messages.segments import encoding_of, segment_count
from headrace.templates import TemplateProblem

OPT_OUT = "Text STOP to opt-out."
"""Source: reference 4.5."""
SUPPORTED = "SMS"
"""The form of a `message_hierarchy` that the providers send."""


def render_sms(request: RenderRequest, workshop: Workshop) -> RenderedSms | RenderFailed:
    """Return a text message, or why there is none."""
    if not request.profile.phone_number:
        return RenderFailed(MISSING_PHONE, f"profile {request.profile.profile_id} has no phone number")
    item = supported_item(request.message)
    try:
        desk = make_desk(request, workshop)
        text = _text(desk, str(item.get("message") or request.message.get("body") or ""))
        media = _media(desk, item)
    except TemplateProblem as problem:
        return RenderFailed(UNABLE_TO_SEND_SMS, f"message {request.ids.message_id}: {problem}")
    if not text:
        return RenderFailed(UNABLE_TO_SEND_SMS, f"message {request.ids.message_id} has no text")
    return RenderedSms(
        request.profile.phone_number,
        text,
        segment_count(text),
        encoding_of(text),
        media,
        bool(request.message.get("include_contact_card")),
    )


def supported_item(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first entry of the message's hierarchy that is a text message, an empty one without such."""
    for item in message.get("message_hierarchy") or ():
        if isinstance(item, Mapping) and item.get("message_format", SUPPORTED) == SUPPORTED:
            return item
    return {}


def _text(desk: Desk, source: str) -> str:
    message = desk.request.message
    text = desk.text(source).strip()
    if not text:
        return ""
    if message.get("shorten_links", True):
        parameters, finish = tracking(desk, "sms")
        text = tracked_text(text, preparer(desk.workshop.public_url, parameters), finish)
    prefix = f"{desk.request.account.name}: " if message.get("add_org_prefix", True) else ""
    ending = f" {OPT_OUT}" if message.get("add_opt_out_language") else ""
    return f"{prefix}{text}{ending}"


def _media(desk: Desk, item: Mapping[str, Any]) -> Media | None:
    """Return what goes along: the entry's own film or picture, else the message's; a fixed one beats a dynamic one."""
    message = desk.request.message
    film, picture = item.get("media") or {}, item.get("image") or {}
    return (
        media(desk, film.get("static_asset_id") or film.get("id"), film.get("dynamic_template"), film=True)
        or media(desk, picture.get("static_image_asset_id"), picture.get("dynamic_image_template"))
        or media(desk, message.get("image_id"), message.get("dynamic_image"))
    )


def media(desk: Desk, asset_id: Any, source: Any, *, film: bool = False) -> Media | None:
    """Return a picture or film by its id, else by the address that a template makes; None where neither is there.

    Raises `TemplateProblem`. Source: reference 2.2 (`image_id` beats `dynamic_image`).
    """
    if asset_id:
        return Media(asset_id=str(asset_id), film=film)
    url = desk.one_line(str(source)) if source else ""
    return Media(url=url, film=film) if url else None
