"""Where postal codes are: the packages that know it, read when they are first asked for.

US codes come from `zipcodes` (MIT); Canada, Australia, New Zealand and some countries of the European Union from
`countrystatecity-postal-codes` (ODbL). Neither is needed for anything else, so both may be missing. See
docs/decisions/0008-postal-codes.md.
"""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
import math
from collections.abc import Mapping
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
"""Countries of which, beside the US, the second package has the places of codes."""
AMERICA_PACKAGE, WORLD_PACKAGE = "zipcodes", "countrystatecity_postal_codes"


def country_code(country: str) -> str:
    """Return the two-letter code, small, of a country as people write it."""
    folded = fold(country)
    return COUNTRY_NAMES.get(folded, folded)


def place_of(country: str, postal_code: str) -> Place | None:
    """Return where a postal code is, None for an unknown one or a country without data.

    Our choice: of a Canadian code the first three characters count, of a US code the first five.
    """
    code = country_code(country)
    spelled = "".join(letter for letter in postal_code.upper() if letter.isascii() and letter.isalnum())
    match code:
        case "us":
            return _in_america(spelled[:5])
        case "ca":
            return _of_country("ca").get(spelled[:3])
        case _ if code in WORLD:
            return _of_country(code).get(spelled)
        case _:
            return None


def missing_data(country: str) -> str | None:
    """Return why no distance can be told in a country, None where it can."""
    code = country_code(country)
    if code not in ("us", *WORLD):
        return f"no data about the places of postal codes in '{country}' is at hand"
    packages = (AMERICA_PACKAGE, WORLD_PACKAGE) if code == "us" else (WORLD_PACKAGE,)
    if any(map(_installed, packages)):
        return None
    return f"the package '{packages[0].replace('_', '-')}', which has the postal codes of '{country}', is not installed"


def kilometers(one: Place, other: Place) -> float:
    """Return the great-circle distance of two places."""
    (south, west), (north, east) = (tuple(map(math.radians, place)) for place in (one, other))
    part = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin((east - west) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, part)))


def _in_america(code: str) -> Place | None:
    if len(code) != 5 or not code.isdigit():
        return None
    if not _installed(AMERICA_PACKAGE):
        return _of_country("us").get(code)
    return _of_prefix(code[:3]).get(code)


@cache
def _of_prefix(prefix: str) -> Mapping[str, Place]:
    """Return the US codes that begin with three digits; all of them at once would take 150 MB for a moment."""
    rows = _package(AMERICA_PACKAGE).similar_to(prefix)
    return {row["zip_code"]: (float(row["lat"]), float(row["long"])) for row in rows if row["lat"] and row["long"]}


@cache
def _of_country(code: str) -> Mapping[str, Place]:
    package = _package(WORLD_PACKAGE)
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
    return importlib.import_module(name) if _installed(name) else None


@cache
def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
