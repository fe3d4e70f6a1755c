"""The line on a terminal that tells how far an import is; where no terminal reads it, nothing is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from headrace.clock import stopwatch
from headrace.storage import import_files

Tell = Callable[[import_files.Progress], None]


@contextmanager
def told(name: str, size: int, first: import_files.Progress) -> Iterator[Tell]:
    """Lend what takes each step of an import: the bar is over the bytes of the file, the rate is of rows."""
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s, {task.fields[refused]:,} refused"),
        TimeRemainingColumn(),
    )
    began = stopwatch()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as shown:
        task = shown.add_task(
            name, total=size, completed=first.position, rows=first.taken, refused=first.refused, rate=0.0
        )

        def tell(now: import_files.Progress) -> None:
            done = now.taken + now.refused - first.taken - first.refused
            rate = done / max(stopwatch() - began, 1e-6)
            shown.update(task, completed=now.position, rows=now.taken, refused=now.refused, rate=rate)

        yield tell
