"""Every scenario beside this file, played on a virtual clock through the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from scenario import Scenario

from headrace.storage.database import Database

SCENARIOS = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(Path(__file__).parent.glob("*.yaml"))}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(database: Database, name: str) -> None:
    """What the file expects is what comes of it, and nothing else."""
    told = SCENARIOS[name]
    scenario = await Scenario.open(database, told)

    await scenario.play()

    nothing = {"sent": [], "skipped": [], "runs": {}, "refused": []}
    assert {**nothing, **told["expect"]} == await scenario.outcome()


def test_there_are_scenarios() -> None:
    """The folder is not empty, so that the test above has something to say."""
    assert len(SCENARIOS) >= 12
