"""`segment`: somebody begins to match a segment. Source: reference 1.2.

Our choice: the API calls such a flow "Added to List", as it has no other name for it.
"""

from __future__ import annotations

from typing import Literal

from headrace.flows.triggers.base import JoiningModel


class SegmentTrigger(JoiningModel):
    """The trigger as a document writes it."""

    type: Literal["segment"]
