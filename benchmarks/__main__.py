"""`python -m benchmarks [--full] [NAME ...]`: run the benchmarks and print their figures."""

from __future__ import annotations

import argparse
import asyncio

from benchmarks import ingest, report, steps
from benchmarks.harness import server

BENCHMARKS = {"steps": steps.run, "ingest": ingest.run, "report": report.run}


def main() -> None:
    """Run what was asked for, everything by default."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--full", action="store_true", help="full sizes and five rounds")
    options = parser.parse_args()
    with server() as running:
        for name in options.names or BENCHMARKS:
            for figure in asyncio.run(BENCHMARKS[name](running, full=options.full)):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
