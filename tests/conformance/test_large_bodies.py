"""A refusal reaches clients that send all they have before they read."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from served import Served

SIX_MEGABYTES = 6 * 1024 * 1024


def test_a_client_that_sends_its_whole_body_hears_that_it_is_too_large(served: Served) -> None:
    """With a connection that ends with the answer, a reset would otherwise swallow it."""
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    headers = {
        "Authorization": f"Klaviyo-API-Key {served.key}",
        "revision": "2026-07-15",
        "Content-Type": "application/json",
        "Connection": "close",
    }
    connection.request("POST", "/api/events", b" " * SIX_MEGABYTES, headers)
    assert 413 == connection.getresponse().status
