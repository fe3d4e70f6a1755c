"""What a web address is, for links, webhooks and the rules that keep a flow from going live."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

UNSAFE = re.compile(r"[\x00-\x20\x7f\\<>\"]")
"""What an address that browsers are sent to must not hold; browsers read a backslash as a slash."""
LONGEST_URL = 8_192
"""Bytes of an address; browsers and servers stop at about as much."""


def is_web_address(url: str) -> bool:
    """Return whether an address is http or https with a host and nothing that browsers read in their own way."""
    if UNSAFE.search(url) or len(url) > LONGEST_URL:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
