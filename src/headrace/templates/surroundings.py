"""What a template sees besides its variables: the time, the message's own links, the account's currency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any


def _unchanged(prepared: Any) -> str:
    return str(prepared)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The moment of rendering and the links that belong to one message.

    `now` is aware domain time; without it the tags that need the time refuse. `html` is False where plain text is
    made (subjects, text parts, SMS): values are then not escaped and link tags write bare addresses. `link` turns what
    `prepare` (see `compile`) made of an address into the address to write.
    """

    now: datetime | None = None
    zone: tzinfo = UTC
    html: bool = True
    currency: str = "USD"
    unsubscribe_url: str = ""
    preferences_url: str = ""
    web_view_url: str = ""
    preview_text: str = ""
    link: Callable[[Any], str] = _unchanged
