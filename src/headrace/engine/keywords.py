"""Keywords: what a single word in a text message means, and what is answered to it.

What is here: pure tables and functions. What is not: taking a message in (`inbound_sms`). Source: reference 4.5. Our
choice: YES is one of the words that subscribe; a message is a keyword only if it is nothing but that; the words of the
answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Keyword(StrEnum):
    """What a word asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


WORDS: Mapping[str, Keyword] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"), Keyword.STOP),
    **dict.fromkeys(("START", "UNSTOP", "YES"), Keyword.START),
    **dict.fromkeys(("HELP", "INFO"), Keyword.HELP),
}

_BESIDE = re.compile(r"[\s.,!?\"'“”‘’*]+")
"""What people write around a keyword, and between its two halves."""


def keyword_of(body: str) -> Keyword | None:
    """Return the keyword that a message is, in whatever letters, None for any other message."""
    return WORDS.get(_BESIDE.sub("", body[:100]).upper()) if len(body) <= 100 else None


def answer_to(keyword: Keyword, sender: str) -> str:
    """Return what is answered to a keyword."""
    match keyword:
        case Keyword.STOP:
            return f"{sender}: You are unsubscribed and will get no more messages. Reply START to subscribe again."
        case Keyword.START:
            return f"{sender}: You are subscribed. Reply HELP for help, STOP to end."
        case Keyword.HELP:
            return f"{sender}: Reply STOP to get no more messages, START to get them again."
