"""Filters on text. Source: reference 4.6; Django's own where the names agree."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from django.template import defaultfilters
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from headrace.templates.filters.sizes import replaced, text_of, whole, width
from headrace.templates.problems import RenderProblem

SIMPLE_PATTERN = re.compile(r"(?:\\[sSdDwW]|\[\^?[^\[\]\\]{1,40}\]|\\?[^\\()\[\]{}*+?|^$\w]|\w){1,20}\+?")
"""The regular expressions that `resplit` accepts: a run of characters and classes, of which the last may repeat."""


def append(value: Any, arg: Any) -> str:
    """Put text behind."""
    return text_of(value) + text_of(arg)


def prepend(value: Any, arg: Any) -> str:
    """Put text in front."""
    return text_of(arg) + text_of(value)


def concat(value: Any, arg: Any) -> Any:
    """Join two lists, or two texts."""
    if isinstance(value, list | tuple) and isinstance(arg, list | tuple):
        return [*value, *arg]
    return append(value, arg)


def add(value: Any, arg: Any) -> Any:
    """Add whole numbers, else join two texts or two lists."""
    try:
        return int(value) + int(arg)
    except (TypeError, ValueError, OverflowError):
        return concat(value, arg) if isinstance(value, str | list | tuple) else ""


def truncate(value: Any, arg: Any = 50) -> str:
    """Cut text to a number of characters, an ellipsis included."""
    return str(Truncator(text_of(value)).chars(max(whole(arg, 50), 0)))


def capfirst(value: Any) -> str:
    """Write the first letter in upper case."""
    text = text_of(value)
    return text[:1].upper() + text[1:]


def remove(value: Any, arg: Any) -> str:
    """Take every occurrence of some text out."""
    return replaced(text_of(value), text_of(arg), "")


def remove_first(value: Any, arg: Any) -> str:
    """Take the first occurrence of some text out."""
    return replaced(text_of(value), text_of(arg), "", 1)


def remove_last(value: Any, arg: Any) -> str:
    """Take the last occurrence of some text out."""
    return _replace_last(text_of(value), text_of(arg), "")


def find_replace(value: Any, arg: Any) -> str:
    """Replace every occurrence; the argument is `old|new`."""
    old, _, new = text_of(arg).partition("|")
    return replaced(text_of(value), old, new)


def replace_first(value: Any, arg: Any) -> str:
    """Replace the first occurrence; the argument is `old|new`."""
    old, _, new = text_of(arg).partition("|")
    return replaced(text_of(value), old, new, 1)


def replace_last(value: Any, arg: Any) -> str:
    """Replace the last occurrence; the argument is `old|new`."""
    old, _, new = text_of(arg).partition("|")
    return _replace_last(text_of(value), old, new)


def _replace_last(value: str, old: str, new: str) -> str:
    head, found, tail = value.rpartition(old) if old else ("", "", value)
    return head + new + tail if found else value


def split(value: Any, arg: Any = " ") -> list[str]:
    """Cut text at a separator; an empty separator gives the letters."""
    separator = text_of(arg)
    return text_of(value).split(separator) if separator else list(text_of(value))


def resplit(value: Any, arg: Any) -> list[str]:
    r"""Cut text at a simple pattern such as `\s+` or `[,;]`; raises `RenderProblem` for a richer one.

    Our choice: no groups, alternatives or inner repeats, because such a pattern can take forever inside one call.
    """
    pattern = text_of(arg)
    if not SIMPLE_PATTERN.fullmatch(pattern):
        raise RenderProblem(f"resplit takes a simple pattern such as \\s+ or [,;], not {pattern[:40]!r}")
    return re.split(pattern, text_of(value))


def escape_once(value: Any) -> SafeString:
    """Escape for HTML without escaping twice."""
    return mark_safe(html.escape(html.unescape(text_of(value))))  # noqa: S308 - escaped on this line


def strip_newlines(value: Any) -> str:
    """Take line ends out."""
    return text_of(value).replace("\r", "").replace("\n", "")


def base64_encode(value: Any) -> str:
    """Write text in base 64."""
    return base64.b64encode(text_of(value).encode()).decode()


def base64_url_safe_encode(value: Any) -> str:
    """Write text in base 64 with the alphabet that fits addresses."""
    return base64.urlsafe_b64encode(text_of(value).encode()).decode()


def base64_decode(value: Any) -> str:
    """Read base 64; what is none is empty."""
    try:
        return base64.b64decode(text_of(value).translate({45: 43, 95: 47}) + "==").decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def digest(kind: str, value: Any) -> str:
    """Return a checksum of text as hexadecimal digits; these are for matching, not for protection."""
    return hashlib.new(kind, text_of(value).encode(), usedforsecurity=False).hexdigest()


def pad(place: Callable[[str, int], str], value: Any, arg: Any) -> str:
    """Fill text up to a width."""
    return place(text_of(value), width(arg))


def stringformat(value: Any, arg: Any) -> str:
    """Format by Python's `%` rules, of which the argument is all but the sign; a wrong one gives empty text."""
    pattern = text_of(arg)
    if any(int(digits) > 1000 for digits in re.findall(r"\d{1,9}", pattern)) or "*" in pattern:
        raise RenderProblem(f"the format {pattern[:40]!r} is wider than 1000")
    return str(defaultfilters.stringformat(value, pattern))


