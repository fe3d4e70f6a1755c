"""Playing the sample shop: what its people do is posted through the public API while the account's clock moves.

Time goes in ticks. At the end of each the engine has worked through what became due, the people's own doings of the
tick are posted with their times, and the messages that arrived are handed to their readers, whose reactions join the
plan.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from headrace.cli.demo.client import Bought, Client
from headrace.cli.demo.customers import Doing, Reaction, reactions
from headrace.cli.demo.shop import Shopper, carts

TICK = timedelta(hours=1)
CART, ORDER = "Added to Cart", "Placed Order"

Advance = Callable[[datetime], Awaitable[int]]
"""Works through everything due up to a moment, leaves the account's clock there, and returns how much that was."""


@dataclass(slots=True)
class Play:
    """One run of the sample shop from `start`, `days` days long."""

    client: Client
    advance: Advance
    start: datetime
    people: Mapping[str, Shopper]
    days: int
    _plan: list[tuple[datetime, int, Bought | Reaction]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _last_cart: dict[int, Bought] = field(default_factory=dict)
    _bought: set[str] = field(default_factory=set)

    @property
    def end(self) -> datetime:
        """When the play is over."""
        return self.start + timedelta(days=self.days)

    async def run(self, tell: Callable[[float], None]) -> None:
        """Play to the end; `tell` hears the share that is done, 0 to 1, after every tick."""
        for shopper in self.people.values():
            for cart in carts(shopper, self.start, self.days):
                key = f"{shopper.number}-{cart.number}"
                self._add(Bought(CART, shopper, cart.at, cart.product, cart.value, f"cart-{key}"))
                if cart.ordered_at:
                    order = Bought(ORDER, shopper, cart.ordered_at, cart.product, cart.value, f"order-{key}")
                    self._add(order)
        now = self.start
        while now < self.end:
            now = min(now + TICK, self.end)
            if await self.advance(now):
                await self._read()
            await self._do(self._due(now))
            tell((now - self.start) / (self.end - self.start))
        await self.advance(self.end)

    def _add(self, item: Bought | Reaction) -> None:
        heapq.heappush(self._plan, (item.at, next(self._order), item))

    def _due(self, now: datetime) -> list[Bought | Reaction]:
        due = []
        while self._plan and self._plan[0][0] <= now:
            due.append(heapq.heappop(self._plan)[2])
        return due

    async def _do(self, items: Sequence[Bought | Reaction]) -> None:
        events = [item for item in items if isinstance(item, Bought)]
        for event in events:
            if event.metric == CART:
                self._last_cart[event.shopper.number] = event
        if events:
            await self.client.post_events(events)
        await asyncio.gather(*(self._react(item) for item in items if isinstance(item, Reaction)))

    async def _react(self, reaction: Reaction) -> None:
        match reaction.doing:
            case Doing.OPEN | Doing.CLICK:
                await self.client.reach(reaction.url)
            case Doing.UNSUBSCRIBE:
                await self.client.unsubscribe(reaction.url)
            case Doing.BUY:
                raise AssertionError("an order because of a message is planned as an event")

    async def _read(self) -> None:
        for profile_id, message in await self.client.new_messages():
            shopper = self.people[profile_id]
            for reaction in reactions(shopper, message):
                if reaction.doing is Doing.BUY:
                    self._order_because(shopper, reaction.at)
                else:
                    self._add(reaction)

    def _order_because(self, shopper: Shopper, at: datetime) -> None:
        cart = self._last_cart[shopper.number]
        key = cart.unique_id.replace("cart", "order")
        if key not in self._bought:
            self._bought.add(key)
            extra = Decimal(int(shopper.between(0, 30, "extra", key)))
            self._add(Bought(ORDER, shopper, at.replace(microsecond=0), cart.product, cart.value + extra, key))


def report_table(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return the report's rows as the cells of a table, a message a row, by channel and name."""
    return sorted(
        (
            str(row["groupings"]["send_channel"]),
            str(row["groupings"]["flow_message_name"]),
            f"{row['statistics']['recipients']:,.0f}",
            f"{row['statistics']['delivered']:,.0f}",
            f"{row['statistics']['open_rate']:.1%}",
            f"{row['statistics']['click_rate']:.1%}",
            f"{row['statistics']['conversions']:,.0f}",
            f"{row['statistics']['conversion_value']:,.2f}",
        )
        for row in rows
    )
