"""The process that renders previews: one job after the other from standard input, until that ends.

What is here: its limits (memory, processor time, no files) and the way jobs and answers are written: four bytes of
length, then JSON. What is not: rendering (`preview`), and killing a process that takes too long (`preview_pool`).
Source: DESIGN section 8, "Template limits".
"""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from math import ceil
from typing import BinaryIO

import orjson

from headrace.messages import preview

MEMORY = 512 * 1024 * 1024
"""Bytes of address space."""
PROCESSOR_SECONDS = 10
"""For one job; the pool's own deadline is shorter, and this one holds if the pool has gone."""
OPEN_FILES = 1 << 20
"""The number of files below which those lie that the process was started with, none of which it needs."""
LENGTH = 4
OUT_OF_MEMORY = {"part": "html", "problem": f"it needs more than {MEMORY // (1024 * 1024)} MB of memory"}
"""The last answer of a process, which ends with it."""


def main() -> None:
    """Answer jobs until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the whole group; the end of input is the sign
    os.closerange(3, OPEN_FILES)  # such as the socket on which the server listens
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints may get between the answers
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    while (job := read(jobs)) is not None:
        _limit(resource.RLIMIT_CPU, ceil(_used()) + PROCESSOR_SECONDS)
        if not _answered(job, answers):
            return


def read(stream: BinaryIO) -> bytes | None:
    """Return the next message of a stream, None at its end."""
    head = stream.read(LENGTH)
    return stream.read(int.from_bytes(head)) if len(head) == LENGTH else None


def framed(message: bytes) -> bytes:
    """Return a message with its length in front."""
    return len(message).to_bytes(LENGTH) + message


def _answered(job: bytes, answers: BinaryIO) -> bool:
    """Write the answer to a job and return whether the process is fit for another."""
    try:
        written, fit = orjson.dumps(preview.answer(orjson.loads(job))), True
    except MemoryError:
        written, fit = orjson.dumps(OUT_OF_MEMORY), False
    answers.write(framed(written))
    answers.flush()
    return fit


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _limit(what: int, soft: int) -> None:
    """Set a soft limit; systems that do not know one go without."""
    with suppress(ValueError, OSError):
        resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))


if __name__ == "__main__":
    main()
