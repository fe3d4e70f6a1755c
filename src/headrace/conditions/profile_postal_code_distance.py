"""`profile-postal-code-distance`: the person's postal code is nearer to, or farther from, another than a distance.

Great-circle distance. Where the place of either code is unknown the condition does not hold, whatever the filter.
Source: reference 3.1. See docs/decisions/0008-postal-codes.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need
from headrace.conditions.filters import DistanceModel, ValueFilter
from headrace.conditions.filters.reading import as_text
from headrace.conditions.postal_codes import KM_PER_MILE, Place, kilometers, missing_data, place_of
from headrace.conditions.topics import of_place

PROPERTIES = ("location['country']", "location['zip']")


class ProfilePostalCodeDistance(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-postal-code-distance"]
    country_code: str
    postal_code: str
    unit: Literal["kilometers", "miles"]
    filter: DistanceModel

    @property
    def obstacle(self) -> str | None:
        """Why the condition cannot run here, None where it can."""
        why = missing_data(self.country_code)
        if why is None and place_of(self.country_code, self.postal_code) is None:
            why = f"no postal code '{self.postal_code}' is known in '{self.country_code}', so it would hold for nobody"
        return why

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        label = f"{self.type}:{self.country_code}-{self.postal_code}"
        unit = 1.0 if self.unit == "kilometers" else KM_PER_MILE
        return CompiledDistance(label, self.country_code, self.postal_code, unit, self.filter.compile())


@dataclass(frozen=True, slots=True)
class CompiledDistance(Timeless):
    """The compiled condition; `unit` is in kilometers."""

    of_row: ClassVar[bool] = True

    label: str
    country: str
    postal_code: str
    unit: float
    value_filter: ValueFilter
    center: Place | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", place_of(self.country, self.postal_code))

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the profile is always at hand."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Measure; the distance, in the condition's unit, is what was seen."""
        location = facts.profile.location
        distance = self.distance((as_text(location.get("country")), as_text(location.get("zip"))))
        found = distance is not None and self.value_filter.matches(distance, facts.moment.now)
        return Verdict(found, None if distance is None else round(distance, 1))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""

        def near(values: Sequence[str | None]) -> bool:
            distance = self.distance(values)
            return distance is not None and self.value_filter.matches(distance, moment.now)

        return query.properties(PROPERTIES, near)

    def topics(self) -> frozenset[str]:
        """Return the country and the postal code."""
        return frozenset((of_place("country"), of_place("zip")))

    def distance(self, values: Sequence[str | None]) -> float | None:
        """Return how far a country and postal code are, None where that cannot be told."""
        country, postal_code = values
        if self.center is None or country is None or postal_code is None:
            return None
        found = place_of(country, postal_code)
        return None if found is None else kilometers(self.center, found) / self.unit
