"""`list`: somebody is added to a list. Which joins count is decided by the engine. Source: reference 1.2."""

from __future__ import annotations

from typing import Literal

from headrace.flows.triggers.base import JoiningModel


class ListTrigger(JoiningModel):
    """The trigger as a document writes it."""

    type: Literal["list"]
