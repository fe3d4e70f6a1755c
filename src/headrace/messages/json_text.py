"""Templates of JSON: values that stand inside strings are escaped. Our choice: nobody writes `|escapejs` by hand."""

from __future__ import annotations

import re

PIECE = re.compile(
    r"{%-?\s*(?:comment|verbatim)\b.*?{%-?\s*end(?:comment|verbatim)\s*-?%}"  # what is in there is no output
    r"|{{(?P<value>.*?)}}|{%.*?%}|{#.*?#}"
    r"|(?P<escaped>\\.)|(?P<quote>\")",
    re.DOTALL,
)
ESCAPE = "|escapejs"
ESCAPED_ALREADY = re.compile(r"\|\s*escapejs\s*$")


def escaping(source: str) -> str:
    """Return a template of JSON in which each value inside a string ends in a filter that escapes it.

    The escapes of `escapejs` (`\\u0022` and the like) are JSON's own. Values outside of strings, such as numbers, stay.
    """
    inside = False

    def piece(match: re.Match[str]) -> str:
        nonlocal inside
        if match["quote"]:
            inside = not inside
        value = match["value"]
        if value is None or not inside or ESCAPED_ALREADY.search(value):
            return match[0]
        return f"{{{{{value.rstrip()}{ESCAPE} }}}}"

    return PIECE.sub(piece, source)
