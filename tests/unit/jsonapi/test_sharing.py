"""Requests that read the same at the same time share one answer, and never one that began before they asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from headrace.jsonapi.sharing import Sharing


@dataclass
class Work:
    """Work that is done when the test says so; each turn of it returns its number."""

    begun: int = 0
    gates: list[asyncio.Future[None]] = field(default_factory=list)

    async def __call__(self) -> int:
        """Wait for the test, and return the number of this turn."""
        self.begun += 1
        number = self.begun
        self.gates.append(asyncio.get_running_loop().create_future())
        await self.gates[-1]
        return number


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_asks_while_it_is_worked_out_gets_the_next_answer() -> None:
    """The first has an answer of its own; the three who came meanwhile share the one that begins after them."""
    sharing: Sharing[int] = Sharing()
    work = Work()
    tasks = [asyncio.create_task(sharing.answer("key", work)) for _ in range(4)]
    await settle()
    assert 1 == work.begun
    work.gates[0].set_result(None)
    await settle()
    assert 2 == work.begun
    work.gates[1].set_result(None)

    assert [1, 2, 2, 2] == await asyncio.gather(*tasks)


async def test_other_keys_are_not_waited_for() -> None:
    """What reads something else is worked out at once."""
    sharing: Sharing[int] = Sharing()
    work = Work()
    tasks = [asyncio.create_task(sharing.answer(key, work)) for key in ("a", "b")]
    await settle()
    assert 2 == work.begun
    for gate in work.gates:
        gate.set_result(None)

    assert [1, 2] == await asyncio.gather(*tasks)


async def test_a_failure_is_told_to_all_who_share_it_and_the_next_begins_anew() -> None:
    """Both who waited hear of the failure of their turn, and whoever asks afterwards is not held up."""
    sharing: Sharing[int] = Sharing()
    work = Work()
    tasks = [asyncio.create_task(sharing.answer("key", work)) for _ in range(3)]
    await settle()
    work.gates[0].set_result(None)
    await settle()
    work.gates[1].set_exception(ValueError("no"))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    again = asyncio.create_task(sharing.answer("key", work))
    await settle()
    work.gates[2].set_result(None)

    assert [1, "no", "no"] == [outcomes[0], *map(str, outcomes[1:])]
    assert 3 == await again


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_whoever_goes_away_takes_nobodys_answer_along(gone: int) -> None:
    """One of three requests ends, the one at work or one that waits: the others are answered."""
    sharing: Sharing[int] = Sharing()
    work = Work()
    tasks = [asyncio.create_task(sharing.answer("key", work)) for _ in range(3)]
    await settle()
    tasks[gone].cancel()
    for _ in range(3):
        await settle()
        for gate in work.gates:
            if not gate.done():
                gate.set_result(None)
    left = [task for number, task in enumerate(tasks) if number != gone]

    assert all(isinstance(answer, int) for answer in await asyncio.gather(*left))


async def test_a_turn_that_comes_as_its_request_ends_is_passed_on() -> None:
    """The second is told that it is its turn and ends in the same moment: the third carries on."""
    sharing: Sharing[int] = Sharing()
    work = Work()
    tasks = [asyncio.create_task(sharing.answer("key", work)) for _ in range(3)]
    await settle()
    work.gates[0].set_result(None)
    await asyncio.sleep(0)  # the first has ended and passed its turn on, which the second has not seen
    tasks[1].cancel()
    await settle()
    assert 2 == work.begun
    work.gates[1].set_result(None)

    assert 2 == await tasks[2]
    assert tasks[1].cancelled()
