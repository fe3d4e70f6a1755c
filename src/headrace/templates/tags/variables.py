"""The tag that writes a value of the message itself: `render_variable preview_text`. Source: reference 4.6."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.template import TemplateSyntaxError
from django.template.base import Node
from django.utils.html import escape


class PreviewTextNode(Node):  # type: ignore[misc]
    """Writes the message's preview text."""

    child_nodelists = ()

    def render(self, context: Any) -> str:
        """Return the preview text, escaped in HTML."""
        text: str = context.surroundings.preview_text
        return str(escape(text)) if context.autoescape else text


def _render_variable(parser: Any, token: Any) -> PreviewTextNode:
    words = token.split_contents()[1:]
    if words != ["preview_text"]:
        raise TemplateSyntaxError("render_variable knows preview_text only")
    return PreviewTextNode()


TAGS: Mapping[str, Callable[..., Any]] = {"render_variable": _render_variable}
