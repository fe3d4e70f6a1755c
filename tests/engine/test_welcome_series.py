"""A flow of 30 days asserted message by message, as a shop's own test would: in a second."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from headrace.clock import stopwatch
from headrace.engine.simulate import START, Simulation
from headrace.storage.database import Database

EXAMPLE = Path(__file__).parents[2] / "examples" / "welcome-series.json"
LETTERS = (
    (0, "hello", "Ana, welcome to Millstream"),
    (2, "who we are", "The people behind the mill"),
    (7, "what others like", "What others came back for"),
    (16, "how to care", "Make it last"),
    (30, "your present", "Ana, your present ends tomorrow"),
)
"""Days after joining, the name of the message, and its subject."""


async def test_a_welcome_series_of_thirty_days_is_asserted_message_by_message(database: Database) -> None:
    """Five messages in 30 days, each on its day, and none to somebody who joined another list."""
    began = stopwatch()
    simulation = await Simulation.open(database)
    await simulation.flow(json.loads(EXAMPLE.read_text()))
    await simulation.set("ana", first_name="Ana")
    await simulation.join("Newsletter", "ana")
    await simulation.join("Another list", "ben")

    await simulation.advance("30d")

    messages = await simulation.messages()
    expected = [
        ("ana@example.com", f"Welcome {number}: {name}", START + timedelta(days=day))
        for number, (day, name, _) in enumerate(LETTERS, 1)
    ]
    assert expected == [(one.person, one.name, one.at) for one in messages]
    assert [subject for _, _, subject in LETTERS] == [one.subject for one in messages]
    assert stopwatch() - began < 2.0
