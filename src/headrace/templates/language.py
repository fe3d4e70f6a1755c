"""The template language: every tag and filter that exists, as two plain tables.

What is here: the tables, and the words for what is refused. What is not: the work (`tags/`, `filters/`). Whatever is
absent from the tables does not exist; tags that read files, addresses or the server's state are absent on purpose.
Source: reference 4.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.template import defaulttags

from headrace.templates.filters import dates, lists, numbers, text, web
from headrace.templates.tags import currency, links, times, variables

Compiler = Callable[..., Any]

TAGS: Mapping[str, Compiler] = {
    "autoescape": defaulttags.autoescape,
    "comment": defaulttags.comment,
    "cycle": defaulttags.cycle,
    "filter": defaulttags.do_filter,
    "firstof": defaulttags.firstof,
    "for": defaulttags.do_for,
    "if": defaulttags.do_if,
    "ifchanged": defaulttags.ifchanged,
    "regroup": defaulttags.regroup,
    "resetcycle": defaulttags.resetcycle,
    "spaceless": defaulttags.spaceless,
    "templatetag": defaulttags.templatetag,
    "verbatim": defaulttags.verbatim,
    "widthratio": defaulttags.widthratio,
    "with": defaulttags.do_with,
    **links.TAGS,
    **times.TAGS,
    **variables.TAGS,
    **currency.TAGS,
}

FILTERS: Mapping[str, Compiler] = {**text.FILTERS, **numbers.FILTERS, **lists.FILTERS, **dates.FILTERS, **web.FILTERS}

UNSAFE = frozenset(
    {"block", "csrf_token", "debug", "extends", "include", "load", "lorem", "querystring", "static", "url"}
)
"""Tags of Django that reach outside the template."""

MISSING = frozenset(
    {"barcode", "catalog", "coupon_code", "customobject", "customobjects", "has_category", "update_property_link"}
)
"""Tags of the reference whose feature does not exist here."""

LIQUID = {"elsif": "elif", "assign": "with", "capture": "with", "unless": "if not", "raw": "verbatim"}
"""Tags of another language that people write by habit, and what to write instead."""


SPACED_COLON = re.compile(r"\|\s*\w+\s*(?::\s|\s:)")
"""A filter whose argument is set off by a space, the most frequent mistake."""


def explain(message: str, token: Any) -> str:
    """Return one clear sentence for an error of the compiler; `token` is the construct it happened in, if known."""
    construct = (
        f"{{% {token.contents} %}}" if token and _is_block(token) else f"{{{{ {token.contents} }}}}" if token else ""
    )
    name = token.contents.split()[0] if token and token.contents.split() else ""
    if token and _is_block(token) and (reason := _refusal(name)):
        return f"{construct}: {reason}"
    if token and SPACED_COLON.search(token.contents):
        return f"{construct}: there must be no space after the colon of a filter"
    cleaned = message.replace(" Did you forget to register or load this tag?", "")
    return f"{construct}: {cleaned}" if construct else cleaned


def _is_block(token: Any) -> bool:
    return bool(token.token_type.name == "BLOCK")


def _refusal(name: str) -> str:
    if name in UNSAFE:
        return f"the tag {name} is not allowed, because it reaches outside the template"
    if name in MISSING:
        return f"the tag {name} is not supported"
    return f"the tag {name} does not exist; use {LIQUID[name]}" if name in LIQUID else ""
