"""The tutorial's pages as their readers follow them: their blocks, and the two terminals in which they are typed.

What is here: reading the fenced blocks with what they are said to print, a shell that turns into Python where the page
starts it, and the terminal in which Headrace runs. What is not: which pages there are, and what is checked instead of
executed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
DONE = "--- the block is done:"
CONSOLE = f"""
import code, sys

class Console(code.InteractiveConsole):
    failed = False
    def showtraceback(self):
        super().showtraceback()
        self.failed = True
    def showsyntaxerror(self, *arguments, **options):
        super().showsyntaxerror(*arguments, **options)
        self.failed = True

console = Console()
for path in sys.stdin:
    more = False
    for line in open(path.rstrip("\\n"), encoding="utf-8"):
        more = console.push(line.rstrip("\\n"))
        if console.failed:
            break
    if more:
        console.push("")
    print("\\n{DONE}", int(console.failed), flush=True)
"""
"""Python as somebody has it who pastes the blocks into its prompt line by line."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where its code begins, its language, its code, and what it prints by the page."""

    place: str
    language: str
    code: str
    shown: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines of the code."""
        return self.code.splitlines()


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page in order; a block of text is what the one before it prints."""
    blocks: list[Block] = []
    fences = re.finditer(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    for fence in fences:
        line = page.read_text()[: fence.start(2)].count("\n") + 1
        block = Block(f"{page.name}, line {line}", fence[1], fence[2])
        if block.language == "text":
            before = blocks.pop()
            block = Block(before.place, before.language, before.code, block.code)
        blocks.append(block)
    return blocks


def agrees(shown: str, printed: str, port: int) -> bool:
    """Tell whether something was printed as shown: `...` is anything in a line, and as a line of its own any lines."""
    pattern = re.escape(_tidy(shown).replace(":8027", f":{port}"))
    pattern = pattern.replace("\\\n\\.\\.\\.", "(?s:.*)").replace("\\.\\.\\.", ".*")
    return re.fullmatch(pattern, _tidy(printed)) is not None


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


class Terminal:
    """A shell in the checkout, in which blocks run one after the other, each seeing what the former ones left."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._errors = (folder / "errors").open("w+")
        self._python = False
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._type("set -e -o pipefail")

    def start_python(self) -> None:
        """Let the shell become Python, with what was exported in it."""
        console = self._folder / "console.py"
        console.write_text(CONSOLE)
        self._type(f"exec python -u '{console}'")
        self._python = True

    def run(self, block: Block) -> str:
        """Run a block and return what it printed; fails with its place and complaint when it fails."""
        assert ("python" if self._python else "sh") == block.language, f"{block.place}: wrong place for its language"
        file = self._folder / "block"
        file.write_text(block.code)
        self._type(str(file) if self._python else f"source '{file}' < /dev/null; printf '\\n{DONE} 0\\n'")
        printed, ending = "", ""
        for line in _stream(self._process.stdout):
            if line.startswith(DONE):
                ending = line
                break
            printed += line
        assert ending == f"{DONE} 0\n", f"{block.place} failed.\n{block.code}{printed}{self._complaints()}"
        return printed

    def close(self) -> None:
        """End the shell."""
        _stream(self._process.stdin).close()
        self._process.kill()
        self._process.wait()
        _stream(self._process.stdout).close()
        self._errors.close()

    def _type(self, line: str) -> None:
        stdin = _stream(self._process.stdin)
        stdin.write(line + "\n")
        stdin.flush()

    def _complaints(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-3000:]


@contextmanager
def started(block: Block, environment: Mapping[str, str], port: int, log: Path) -> Iterator[None]:
    """Start Headrace by the last line of a block, and end it in order by its own number."""
    *before, last = [line for line in block.lines if line != "make setup"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-c", "\n".join(["set -e", *before, f"exec {last}"])],
            cwd=ROOT,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        printed = ""
        while not agrees(block.shown, printed, port):
            line = _stream(process.stdout).readline()
            assert line, f"{block.place}: Headrace did not start.\n{printed}{log.read_text()[-3000:]}"
            printed += line
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
        _stream(process.stdout).close()
    assert process.returncode == 0


def environment_of(variables: Mapping[str, str], data_dir: Path, port: int) -> dict[str, str]:
    """Return a newcomer's environment: this Python's commands at hand, no settings, no proxies."""
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith("HEADRACE_") and not name.lower().endswith("_proxy")
    }
    path = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "HEADRACE_DATA_DIR": str(data_dir), "HEADRACE_PORT": str(port)}


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
