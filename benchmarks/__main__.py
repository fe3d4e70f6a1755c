"""`python -m benchmarks [--full] [NAME ...]`: run the benchmarks and print their figures, at last as one table."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks import (
    burst,
    durable,
    following,
    imports,
    ingest,
    lag,
    listing,
    report,
    routing,
    segments,
    sends,
    steps,
    store,
)
from benchmarks.harness import Figure, server, table
from headrace.clock import stopwatch

BENCHMARKS: dict[str, Callable[..., Coroutine[Any, Any, list[Figure]]]] = {
    "steps": steps.run,
    "sends": sends.run,
    "burst": burst.run,
    "lag": lag.run,
    "store": store.run,
    "durable": durable.run,
    "ingest": ingest.run,
    "routing": routing.run,
    "listing": listing.run,
    "imports": imports.run,
    "segments": segments.run,
    "following": following.run,
    "report": report.run,
}


def main() -> None:
    """Run what was asked for, everything by default."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--full", action="store_true", help="full sizes and more rounds")
    options = parser.parse_args()
    if unknown := sorted(set(options.names).difference(BENCHMARKS)):
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    with server() as running:
        for name in options.names or BENCHMARKS:
            begun = stopwatch()
            found = asyncio.run(BENCHMARKS[name](running, full=options.full))
            print(*found, f"  ({name} took {stopwatch() - begun:.0f} s)", sep="\n", flush=True)
            figures += found
    print("", table(figures), sep="\n")


if __name__ == "__main__":
    main()
