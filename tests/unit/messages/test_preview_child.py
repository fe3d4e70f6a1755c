"""The process that renders previews has nothing of the one that started it but its jobs."""

from __future__ import annotations

import os
import subprocess
import sys

import orjson

from headrace.messages.preview_child import framed, read
from headrace.messages.preview_pool import CHILD, NOTHING


def test_it_keeps_no_file_of_its_parent_open() -> None:
    """Neither does a port stay taken while a template is rendered for a server that is gone, nor can one be read."""
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(writing,)
    )
    os.close(writing)
    os.set_blocking(reading, False)
    assert child.stdin is not None
    assert child.stdout is not None
    with child, os.fdopen(reading, "rb") as inherited:
        child.stdin.write(framed(orjson.dumps(NOTHING)))
        child.stdin.flush()
        answer = read(child.stdout)
        still_open = inherited.read() is None
        child.stdin.close()
    assert answer is not None
    assert not still_open
