"""Mobile push: title, body, badge, picture, links, key-value pairs and buttons for every device of a person.

Source: reference 2.2. Our choice: a badge that is on without options counts up by one; one whose number turns out to be
none, or less than 0, is left out, and the message goes all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headrace.messages.desk import Desk, make_desk
from headrace.messages.rendered import (
    NO_PUSH_TOKEN,
    UNABLE_TO_SEND_PUSH,
    Button,
    Media,
    RenderedPush,
    RenderFailed,
    RenderRequest,
    Workshop,
)
from headrace.messages.sms import media
from headrace.templates import TemplateProblem

LINKS = ("ios_link", "android_link", "web_url")
INCREMENT = "increment"
"""What a badge holds that counts up by one."""


def render_push(request: RenderRequest, workshop: Workshop) -> RenderedPush | RenderFailed:
    """Return a push message, or why there is none: no device, no words, a template that fails."""
    if not request.devices:
        return RenderFailed(NO_PUSH_TOKEN, f"profile {request.profile.profile_id} has no device that takes push")
    try:
        made = _push(make_desk(request, workshop))
    except TemplateProblem as problem:
        return RenderFailed(UNABLE_TO_SEND_PUSH, f"message {request.ids.message_id}: {problem}")
    if not made.body and not made.silent:
        return RenderFailed(UNABLE_TO_SEND_PUSH, f"message {request.ids.message_id} has no text")
    return made


def _push(desk: Desk) -> RenderedPush:
    message = desk.request.message
    links = {name: desk.line(name) for name in LINKS}
    return RenderedPush(
        devices=tuple(desk.request.devices),
        title=desk.line("title"),
        body=desk.text(str(message.get("body") or "")).strip(),
        sound=bool(message.get("sound")),
        badge=_badge(desk) if message.get("badge") else None,
        media=_media(desk),
        on_open=str(message.get("on_open") or "home"),
        links=tuple((name, link) for name, link in links.items() if link),
        silent=message.get("push_type") == "silent",
        data=tuple((str(name), _value(desk, value)) for name, value in (message.get("kv_pairs") or {}).items()),
        buttons=tuple(_button(desk, one) for one in _in_order(message.get("action_buttons") or ())),
    )


def _badge(desk: Desk) -> int | str | None:
    options = desk.request.message.get("badge_options") or {}
    match options.get("badge_config"):
        case "set_count":
            return _count(desk.one_line(str(options.get("value") or "")))
        case "set_property":
            return _count(desk.request.profile.properties.get(str(options.get("set_from_property"))))
        case _:
            return INCREMENT


def _count(value: Any) -> int | None:
    """Return a whole number from 0, None for anything else."""
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        return None
    return int(value) if value == int(value) else None


def _media(desk: Desk) -> Media | None:
    message = desk.request.message
    if video := message.get("video_asset_id"):
        return Media(asset_id=str(video), film=True)
    return media(desk, message.get("image_id"), message.get("dynamic_image"))


def _value(desk: Desk, value: Any) -> str:
    """Return a value of the key-value pairs as text, as push services carry it."""
    return desk.text(value) if isinstance(value, str) else json.dumps(value)


def _in_order(buttons: Any) -> list[Mapping[str, Any]]:
    """Return the buttons by their positions; one without stands where it stands in the list."""
    places = [(one.get("position") if one.get("position") is not None else at, at) for at, one in enumerate(buttons)]
    return [buttons[at] for _, at in sorted(places)]


def _button(desk: Desk, button: Mapping[str, Any]) -> Button:
    return Button(
        label=desk.one_line(str(button.get("label") or "")),
        action=str(button.get("action_type") or ""),
        url=desk.one_line(str(button.get("url") or "")),
        icon=str(button.get("icon") or ""),
        custom_action_id=str(button.get("custom_action_id") or ""),
    )
