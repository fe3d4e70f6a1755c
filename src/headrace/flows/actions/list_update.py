"""`list-update`: put the person on a list or take them off it.

Our choice: `on_execution` true or null adds, false removes. Source: reference 2, 10 decision 20.
"""

from __future__ import annotations

from typing import Literal

from headrace.conditions.parsing import Model
from headrace.flows.actions.base import RUNNING, Action, OneWay, Place, Status
from headrace.flows.actions.changing import CompiledChange, Fixed
from headrace.flows.step import ListChange


class ListUpdateData(Model):
    """The list, what happens, and the status."""

    name: str
    on_execution: bool | None
    list_id: str | None
    status: Status = "draft"


class ListUpdate(OneWay):
    """The action as a document writes it."""

    type: Literal["list-update"]
    data: ListUpdateData

    @property
    def acts(self) -> bool:
        """Whether it changes the list."""
        return self.data.status in RUNNING and self.data.list_id is not None

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return that it names no list."""
        return [] if self.data.list_id else [("/data/list_id", "names no list")]

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        joins = self.data.on_execution is not False
        effect = Fixed(ListChange(self.data.list_id, joins)) if self.data.list_id else None
        return CompiledChange(place.action_id, self.type, self.next_id, self.acts, effect, timeline=place.timeline)
