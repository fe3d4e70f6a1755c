"""What the long-running commands write about themselves: one line per happening on standard error."""

from __future__ import annotations

import logging

QUIET = ("alembic", "httpx", "httpcore")
"""Libraries whose lines are of no use to whoever runs Headrace, or hold addresses that are nobody's business."""


def log_to_stderr() -> None:
    """Write what Headrace logs, from INFO on, to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
