"""Filters on addresses and images. Source: reference 4.6 (the names). Our choice: what they do, where not obvious."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.templates.filters.sizes import text_of

BLANK_IMAGE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""A transparent picture of one pixel. Our choice: no picture is fetched from a host that is not the account's."""


def httpize(value: Any) -> str:
    """Put `http:` in front of an address that has no scheme."""
    return _with_scheme("http", text_of(value))


def httpsize(value: Any) -> str:
    """Make an address `https`."""
    text = text_of(value)
    return "https" + text[4:] if text.startswith("http://") else _with_scheme("https", text)


def _with_scheme(scheme: str, text: str) -> str:
    if not text or text.startswith(("http://", "https://")):
        return text
    return f"{scheme}:{text}" if text.startswith("//") else f"{scheme}://{text}"


def trim_slash(value: Any) -> str:
    """Take the slashes at the end off."""
    return text_of(value).rstrip("/")


def missing_image(value: Any, arg: Any = BLANK_IMAGE) -> str:
    """Return the argument in place of a missing address of a picture."""
    return text_of(value) or text_of(arg)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "httpize": httpize,
    "httpsize": httpsize,
    "missing_image": missing_image,
    "missing_product_image": missing_image,
    "trim_slash": trim_slash,
}
