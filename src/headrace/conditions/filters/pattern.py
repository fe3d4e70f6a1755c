"""Regular expressions whose cost is bounded, for filters that anybody with a key may write.

Python's engine tries every way in which a pattern can match, inside one call that nothing interrupts: `(a+)+$` on forty
letters takes days. What is here: an upper bound of those ways, the refusal of patterns that have too many, and how much
of a text the others may search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import factorial
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

LONGEST_PATTERN = 500
LONGEST_TEXT = 10_000
SHORTEST_TEXT = 64
"""A pattern that may search less than this is refused."""
MOST_WAYS = 20_000_000
"""The ways that one search may try, well under a second's work."""
FEW = 10
"""A repeat of up to so many turns has a small end; any other can take up the whole text."""
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a compiled regular expression.

    Raises `ValueError` for one that is malformed, too long, or of a shape that can take forever.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a regular expression may have up to {LONGEST_PATTERN} characters")
    try:
        longest = searched(pattern)
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression ({error})") from None
    if longest < SHORTEST_TEXT:
        raise ValueError("a regular expression with so many repeats and choices can take forever")
    return compiled


def searched(pattern: str) -> int:
    """Return how many characters of a text a pattern may search; the rest is cut.

    Our choice: as many as keep the ways to match below `MOST_WAYS`. Each long repeat, and the place where an unanchored
    match begins, multiply them by the length of the text. Raises `ValueError` for a long repeat of what varies.
    """
    parsed = sre.parse(pattern)
    repeats, ways = _ways(parsed)
    anchored = bool(parsed) and str(parsed[0][0]) == "AT" and str(parsed[0][1]).startswith("AT_BEGINNING")
    degree = repeats if anchored else repeats + 1
    if ways > MOST_WAYS:
        return 0
    if degree == 0:
        return LONGEST_TEXT
    return min(LONGEST_TEXT, int((MOST_WAYS * factorial(degree) / ways) ** (1 / degree)))


def _ways(parts: Iterable[Any]) -> tuple[int, int]:
    """Return the number of long repeats, and the product of the choices that short repeats and alternatives leave."""
    repeats, ways = 0, 1
    for operation, argument in parts:
        more, times = _repeated(argument) if str(operation) in REPEATS else _chosen(str(operation), argument)
        repeats, ways = repeats + more, min(ways * times, MOST_WAYS + 1)
    return repeats, ways


def _repeated(argument: Sequence[Any]) -> tuple[int, int]:
    least, most, below = argument
    most = int(most)
    repeats, ways = _ways(below)
    if most > FEW and (repeats or ways > 1):
        raise ValueError("a regular expression may not repeat what repeats itself or has alternatives")
    if most > FEW:
        return (0 if least == most else 1), 1
    return repeats * most, ways**most * (most - least + 1)


def _chosen(name: str, argument: Any) -> tuple[int, int]:
    found = [_ways(below) for below in _below(argument)]
    ways = 1
    for _, times in found:
        ways *= times
    return sum(repeats for repeats, _ in found), ways * (len(found) if name == "BRANCH" else 1)


def _below(argument: Any) -> list[Any]:
    """Return the parts of a pattern that an operation of the parser holds, at whatever place it has them."""
    if isinstance(argument, sre.SubPattern):
        return [argument]
    if isinstance(argument, list | tuple):
        return [found for one in argument for found in _below(one)]
    return []
