"""How the process collects its garbage while it works in batches.

A batch makes tens of thousands of short-lived records without cycles. With Python's standard settings the collector
walks through all of them, and through everything that was loaded at start, several times a batch: half of the engine's
time. Reference counting frees the records anyway.
"""

from __future__ import annotations

import gc

YOUNG = 50_000
"""New containers that start a collection of the youngest generation (700 by default)."""
MIDDLE, OLD = 20, 50


def collect_seldom() -> None:
    """Let many more records be made between two collections."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def ease_collector() -> None:
    """Collect seldom from here on, and leave alone what lives already; for processes that do nothing but work."""
    gc.collect()
    gc.freeze()
    collect_seldom()
