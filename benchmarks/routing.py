"""Finding the operation of a request: with all operations, and with one in ten of them.

Both look up the same paths; what differs is how many others there are. The cost must not grow with their number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.harness import Bar, Figure, Rounds
from headrace.api.resources import OPERATIONS
from headrace.clock import stopwatch
from headrace.jsonapi.tree import Node, build_tree, find
from headrace.storage import embedded

SHARE = 10
LOOKUPS = 100_000


async def run(_: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figure."""
    few = OPERATIONS[::SHARE]
    paths = [re.sub(r"\{\w+\}", "01M81WQER70V7T9S6PVKHT91AK", one.path).encode() for one in few]
    all_of_them, some = build_tree(OPERATIONS), build_tree(few)
    lookups = LOOKUPS * (5 if full else 1)
    pairs = [(_taken(all_of_them, paths, lookups), _taken(some, paths, lookups)) for _ in range(5)]
    ours, base = Rounds([one for one, _ in pairs]), Rounds([one for _, one in pairs])
    name = f"finding one of {len(OPERATIONS)} operations"
    return [Figure(name, "us", ours, base, f"one of {len(few)}", Bar(1.25, 1.1, at_most=True), as_times=True)]


def _taken(tree: Node, paths: Sequence[bytes], lookups: int) -> float:
    """Return the microseconds of a look-up."""
    began = stopwatch()
    for number in range(lookups):
        find(tree, paths[number % len(paths)])
    return 1e6 * (stopwatch() - began) / lookups
