"""`code`: a function that Klaviyo runs. It is kept as it is; nothing here carries it out. Source: reference 2."""

from __future__ import annotations

from typing import Any, Literal

from headrace.flows.actions.passing import PassedOver


class Code(PassedOver):
    """The action as a document writes it; its data is opaque."""

    type: Literal["code"]
    data: Any = None
