"""How the sample shop's people meet a message: whether and when they open, click, buy or unsubscribe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from headrace.cli.demo.shop import Shopper


class Doing(Enum):
    """What a person does with a message."""

    OPEN = "open"
    CLICK = "click"
    BUY = "buy"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Reaction:
    """Something a person does because of a message; `url` is the pixel or link that they reach, empty for BUY."""

    at: datetime
    doing: Doing
    url: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it lies in somebody's inbox: `html` for e-mail, `text` for both channels."""

    message_id: str
    channel: str
    sent_at: datetime
    html: str
    text: str


def reactions(shopper: Shopper, message: Received) -> Iterator[Reaction]:
    """Yield what a person does with a message, in order of time."""
    done = _email(shopper, message) if message.channel == "email" else _sms(shopper, message)
    yield from (one for one in done if one.url or one.doing is Doing.BUY)


def _email(shopper: Shopper, message: Received) -> Iterator[Reaction]:
    key = (message.message_id, message.sent_at)
    if shopper.draw("opens", *key) > 0.46:
        return
    opened = message.sent_at + timedelta(minutes=5 + 1200 * shopper.draw("open", *key) ** 3)
    yield Reaction(opened, Doing.OPEN, _first(r'src="([^"]+/t/o/[^"]+)"', message.html))
    if shopper.draw("again", *key) < 0.2:
        yield Reaction(opened + timedelta(hours=2), Doing.OPEN, _first(r'src="([^"]+/t/o/[^"]+)"', message.html))
    if shopper.draw("leaves", *key) < 0.012:
        yield Reaction(opened, Doing.UNSUBSCRIBE, _first(r'href="([^"]+/t/u/[^"]+)"', message.html))
    elif shopper.draw("clicks", *key) < 0.34:
        clicked = opened + timedelta(minutes=1 + 4 * shopper.draw("click", *key))
        yield Reaction(clicked, Doing.CLICK, _first(r'href="([^"]+/t/c/[^"]+)"', message.html))
        if shopper.draw("buys", *key) < 0.3:
            yield Reaction(clicked + timedelta(minutes=5 + 55 * shopper.draw("buy", *key)), Doing.BUY)


def _sms(shopper: Shopper, message: Received) -> Iterator[Reaction]:
    key = (message.message_id, message.sent_at)
    if shopper.draw("clicks", *key) > 0.19:
        return
    clicked = message.sent_at + timedelta(minutes=2 + 90 * shopper.draw("click", *key))
    yield Reaction(clicked, Doing.CLICK, _first(r"(https?://\S+/t/c/\S+)", message.text))
    if shopper.draw("buys", *key) < 0.33:
        yield Reaction(clicked + timedelta(minutes=5 + 40 * shopper.draw("buy", *key)), Doing.BUY)


def _first(pattern: str, text: str) -> str:
    """Return the first match's group, empty where a message holds nothing of the kind."""
    found = re.search(pattern, text)
    return found.group(1).replace("&amp;", "&") if found else ""
