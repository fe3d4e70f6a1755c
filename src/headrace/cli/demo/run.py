"""The demo from the first to the last line: set up, play, report, serve."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from headrace.cli.demo.client import REVISION, Client
from headrace.cli.demo.play import Play, report_table
from headrace.cli.demo.setup import Shop, open_shop
from headrace.cli.engine import engine_core, make_signer, make_worker
from headrace.cli.memory import calm_collector
from headrace.cli.runtime import opened
from headrace.cli.serve import address_of, listen
from headrace.cli.supervisor import Child, Supervisor
from headrace.clock import SystemClock, stopwatch
from headrace.config import Config
from headrace.engine.virtual import advance_clock
from headrace.ids import RandomIds
from headrace.storage.account_clocks import follow_system
from headrace.storage.database import Database

EVENT = {
    "metric": {"data": {"type": "metric", "attributes": {"name": "Added to Cart"}}},
    "profile": {"data": {"type": "profile", "attributes": {"email": "you@example.com"}}},
    "properties": {"ProductName": "Canvas Weekender"},
}
COLUMNS = (
    *("channel", "message", "recipients", "delivered", "open\nrate", "click\nrate", "conversions", "revenue\n(USD)"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large the demo is."""

    people: int
    days: int


async def run_demo(dsn: str, config: Config, document: Any, size: Size, *, once: bool) -> None:
    """Play the sample shop over a database and, unless `once`, serve it until Ctrl-C."""
    console = Console(soft_wrap=True)
    with listen(config.host, config.port) as listener:
        base_url = address_of(listener)
        config = replace(config, port=listener.getsockname()[1])
        environment = {"HEADRACE_DATA_DIR": str(config.data_dir), "HEADRACE_DATABASE_URL": ""}
        environment |= {"HEADRACE_SMTP_URL": "", "HEADRACE_WEBHOOKS": ""}
        environment["HEADRACE_PORT"] = str(config.port)
        api = Child("api", ("serve", "--fd", str(listener.fileno())), (listener.fileno(),))
        worker = Child("worker", ("work", "--leash"))
        async with opened(dsn) as database:
            began = stopwatch()
            async with _running(Supervisor([api], environment)):
                shop = await _live_through(database, config, document, size, base_url, console)
            console.print(f"[dim]Played {size.days} days in {stopwatch() - began:.0f} seconds.[/dim]")
            if not once:
                async with database.transaction() as transaction:
                    await follow_system(transaction, shop.account.account_id)
        if not once:
            _invite(base_url, shop)
            await Supervisor([api, worker], environment).run()


async def _live_through(
    database: Database, config: Config, document: Any, size: Size, base_url: str, console: Console
) -> Shop:
    """Set the shop up, play its days, print its report, and return it."""
    system = SystemClock()
    start = system.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=size.days)
    shop = await open_shop(database, document, start, size.people, system)
    client = Client(base_url, shop.key)
    try:
        members = [profile_id for profile_id, one in shop.people.items() if one.on_list]
        await client.add_to_list(shop.list_id, members)
        await client.go_live(shop.flow_id)
        async with engine_core(database, config, make_signer(config, RandomIds())) as core:
            worker = make_worker(core)
            calm_collector()

            async def advance(to: datetime) -> int:
                return await advance_clock(core, shop.account.account_id, to, worker=worker)

            play = Play(client, advance, start, shop.people, size.days)
            with _progress(console) as progress:
                task = progress.add_task(f"{size.people:,} people, {size.days} days", total=1.0)
                await play.run(lambda share: progress.update(task, completed=share))
        rows = await client.report(shop.order_metric_id, start, play.end + timedelta(days=1))
    finally:
        await client.close()
    console.print(drawn(report_table(rows)))
    return shop


def drawn(rows: Sequence[tuple[str, ...]]) -> Table:
    """Return the report as a table; in a narrow terminal the names of messages wrap, and no figure is cut."""
    title = "Abandoned Cart, as POST /api/flow-values-reports tells it"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in COLUMNS:
        justify: JustifyMethod = "left" if column in COLUMNS[:2] else "right"
        table.add_column(column, justify=justify, no_wrap=column != "message", overflow="fold")
    for cells in rows:
        table.add_row(*cells)
    return table


def _progress(console: Console) -> Progress:
    """Return a progress bar, silent when the output is not a terminal."""
    parts = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*parts, console=console, transient=True, disable=not console.is_terminal)


@asynccontextmanager
async def _running(supervisor: Supervisor) -> AsyncIterator[None]:
    """Keep children running for as long as the block lasts."""
    task = asyncio.create_task(supervisor.run())
    try:
        yield
    finally:
        supervisor.stop.set()
        await task


def _invite(base_url: str, shop: Shop) -> None:
    headers = f"-H 'Authorization: Klaviyo-API-Key {shop.key}' -H 'revision: {REVISION}'"
    event = json.dumps({"data": {"type": "event", "attributes": EVENT}})
    lines = (
        f"\nServing on {base_url}; Ctrl-C ends it.",
        f"API key: {shop.key}",
        "\nTry:",
        f"  curl -sg {headers} '{base_url}/api/flows?include=flow-actions'",
        f"  curl -sg {headers} '{base_url}/headrace/messages?page[size]=1'",
        f"  curl -s {headers} -H 'Content-Type: application/json' -X POST {base_url}/api/events -d '{event}'",
        f"\nThe inbox: curl -s {headers} -X POST {base_url}/headrace/inbox-links prints a link that opens it once.",
    )
    for line in lines:
        print(line, flush=True)
