"""`profile-property`: a value of the profile satisfies a filter. Source: reference 3.1.

`property` is a well-known name (`email`, `first_name`, `location['city']`) or `properties['name']`. Our choice: any
other bare name is looked up among the custom properties, as older definitions write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need
from headrace.conditions.filters import ProfilePropertyFilter, ValueFilter
from headrace.conditions.flips import flips_of, next_flip
from headrace.conditions.topics import of_field, of_place, of_property
from headrace.model import Profile

Read = Callable[[Profile], Any]
FIELDS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "email",
            "phone_number",
            "external_id",
            "anonymous_id",
            "first_name",
            "last_name",
            "organization",
            "title",
            "image",
            "locale",
        )
    },
    "id": "profile_id",
    "created": "created_at",
    "updated": "updated_at",
    "last_event_date": "last_event_at",
}
"""Well-known names and the fields of `Profile` that hold them."""
LOCATION = frozenset(("address1", "address2", "city", "country", "region", "zip", "latitude", "longitude", "ip"))
TOPICS: Mapping[str, Callable[[str], str]] = {"field": of_field, "location": of_place, "custom": of_property}
"""Where a property is kept (`located`), and how a change of it is named."""
QUOTED = re.compile(r"""(properties|location)\[(['"])(.+)\2\]""", re.DOTALL)


class ProfileProperty(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-property"]
    property: str
    filter: ProfilePropertyFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledProfileProperty(f"profile-property:{self.property}", self.property, self.filter.compile())


@dataclass(frozen=True, slots=True)
class CompiledProfileProperty(Timeless):
    """The compiled condition."""

    of_row: ClassVar[bool] = True

    label: str
    name: str
    value_filter: ValueFilter
    read: Read = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", reader(self.name))

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the profile is always at hand."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Test the profile's value; it is what was seen."""
        value = self.read(facts.profile)
        return Verdict(self.value_filter.matches(value, facts.moment.now), plain(value))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.property(self.name, self.value_filter, moment.now)

    def topics(self) -> frozenset[str]:
        """Return the value."""
        kind, key = located(self.name)
        return frozenset((TOPICS[kind](key),))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when a date comes into its span or leaves it."""
        if not flips_of(self.value_filter).edges:
            return None
        return next_flip(self.value_filter, self.read(facts.profile), facts.moment.now)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        flips = flips_of(self.value_filter)
        return query.property_flip(self.name, flips, moment.now) if flips.edges else None


def located(name: str) -> tuple[str, str]:
    """Return where a property is kept: "field" and its name in `Profile`, or "location" or "custom" and the key."""
    quoted = QUOTED.fullmatch(name)
    if quoted and quoted[1] == "properties":
        return "custom", quoted[3]
    key = quoted[3] if quoted else name.removeprefix("location.")
    if key == "timezone":
        return "field", "timezone"
    if quoted or key in LOCATION:
        return "location", key
    return ("field", FIELDS[name]) if name in FIELDS else ("custom", key)


def reader(name: str) -> Read:
    """Return the function that reads a named property, None where the profile has none."""
    kind, key = located(name)
    return partial({"field": _field, "location": _location, "custom": _custom}[kind], key)


def plain(value: Any) -> Any:
    """Return a value as the journal keeps it: JSON, long text cut."""
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return str(value)[:200]


def _field(name: str, profile: Profile) -> Any:
    return getattr(profile, name)


def _location(name: str, profile: Profile) -> Any:
    return profile.location.get(name)


def _custom(name: str, profile: Profile) -> Any:
    return profile.properties.get(name)
