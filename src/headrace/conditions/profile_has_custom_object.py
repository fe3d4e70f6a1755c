"""`profile-has-custom-object`: how many custom objects that pass every filter are linked to the person.

Without objects on record the count is 0. Source: reference 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from headrace.conditions.condition import Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, LinkedObjects, Moment, Need, PropertyFilter
from headrace.conditions.filters import IntegerModel, ObjectPropertyFilter, ValueFilter
from headrace.conditions.flips import earliest, flips_of, next_flip
from headrace.conditions.parsing import Model
from headrace.conditions.topics import of_objects


class ObjectFilter(Model):
    """A filter on one property of the objects."""

    property_id: int
    filter: ObjectPropertyFilter

    def compile(self) -> PropertyFilter:
        """Return the compiled filter; properties are kept by their ids as text."""
        return PropertyFilter(str(self.property_id), self.filter.compile())


class ProfileHasCustomObject(ConditionModel):
    """The condition as a document writes it."""

    missing: ClassVar[str] = "custom objects"

    type: Literal["profile-has-custom-object"]
    object_type_id: str
    object_type_relationship_id: str
    filter: IntegerModel
    filters: list[ObjectFilter]

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledHasObject(
            label=f"{self.type}:{self.object_type_id}",
            need=LinkedObjects(self.object_type_id, self.object_type_relationship_id),
            value_filter=self.filter.compile(),
            filters=tuple(one.compile() for one in self.filters),
        )


@dataclass(frozen=True, slots=True)
class CompiledHasObject(Timeless):
    """The compiled condition."""

    label: str
    need: LinkedObjects
    value_filter: ValueFilter
    filters: tuple[PropertyFilter, ...]

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the objects."""
        return frozenset((self.need,))

    def holds(self, facts: Facts) -> Verdict:
        """Count the objects that pass; the number is what was seen."""
        now = facts.moment.now
        count = sum(
            all(one.filter.matches(found.get(one.property), now) for one in self.filters)
            for found in facts.objects(self.need)
        )
        return Verdict(self.value_filter.matches(count, now), count)

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.objects(self.need, self.filters, self.value_filter, moment.now)

    def topics(self) -> frozenset[str]:
        """Return the objects."""
        return frozenset((of_objects(self.need.object_type_id),))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when a date of an object comes into its span or leaves it."""
        now = facts.moment.now
        return earliest(
            next_flip(one.filter, found.get(one.property), now)
            for found in facts.objects(self.need)
            for one in self.filters
        )

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        dated = [(one.property, flips_of(one.filter)) for one in self.filters]
        clauses = [query.objects_flip(self.need, name, flips, moment.now) for name, flips in dated if flips.edges]
        return query.earliest(clauses) if clauses else None
