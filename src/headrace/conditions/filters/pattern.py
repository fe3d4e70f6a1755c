r"""Regular expressions that take time in proportion to the text, for filters that anybody with a key may write.

Python's own engine tries every way in which a pattern can match, inside one call that nothing interrupts: `(a+)+$` on
forty letters takes days. RE2 does not go back, hence it knows no look-around and no back-references; `\Z` is spelled
`\z`. See docs/decisions/0007-regular-expressions.md.
"""

from __future__ import annotations

from typing import Any

import re2

LONGEST_PATTERN = 500
LONGEST_TEXT = 10_000
"""Our choice: only so many characters of a text are searched, as a bound on the cost of one condition."""
MOST_MEMORY = 1 << 20
"""Bytes that one compiled pattern may take."""


def compile_pattern(pattern: str) -> Any:
    """Return a compiled regular expression; raises `ValueError` for one that is malformed or too large."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a regular expression may have up to {LONGEST_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        told = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"not a regular expression that runs here ({told})") from None


def found(pattern: Any, text: str) -> bool:
    """Return whether a compiled pattern matches somewhere in a text."""
    return pattern.search(text[:LONGEST_TEXT]) is not None
