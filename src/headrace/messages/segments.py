"""How many parts a text message is sent in. Source: reference 4.5 (GSM-7 160/153, UCS-2 70/67)."""

from __future__ import annotations

from enum import Enum

GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Characters that take two places."""


class Encoding(Enum):
    """How the text is encoded: (characters in a single part, in each of several)."""

    GSM7 = (160, 153)
    UCS2 = (70, 67)


def encoding_of(text: str) -> Encoding:
    """Return GSM-7 when every character is in its table, else UCS-2."""
    return Encoding.GSM7 if all(letter in GSM7 or letter in GSM7_EXTENDED for letter in text) else Encoding.UCS2


def segment_count(text: str) -> int:
    """Return the number of parts; a character of two places is never split between parts. Empty text has one."""
    encoding = encoding_of(text)
    if encoding is Encoding.GSM7:
        sizes = [2 if letter in GSM7_EXTENDED else 1 for letter in text]
    else:
        sizes = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    single, part = encoding.value
    return 1 if sum(sizes) <= single else _packed(sizes, part)


def _packed(sizes: list[int], part: int) -> int:
    parts, used = 1, 0
    for size in sizes:
        if used + size > part:
            parts, used = parts + 1, 0
        used += size
    return parts
