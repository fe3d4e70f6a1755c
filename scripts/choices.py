"""Collect every `Our choice:` of the code's docstrings and comments into docs/reference/choices.md.

`python scripts/choices.py` writes the page; `--check` only says whether it is current.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "choices.md"
HEAD = """# Our choices

Where the documents that Headrace follows are silent, it had to choose. Each choice stands in the docstring of the code
that carries it out; this page is made from them by `make docs`.
"""
STARTS = re.compile(r"Our choice:\s*(.+?)(?=\n\s*\n|\s(?:Source|Our choice):|\Z)", re.DOTALL)


def choices(path: Path) -> Iterator[str]:
    """Yield the choices in a module's docstrings, in order."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for found in STARTS.finditer(node.value.value):
                yield " ".join(found.group(1).split())


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    for path in sorted((ROOT / "src").rglob("*.py")):
        found = list(choices(path))
        if found:
            lines.append(f"## {path.relative_to(ROOT / 'src' / 'headrace').as_posix()}\n")
            lines += [f"- {choice[0].upper()}{choice[1:]}" for choice in found]
            lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write the page, or check it."""
    current = PAGE.read_text() if PAGE.exists() else ""
    if "--check" in sys.argv:
        sys.exit(0 if current == page() else "docs/reference/choices.md is not current; run `make docs`")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
