"""Where postal codes are: the packages that know it, read when they are first asked for.

US codes come from `zipcodes` (MIT). Canada, Australia, New Zealand and some countries of the European Union come from
`countrystatecity-postal-codes` (ODbL), where that is installed. See docs/decisions/0008-postal-codes.md.
"""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import orjson

from headrace.conditions.filters.reading import fold

Place = tuple[float, float]
"""Latitude and longitude in degrees."""

EARTH_KM = 6371.0088
"""The mean radius of the earth."""
KM_PER_MILE = 1.609344

COUNTRY_NAMES: Mapping[str, str] = {
    "usa": "us",
    "u.s.": "us",
    "u.s.a.": "us",
    "united states": "us",
    "united states of america": "us",
    "can": "ca",
    "canada": "ca",
    "aus": "au",
    "australia": "au",
    "nzl": "nz",
    "new zealand": "nz",
    "uk": "gb",
    "gbr": "gb",
    "united kingdom": "gb",
    "great britain": "gb",
    "bel": "be",
    "belgium": "be",
    "dnk": "dk",
    "denmark": "dk",
    "grc": "gr",
    "greece": "gr",
    "mlt": "mt",
    "malta": "mt",
    "pol": "pl",
    "poland": "pl",
    "svn": "si",
    "slovenia": "si",
}
"""Folded names of countries and their two-letter codes."""
WORLD = ("au", "be", "ca", "dk", "gr", "mt", "nz", "pl", "si")
"""Countries of which the second package has the places of codes."""


def country_code(country: str) -> str:
    """Return the two-letter code, small, of a country as people write it."""
    folded = fold(country)
    return COUNTRY_NAMES.get(folded, folded)


def place_of(country: str, postal_code: str) -> Place | None:
    """Return where a postal code is, None for an unknown one or a country without data.

    Our choice: of a Canadian code the first three characters count, of a US code the first five.
    """
    code = country_code(country)
    spelled = "".join(postal_code.split()).upper()
    match code:
        case "us":
            return _american().get(spelled[:5])
        case "ca":
            return _of_country("ca").get(spelled[:3])
        case _ if code in WORLD:
            return _of_country(code).get(spelled.replace("-", ""))
        case _:
            return None


def missing_data(country: str) -> str | None:
    """Return why no distance can be told in a country, None where it can."""
    code = country_code(country)
    package = "zipcodes" if code == "us" else "countrystatecity_postal_codes" if code in WORLD else None
    if package is None:
        return f"no data about the places of postal codes in '{country}' is at hand"
    if importlib.util.find_spec(package) is None:
        return f"the package '{package.replace('_', '-')}' is not installed, which has the postal codes of '{country}'"
    return None


def kilometers(one: Place, other: Place) -> float:
    """Return the great-circle distance of two places."""
    (south, west), (north, east) = (tuple(map(math.radians, place)) for place in (one, other))
    part = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin((east - west) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, part)))


@cache
def _american() -> Mapping[str, Place]:
    package = _package("zipcodes")
    rows = package.list_all() if package else ()
    return {row["zip_code"]: (float(row["lat"]), float(row["long"])) for row in rows if row["lat"] and row["long"]}


@cache
def _of_country(code: str) -> Mapping[str, Place]:
    package = _package("countrystatecity_postal_codes")
    if package is None:
        return {}
    name = f"data/by-country/{code.upper()}/postcodes.json"
    rows = orjson.loads(importlib.resources.files(package).joinpath(name).read_bytes())
    return {
        row["code"].replace(" ", "").replace("-", "").upper(): (row["latitude"], row["longitude"])
        for row in rows
        if row["latitude"] is not None and row["longitude"] is not None
    }


def _package(name: str) -> Any:
    load: Callable[[str], Any] = importlib.import_module
    try:
        return load(name)
    except ImportError:
        return None
