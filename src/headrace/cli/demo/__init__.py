"""`headrace demo`: a sample shop that lives through 30 days in less than a minute, and then serves.

The demo has a database of its own, in a temporary folder that goes with it. Its people act through the public API of a
real API process; the engine works in this process, on the account's virtual clock.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from headrace.cli.demo.run import Size, run_demo
from headrace.cli.demo.shop import DAYS, PEOPLE
from headrace.cli.flows import read_document
from headrace.cli.runtime import address
from headrace.config import Config
from headrace.errors import CommandError

EXAMPLE = Path("examples") / "abandoned-cart.json"


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after the report instead of serving.")] = False,
    flow: Annotated[Path | None, typer.Option(help="The flow's file; by default the abandoned cart.")] = None,
    people: Annotated[int, typer.Option(min=1, max=9_999, help="How many people the shop has.")] = PEOPLE,
    days: Annotated[int, typer.Option(min=2, max=365, help="How many days are played.")] = DAYS,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = None,
) -> None:
    """Play the days of a sample shop, print what its messages earned, and serve it until Ctrl-C."""
    document = read_document(flow or _example())
    given = Config.from_environment()
    with _folder() as folder:
        chosen = 0 if once and port is None else given.port if port is None else port
        config = replace(
            given, data_dir=folder, database_url=None, public_url=None, smtp_url=None, webhooks="inbox", port=chosen
        )
        with address(config) as dsn:
            uvloop.run(run_demo(dsn, config, document, Size(people, days), once=once))


def _example() -> Path:
    """Return the example's file: in the checkout, or as it was installed with the package."""
    beside = Path(__file__).parents[4] / EXAMPLE
    installed = Path(sys.prefix) / "share" / "headrace" / EXAMPLE
    for path in (beside, installed):
        if path.is_file():
            return path
    raise CommandError(f"the example {EXAMPLE} is not installed; name a flow's file by --flow")


@contextmanager
def _folder() -> Iterator[Path]:
    """Lend a folder that a server started by root may live in as well."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-demo-"))
    try:
        if os.geteuid() == 0:
            folder.chmod(0o755)
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
