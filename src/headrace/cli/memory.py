"""How processes that live long collect garbage.

Python's collector looks at every container again and again as new ones are made; both parsing a bulk request and
loading a batch of runs make tens of thousands, which all die by reference counting. With the standard thresholds, more
than half of the time of a bulk request went into looking at them, in pauses of up to 0.2 seconds. Hence what is there
after the start is set aside, and the collector comes rarely.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 100_000, 20, 100
"""After how many new containers the collector looks at the young ones, and so on up the generations."""


def calm_collector() -> None:
    """Set aside what has been made so far, and let the collector come rarely from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
