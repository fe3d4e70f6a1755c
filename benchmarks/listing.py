"""Reading a page of 50 flows with their actions and tags over 32 connections: how long the slowest in a hundred takes.

The baseline is the bare application (`bare_app`), which answers with the same document, ready made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from benchmarks.api import bare_serving, browse, serving
from benchmarks.harness import Bar, Figure, Rounds, fresh_database, settle
from benchmarks.store import HTML, definition
from headrace.clock import SystemClock
from headrace.ids import RandomIds
from headrace.model import Account
from headrace.storage import embedded, flows, tag_ties, tags
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.keys import create_key
from headrace.storage.metrics import Metrics
from headrace.storage.templates import NewTemplate, create_template

FLOWS, ACTIONS, TAGS = 50, 5, 3
"""Flows of the page, actions of each, tags of each."""
CONNECTIONS = 32
PATH = "/api/flows?include=flow-actions,tags&page[size]=50"


@dataclass(frozen=True, slots=True)
class Shop:
    """Who asks for the page."""

    database: Database
    key: str
    port: int


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    rounds, count = (5, 4_000) if full else (3, 1_500)
    pairs = []
    async with (
        fresh_database(server, "bench_listing") as database,
        _shop(database) as shop,
        bare_serving(await _page(shop)) as bare_port,
    ):
        for number in range(rounds + 1):
            bare = await browse(bare_port, shop.key, PATH, count, CONNECTIONS)
            ours = await browse(shop.port, shop.key, PATH, count, CONNECTIONS)
            pairs += [(bare, ours)] if number else []  # the first fills caches and is not counted
    beside = "the same document, ready made"
    p99 = Rounds([ours.p99 for _, ours in pairs]), Rounds([bare.p99 for bare, _ in pairs])
    rate = Rounds([ours.rate for _, ours in pairs]), Rounds([bare.rate for bare, _ in pairs])
    name = f"{FLOWS} flows with actions and tags, {CONNECTIONS} connections"
    bar = Bar(40, 25, value=True, at_most=True)
    return [
        Figure(f"{name}, p99", "ms", *p99, beside, bar, as_times=True),
        Figure(name, "pages/s", *rate, beside),
    ]


@asynccontextmanager
async def _shop(database: Database) -> AsyncIterator[Shop]:
    ids, clock = RandomIds(), SystemClock()
    account_id = (await create_account(database, ids, Account("", "Bench"), clock)).account_id
    key, _ = await create_key(database, ids, clock, account_id, "bench", ["*"])
    await _fill(database, account_id)
    await settle(database)
    async with serving(database) as port:
        yield Shop(database, key, port)


async def _fill(database: Database, account_id: str) -> None:
    ids, now = RandomIds(), SystemClock().now()
    metric = (await Metrics(database, SystemClock(), ids).ids(account_id, ["Added to Cart"]))["Added to Cart"]
    async with database.transaction() as transaction:
        template = await create_template(transaction, account_id, ids, now, NewTemplate("Cart", "CODE", HTML))
        made = [await tags.create_tag(transaction, account_id, ids, f"Tag {number}", None) for number in range(TAGS)]
        stored: list[str] = []
        for number in range(FLOWS):
            flow = definition(ACTIONS, metric, template)
            stored.append(await flows.create_flow(transaction, account_id, ids, now, f"Flow {number}", flow))
        for tag_id in made:
            await tag_ties.tie(transaction, account_id, tag_id, tag_ties.FLOW, stored)


async def _page(shop: Shop) -> bytes:
    """Return the page as it is answered; raises unless it holds what it is meant to hold."""
    headers = {"Authorization": f"Klaviyo-API-Key {shop.key}", "revision": "2026-07-15"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{shop.port}", headers=headers, timeout=60) as client:
        answer = (await client.get(PATH)).raise_for_status()
    found = len(answer.json()["data"]), len(answer.json()["included"])
    if found != (FLOWS, FLOWS * ACTIONS + TAGS):
        raise RuntimeError(f"the page holds {found[0]} flows and {found[1]} included resources")
    return answer.content
