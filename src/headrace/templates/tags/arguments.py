"""Reading the arguments of our tags."""

from __future__ import annotations

from typing import Any

from django.template import TemplateSyntaxError


def values(parser: Any, token: Any, at_most: int, at_least: int = 0) -> list[Any]:
    """Return the compiled arguments of a tag; raises `TemplateSyntaxError` when there are too many or too few."""
    name, *words = token.split_contents()
    if not at_least <= len(words) <= at_most:
        many = f"{at_least}" if at_least == at_most else f"{at_least} to {at_most}"
        raise TemplateSyntaxError(f"{name} takes {many} arguments, {len(words)} given")
    return [parser.compile_filter(word) for word in words]


def values_and_name(parser: Any, token: Any, at_most: int, at_least: int = 0) -> tuple[list[Any], str | None]:
    """Return the compiled arguments of a tag that may end in `as name`, and that name."""
    name, *words = token.split_contents()
    target = None
    if len(words) >= 2 and words[-2] == "as":
        target = words[-1]
        words = words[:-2]
    if not at_least <= len(words) <= at_most:
        raise TemplateSyntaxError(f"{name} takes {at_least} to {at_most} arguments, {len(words)} given")
    return [parser.compile_filter(word) for word in words], target
