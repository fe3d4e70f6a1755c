"""`update-profile`: change custom properties of the person, in the order of the operations. Source: reference 2.3.

Our choice: `create` and `update` do the same, as both write whether or not the property is there; an operation on a
list that does not say which adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from headrace.conditions.parsing import Model, Number, OneOf
from headrace.flows.actions.base import RUNNING, Action, OneWay, Place, Status
from headrace.flows.actions.changing import CompiledChange
from headrace.flows.fields import TODAY, DateOrToday
from headrace.flows.step import ProfileChange, ProfileOperation, StepContext

FAILS_FLOW_CONDITIONS = "Fails Flow Conditions"
"""What a failed flow filter is called before this action. Source: reference 1.8."""


class Operation(Model):
    """One operation on one property."""

    property_key: str

    def compile(self) -> ProfileOperation:
        """Return the operation; the value `today` of a date is filled in by the step."""
        raise TypeError(f"{type(self).__name__} is not an operation by itself")


class SetOperation(Operation):
    """A property gets a value."""

    operator: Literal["create", "update"]
    property_value: Any

    def compile(self) -> ProfileOperation:
        """Return the operation."""
        return ProfileOperation("set", self.property_key, self.property_value)


class SetText(SetOperation):
    """A property becomes a text."""

    property_type: Literal["string"]
    property_value: str


class SetBoolean(SetOperation):
    """A property becomes true or false."""

    property_type: Literal["boolean"]
    property_value: bool


class SetNumber(SetOperation):
    """A property becomes a number."""

    property_type: Literal["numeric"]
    property_value: Number


class SetDate(SetOperation):
    """A property becomes a date: a fixed one, or the day on which the action is carried out."""

    property_type: Literal["date"]
    property_value: DateOrToday


class ChangeList(Operation):
    """A text is added to a list, if it is not in it, or removed from it."""

    operator: Literal["create", "update"]
    property_type: Literal["list"]
    property_operation: Literal["add", "remove"] | None = None
    property_value: str

    def compile(self) -> ProfileOperation:
        """Return the operation."""
        kind: Literal["append", "remove"] = "remove" if self.property_operation == "remove" else "append"
        return ProfileOperation(kind, self.property_key, self.property_value)


class Delete(Operation):
    """A property is taken away."""

    operator: Literal["delete"]

    def compile(self) -> ProfileOperation:
        """Return the operation."""
        return ProfileOperation("unset", self.property_key)


OPERATIONS: Mapping[str, type[Model]] = {
    "string": SetText,
    "boolean": SetBoolean,
    "numeric": SetNumber,
    "date": SetDate,
    "list": ChangeList,
    "delete": Delete,
}
"""By `property_type`, deletions by their operator."""


def _operation(value: Mapping[str, Any]) -> str | None:
    given = "delete" if value.get("operator") == "delete" else value.get("property_type")
    return given if isinstance(given, str) else None


class UpdateProfileData(Model):
    """The operations and the status."""

    profile_operations: list[Annotated[Operation, OneOf(OPERATIONS, _operation, "property_type")]]
    status: Status = "draft"


class UpdateProfile(OneWay):
    """The action as a document writes it."""

    type: Literal["update-profile"]
    data: UpdateProfileData | None = None

    @property
    def acts(self) -> bool:
        """Whether it changes the person."""
        return self.data is not None and self.data.status in RUNNING

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        operations = self.data.profile_operations if self.data else []
        effect = Operations(
            tuple(one.compile() for one in operations),
            frozenset(at for at, one in enumerate(operations) if isinstance(one, SetDate) and _is_today(one)),
        )
        return CompiledChange(
            place.action_id, self.type, self.next_id, self.acts, effect, FAILS_FLOW_CONDITIONS, place.timeline
        )


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations; those at the places `dated` get the date of the moment."""

    operations: tuple[ProfileOperation, ...]
    dated: frozenset[int] = frozenset()

    def __call__(self, context: StepContext) -> ProfileChange:
        """Return the change at a moment; today is the date in the profile's zone, else the account's."""
        if not self.dated:
            return ProfileChange(self.operations)
        today = context.now.astimezone(context.zone).date().isoformat()
        found = enumerate(self.operations)
        return ProfileChange(
            tuple(ProfileOperation("set", one.key, today) if at in self.dated else one for at, one in found)
        )


def _is_today(operation: SetDate) -> bool:
    return operation.property_value == TODAY
