"""Fixtures of the conformance tests: a running Headrace and the official SDK, pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from klaviyo_api import KlaviyoAPI
from served import Background, Served


@pytest.fixture
def served(database_dsn: str, tmp_path: Path) -> Iterator[Served]:
    """A running server; images lie in a folder of the test.

    Whatever a test does somebody of another account tries first, and finds nothing (`intruder`).
    """
    background = Background(database_dsn, tmp_path)
    served = background.start()
    yield served
    background.stop()
    assert [] == served.intrusions


@pytest.fixture
def klaviyo(served: Served) -> KlaviyoAPI:
    """The official SDK, pointed at the running server; it does not retry, so that mistakes show at once."""
    return KlaviyoAPI(served.key, test_host=served.url, max_retries=0, max_delay=1)
