"""Files to import, and what comes of them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from commands import fetch_value

PEOPLE = "SELECT count(*) FROM profile"


def written(folder: Path, text: str | bytes, name: str = "people.csv") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(path: Path) -> list[tuple[str, str, str]]:
    """Return row, column and value of every line of a CSV error file."""
    rows = csv.DictReader(io.StringIO(path.with_name(f"{path.name}.errors.csv").read_text()))
    return [(row["error_row"], row["error_column"], row["error_value"]) for row in rows]


def rules(path: Path) -> list[str]:
    """Return the rules that an error file of a CSV file tells."""
    rows = csv.DictReader(io.StringIO(path.with_name(f"{path.name}.errors.csv").read_text()))
    return [row["error_rule"] for row in rows]


def profile(dsn: str, email: str) -> dict[str, Any]:
    """Return a profile by its address."""
    query = f"SELECT to_jsonb(p)::text FROM profile p WHERE email = '{email}'"
    found = fetch_value(dsn, query)
    assert found is not None, f"there is no {email}"
    return dict(json.loads(found))


def line(number: int, **changes: Any) -> str:
    """Return a line with an event in its shortest shape."""
    event = {
        "metric": "Placed Order",
        "profile": {"email": f"p{number % 10}@example.com"},
        "time": f"2026-07-01T10:{number // 60:02}:{number % 60:02}Z",
        "properties": {"number": number},
        "value": 9.5,
    }
    return json.dumps({**event, **changes})
