"""Tags that write a message's own links: unsubscribe, preferences, view in browser. Source: reference 4.6."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.template.base import Node
from django.utils.html import conditional_escape

from headrace.templates.surroundings import Surroundings
from headrace.templates.tags.arguments import values

Address = Callable[[Surroundings], str]

UNSUBSCRIBE: Address = lambda around: around.unsubscribe_url  # noqa: E731
PREFERENCES: Address = lambda around: around.preferences_url  # noqa: E731
WEB_VIEW: Address = lambda around: around.web_view_url  # noqa: E731


class AddressNode(Node):  # type: ignore[misc]
    """Writes the bare address."""

    child_nodelists = ()

    def __init__(self, address: Address) -> None:
        self.address = address

    def render(self, context: Any) -> str:
        """Return the address, escaped where values are."""
        address = self.address(context.surroundings)
        return str(conditional_escape(address)) if context.autoescape else address


class AnchorNode(Node):  # type: ignore[misc]
    """Writes a link with its words, or words and address in plain text."""

    child_nodelists = ()

    def __init__(self, address: Address, words: Any, default: str) -> None:
        self.address = address
        self.words = words
        self.default = default

    def render(self, context: Any) -> str:
        """Return the link."""
        words = (self.words.resolve(context) if self.words else "") or self.default
        address = self.address(context.surroundings)
        if not context.surroundings.html:
            return f"{words}: {address}"
        return f'<a href="{conditional_escape(address)}">{conditional_escape(words)}</a>'


def _address(address: Address, parser: Any, token: Any) -> AddressNode:
    values(parser, token, at_most=0)
    return AddressNode(address)


def _anchor(address: Address, default: str, parser: Any, token: Any) -> AnchorNode:
    words = values(parser, token, at_most=1)
    return AnchorNode(address, words[0] if words else None, default)


TAGS: Mapping[str, Callable[..., Any]] = {
    "unsubscribe": partial(_anchor, UNSUBSCRIBE, "Unsubscribe"),
    "unsubscribe_link": partial(_address, UNSUBSCRIBE),
    "manage_preferences": partial(_anchor, PREFERENCES, "Manage Preferences"),
    "manage_preferences_link": partial(_address, PREFERENCES),
    "web_view": partial(_anchor, WEB_VIEW, "View in Your Browser"),
    "web_view_link": partial(_address, WEB_VIEW),
}
