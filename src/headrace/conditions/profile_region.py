"""`profile-region`: the person's country belongs to a region, or does not.

The country is read from the profile's location, by its ISO 3166 codes or its English name, in any case. The European
Union is without the United Kingdom. Source: reference 3.1. Our choice: a person of unknown country is in no region.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need
from headrace.conditions.filters.spelled import SpelledFilter
from headrace.conditions.profile_property import plain
from headrace.conditions.topics import of_place

COUNTRY = "location['country']"
UNION = (
    "at aut austria|be bel belgium|bg bgr bulgaria|hr hrv croatia|cy cyp cyprus|cz cze czechia|"
    "dk dnk denmark|ee est estonia|fi fin finland|fr fra france|de deu germany|gr grc greece|hu hun hungary|"
    "ie irl ireland|it ita italy|lv lva latvia|lt ltu lithuania|lu lux luxembourg|mt mlt malta|nl nld netherlands|"
    "pl pol poland|pt prt portugal|ro rou romania|sk svk slovakia|si svn slovenia|es esp spain|se swe sweden"
)
OTHER_NAMES = ("czech republic", "the netherlands", "holland", "republic of ireland", "slovak republic", "el")
REGIONS: Mapping[str, frozenset[str]] = {
    "european_union": frozenset((*UNION.replace("|", " ").split(), *OTHER_NAMES)),
    "united_states": frozenset(
        ("us", "usa", "u.s.", "u.s.a.", "united states", "united states of america", "the united states")
    ),
}
"""Regions and the folded spellings of their countries."""


class ProfileRegion(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-region"]
    in_region: bool
    region: Literal["european_union", "united_states"]

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledRegion(f"{self.type}:{self.region}", self.in_region, SpelledFilter(REGIONS[self.region]))


@dataclass(frozen=True, slots=True)
class CompiledRegion(Timeless):
    """The compiled condition."""

    of_row: ClassVar[bool] = True

    label: str
    in_region: bool
    countries: SpelledFilter

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the profile is always at hand."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Look the profile's country up; it is what was seen."""
        country = facts.profile.location.get("country")
        return Verdict(self.countries.matches(country, facts.moment.now) is self.in_region, plain(country))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        clause = query.property(COUNTRY, self.countries, moment.now)
        return clause if self.in_region else query.negate(clause)

    def topics(self) -> frozenset[str]:
        """Return the country."""
        return frozenset((of_place("country"),))