def make_list(value: Any) -> list[str]:
    """Return the characters of a text."""
    return list(text_of(value))


def _on_text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    def filtered(value: Any) -> Any:
        return function(text_of(value))

    return filtered


def _hash(kind: str) -> Callable[[Any], str]:
    def hashed(value: Any) -> str:
        return digest(kind, value)

    return hashed


def _padded(place: Callable[[str, int], str]) -> Callable[[Any, Any], str]:
    def padded(value: Any, arg: Any) -> str:
        return pad(place, value, arg)

    return padded


FILTERS: Mapping[str, Callable[..., Any]] = {
    "add": add,
    "addslashes": defaultfilters.addslashes,
    "append": append,
    "base64_decode": base64_decode,
    "base64_encode": base64_encode,
    "base64_url_safe_decode": base64_decode,
    "base64_url_safe_encode": base64_url_safe_encode,
    "capfirst": capfirst,
    "capitalize": capfirst,
    "center": _padded(str.center),
    "concat": concat,
    "cut": remove,
    "downcase": _on_text(str.lower),
    "escape": defaultfilters.escape_filter,
    "escape_once": escape_once,
    "escapejs": defaultfilters.escapejs_filter,
    "find_replace": find_replace,
    "force_escape": defaultfilters.force_escape,
    "linebreaks": defaultfilters.linebreaks_filter,
    "linebreaksbr": defaultfilters.linebreaksbr,
    "ljust": _padded(str.ljust),
    "lower": _on_text(str.lower),
    "lstrip": _on_text(str.lstrip),
    "make_list": make_list,
    "md5_hash": _hash("md5"),
    "newline_to_br": defaultfilters.linebreaksbr,
    "phone2numeric": defaultfilters.phone2numeric_filter,
    "prepend": prepend,
    "remove": remove,
    "remove_first": remove_first,
    "remove_last": remove_last,
    "replace": find_replace,
    "replace_first": replace_first,
    "replace_last": replace_last,
    "resplit": resplit,
    "rjust": _padded(str.rjust),
    "rstrip": _on_text(str.rstrip),
    "safe": defaultfilters.safe,
    "sha_1": _hash("sha1"),
    "sha_256": _hash("sha256"),
    "slugify": defaultfilters.slugify,
    "split": split,
    "stringformat": stringformat,
    "strip": _on_text(str.strip),
    "strip_html": defaultfilters.striptags,
    "strip_newlines": strip_newlines,
    "striptags": defaultfilters.striptags,
    "title": defaultfilters.title,
    "truncate": truncate,
    "truncatechars": defaultfilters.truncatechars,
    "truncatewords": defaultfilters.truncatewords,
    "upcase": _on_text(str.upper),
    "upper": _on_text(str.upper),
    "urldecode": _on_text(partial(unquote)),
    "urldecode_plus": _on_text(unquote_plus),
    "urldecodeplus": _on_text(unquote_plus),
    "urlencode": _on_text(partial(quote, safe="/")),
    "urlencode_plus": _on_text(quote_plus),
    "urlencodeplus": _on_text(quote_plus),
    "wordcount": defaultfilters.wordcount,
}
