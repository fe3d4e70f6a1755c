"""Write docs/reference/daylight-saving.md: the rules of local times, and every case of the published suite.

`python scripts/dst_page.py` writes the page; `--check` only says whether it is current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SUITE = ROOT / "tests" / "unit" / "flows" / "dst_suite.yaml"
PAGE = ROOT / "docs" / "reference" / "daylight-saving.md"
COLUMNS = {
    "delay": "begins (UTC)",
    "countdown": "before the date",
    "target": "the date",
    "enter": "date, and after when (UTC)",
    "quiet": "asked at (UTC)",
}
HEAD = """# Daylight saving, odd zones and the calendar

A flow waits by local clocks: until nine in the morning where the person is, two weeks before a birthday, through the
night while text messages are held. Clocks jump, zones change their rules, and February has 29 days now and then. This
page says what happens then. Its tables are made by `make docs` from `tests/unit/flows/dst_suite.yaml`, whose expected
moments were worked out from the zones' rules by hand; `tests/unit/flows/test_dst_suite.py` asks Headrace each of them.

## The rules

1. **Elapsed time is elapsed time.** Minutes and hours, and days without a time of day (24 hours each), take no notice
   of clocks: "1 day" over a change of clocks ends an hour off on the clock.
2. **Times of day are local.** "2 days until 09:00" counts two days on the local calendar and ends at nine there. The
   zone is the delay's own, else the person's, else the account's.
3. **A time that does not exist** (the clock jumps over it) becomes the first moment after the gap. A whole day that
   does not exist becomes the midnight after it.
4. **A time that comes twice** is its first occurrence. Who arrives between the two waits for the next day's.
5. **Weekdays** that are not allowed move a wait on, day by day, at the same local time. The weekday is that of the
   moment found, so a time that a gap moved into the next day counts as that day.
6. **Before a date**, a countdown or an entry moves on in the same way, but never past the date; where that leaves no
   day, it is the last allowed one before.
7. **A month before** a day that the shorter month lacks is that month's last day. Dates that recur monthly on the 29th
   to 31st fall on the last day of shorter months, and 29 February falls on the 28th in common years.
8. **A wait never ends before it began**, and it always ends on an allowed weekday.

Zones and their history come from the IANA time zone database, by Python's `zoneinfo`.
"""


def page() -> str:
    """Return the whole page."""
    groups = yaml.load(SUITE.read_text(), yaml.BaseLoader)  # noqa: S506 - makes nothing but text, dates included
    count = sum(len(group["cases"]) for group in groups)
    return "\n".join([HEAD, f"## The {count} cases\n", *(line for group in groups for line in _section(group))])


def _section(group: dict[str, Any]) -> Iterator[str]:
    kind = group["cases"][0][0].split()[0]
    yield f"### {group['title']}\n"
    yield f"{group['text'].strip()}\n"
    yield f"| what | zone | {COLUMNS[kind]} | ends (UTC) | on the local clock |"
    yield "|---|---|---|---|---|"
    for case in group["cases"]:
        yield f"| {' | '.join(cell or '-' for cell in case)} |"
    yield ""


def main() -> None:
    """Write the page, or check it."""
    if "--check" in sys.argv:
        current = PAGE.read_text() if PAGE.exists() else ""
        sys.exit(0 if current == page() else "docs/reference/daylight-saving.md is not current; run `make docs`")
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
