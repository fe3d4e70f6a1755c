"""The sample shop: who its people are and what they do, fixed by a seed.

Everything here is a pure function of the seed and a person's number, so that two demos tell the same story. What is
not here: the play itself (`play.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from headrace.ids import fraction

PEOPLE = 2_000
DAYS = 30
SEED = "headrace"

FIRST_NAMES = ("Ada", "Ben", "Chloe", "Dario", "Emma", "Finn", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam")
LAST_NAMES = ("Abbott", "Berg", "Costa", "Duval", "Eriksen", "Fischer", "Garcia", "Hayashi", "Ito", "Jansen")
ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
)
PRODUCTS = (
    ("Canvas Weekender", 128),
    ("Merino Crew", 86),
    ("Trail Socks", 18),
    ("Enamel Mug", 24),
    ("Linen Shirt", 74),
    ("Leather Card Case", 42),
)


@dataclass(frozen=True, slots=True)
class Shopper:
    """One person of the shop."""

    number: int
    email: str
    phone_number: str
    first_name: str
    last_name: str
    zone: str
    on_list: bool
    takes_sms: bool

    def draw(self, *what: object) -> float:
        """Return a number in [0, 1) that belongs to this person and `what`, always the same."""
        return fraction(SEED, str(self.number), *(str(one) for one in what))

    def between(self, low: float, high: float, *what: object) -> float:
        """Return a number from `low` to `high` that belongs to this person and `what`."""
        return low + (high - low) * self.draw(*what)


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart that somebody fills, and when they buy it by themselves, if they do."""

    number: int
    at: datetime
    product: str
    value: Decimal
    ordered_at: datetime | None


def shoppers(count: int = PEOPLE) -> list[Shopper]:
    """Return the shop's people."""
    return [_shopper(number) for number in range(count)]


def carts(shopper: Shopper, start: datetime, days: int) -> Iterator[Cart]:
    """Yield what a person puts into carts in `days` days from `start`: a third nothing, others up to twice."""
    wanted = 0 if shopper.draw("carts") < 0.33 else 1 if shopper.draw("carts") < 0.75 else 2
    for number in range(wanted):
        product, price = PRODUCTS[int(shopper.draw("product", number) * len(PRODUCTS))]
        at = _daytime(shopper, number, start, days)
        alone = shopper.draw("buys alone", number) < 0.3
        wait = timedelta(minutes=shopper.between(65, 200, "wait", number))
        yield Cart(number, at, product, Decimal(price), at + wait if alone else None)


def _shopper(number: int) -> Shopper:
    blank = Shopper(number, "", "", "", "", "", on_list=False, takes_sms=False)
    first = FIRST_NAMES[int(blank.draw("first") * len(FIRST_NAMES))]
    last = LAST_NAMES[int(blank.draw("last") * len(LAST_NAMES))]
    return Shopper(
        number=number,
        email=f"{first}.{last}.{number}@example.com".lower(),
        phone_number=f"+1212555{number:04}",
        first_name=first,
        last_name=last,
        zone=ZONES[int(blank.draw("zone") * len(ZONES))],
        on_list=blank.draw("list") < 0.85,
        takes_sms=blank.draw("sms") < 0.8,
    )


def _daytime(shopper: Shopper, number: int, start: datetime, days: int) -> datetime:
    """Return a moment between eight in the morning and eleven at night where the person lives."""
    day = (start + timedelta(days=int(shopper.draw("day", number) * (days - 1)))).astimezone(ZoneInfo(shopper.zone))
    minutes = int(shopper.between(8 * 60, 23 * 60, "minute", number))
    local = day.replace(hour=minutes // 60, minute=minutes % 60, second=int(shopper.draw("second", number) * 60))
    return max(local.astimezone(start.tzinfo), start).replace(microsecond=0)
