"""A flow of 30 days asserted message by message, as a shop's own test would: in a second."""

from __future__ import annotations

from datetime import timedelta

from flow_documents import DAYS, welcome_series

from headrace.clock import stopwatch
from headrace.engine.simulate import START, Simulation
from headrace.storage.database import Database


async def test_a_welcome_series_of_thirty_days_is_asserted_message_by_message(database: Database) -> None:
    """Five messages in 28 days, each on its day, and none to somebody who joined another list."""
    began = stopwatch()
    simulation = await Simulation.open(database)
    await simulation.flow(welcome_series())
    await simulation.join("Newsletter", "ana")
    await simulation.join("Another list", "ben")

    await simulation.advance("30d")

    messages = await simulation.messages()
    expected = [("ana@example.com", f"mail {number}", START + timedelta(days=day)) for number, day in enumerate(DAYS)]
    assert expected == [(one.person, one.name, one.at) for one in messages]
    assert ["mail 0", "mail 1", "mail 2", "mail 3", "mail 4"] == [one.subject for one in messages]
    assert stopwatch() - began < 2.0
