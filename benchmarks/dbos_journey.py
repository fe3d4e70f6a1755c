"""The journey on DBOS, a library for durable workflows: run as a process by the Python of `.venv-bench`.

`python dbos_journey.py DSN NAME FIRST COUNT AT`: one workflow for each person from FIRST on, written as the library's
documentation advises: a durable sleep until the moment AT (seconds since 1970), a step that counts the person's orders,
and on none a step that changes the person. Waits until all have ended and prints how many changed somebody. It imports
nothing of Headrace, which that Python does not have; `durable` makes the tables and measures from outside.
"""

from __future__ import annotations

import asyncio
import sys
import time

from dbos import DBOS, DBOSConfig
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

AT_ONCE = 100
"""Workflows that are started at the same time."""
CONNECTIONS = 8

COUNT_ORDERS = text("SELECT count(*) FROM placed_order WHERE person = :person AND at >= :since")
REMIND = text("""UPDATE person SET properties = properties || '{"Reminded": "yes"}' WHERE person = :person""")

URL = make_url(sys.argv[1]).set(drivername="postgresql+psycopg")
ENGINE = create_async_engine(URL, pool_size=CONNECTIONS)


@DBOS.workflow()
async def remind_later(person: int, at: float, since: float) -> bool:
    """Wait until a moment, then remind whoever has placed no order since another."""
    await DBOS.sleep_async(at - time.time())
    if await count_orders(person, since):
        return False
    await remind(person)
    return True


@DBOS.step()
async def count_orders(person: int, since: float) -> int:
    """Return how many orders somebody has placed since a time."""
    async with ENGINE.connect() as connection:
        found = await connection.execute(COUNT_ORDERS, {"person": person, "since": since})
        return int(found.scalar_one())


@DBOS.step()
async def remind(person: int) -> None:
    """Write the property of a person."""
    async with ENGINE.begin() as connection:
        await connection.execute(REMIND, {"person": person})


async def play(first: int, count: int, at: float) -> int:
    """Start all workflows, wait for their ends and return how many changed somebody."""
    since = time.time() - 18_000
    handles = []
    for start in range(first, first + count, AT_ONCE):
        part = range(start, min(start + AT_ONCE, first + count))
        handles += await asyncio.gather(
            *(DBOS.start_workflow_async(remind_later, person, at, since) for person in part)
        )
    late = time.time() - at
    if late > 0:
        sys.exit(f"the workflows were started {late:.1f} s after they were due")
    return sum(await asyncio.gather(*(handle.get_result() for handle in handles)))


def main() -> None:
    """Configure the library and play."""
    name, first, count, at = sys.argv[2:6]
    config: DBOSConfig = {
        "name": "journey",
        "system_database_url": URL.render_as_string(hide_password=False),
        "executor_id": name,
        "application_version": "1",
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    print(asyncio.run(play(int(first), int(count), float(at))), flush=True)
    sys.stdin.readline()  # what this process has used is read while it lives
    DBOS.destroy()


if __name__ == "__main__":
    main()
