"""Every scenario beside this file, played on a virtual clock through the real engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from happenings import play
from outcomes import outcome
from scenario import Scenario

from headrace.conditions import postal_codes
from headrace.storage.database import Database

SCENARIOS = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(Path(__file__).parent.rglob("*.yaml"))}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(database: Database, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the file expects is what comes of it, and nothing else."""
    told = SCENARIOS[name]
    if "postal_codes" in told:
        codes = {country.lower(): places for country, places in told["postal_codes"].items()}
        monkeypatch.setattr(postal_codes, "_installed", lambda package: True)
        monkeypatch.setattr(postal_codes, "_of_prefix", lambda prefix: codes.get("us", {}))
        monkeypatch.setattr(postal_codes, "_of_country", lambda country: codes.get(country, {}))
    scenario = await Scenario.open(database, told)

    await play(scenario)

    nothing = {"sent": [], "skipped": [], "runs": {}, "refused": []}
    assert {**nothing, **told["expect"]} == await outcome(scenario)


def test_there_are_scenarios() -> None:
    """There are as many as were promised, so that none gets lost."""
    assert len(SCENARIOS) >= 290


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_names_what_it_covers(name: str) -> None:
    """A title, and at least one row of the reference by its section."""
    told = SCENARIOS[name]
    assert told["title"].endswith(".")
    assert [] == [row for row in told.get("covers", ["?"]) if not re.match(r"[1-4](\.[0-9])? \w", row)]
