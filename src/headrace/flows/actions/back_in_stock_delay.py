"""`back-in-stock-delay`: wait until a product can be bought again. No catalog is kept here to wait for.

It is stored. A flow that holds one cannot go live (`flows/readiness.py`). Source: reference 1.6.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from headrace.flows.actions.passing import PassedOver


class BackInStockDelay(PassedOver):
    """The action as a document writes it."""

    runs: ClassVar[bool] = False

    type: Literal["back-in-stock-delay"]
