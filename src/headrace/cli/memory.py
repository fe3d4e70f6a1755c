"""How processes that live long collect garbage.

Python's collector looks at every container again and again as new ones are made, and both parsing a bulk request and
loading a batch of runs make tens of thousands that all die by reference counting. With the standard thresholds more than
half of the time of a bulk request went into looking at them; hence what is there after the start is set aside, and the
collector comes rarely.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""After how many new containers the collector looks at the young ones, and so on up the generations."""


def calm_collector() -> None:
    """Set aside what has been made so far, and let the collector come rarely from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
