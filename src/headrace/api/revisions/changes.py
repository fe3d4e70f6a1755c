"""One row per revision that differs from the one before it, oldest first."""

from __future__ import annotations

from headrace.api.revisions import (
    Change,
    r2024_07_15,
    r2024_10_15,
    r2025_01_15,
    r2025_07_15,
    r2025_10_15,
    r2026_01_15,
    r2026_04_15,
    r2026_07_15,
    r2026_10_15,
)

CHANGES: tuple[Change, ...] = (
    r2024_07_15.CHANGE,
    r2024_10_15.CHANGE,
    r2025_01_15.CHANGE,
    r2025_07_15.CHANGE,
    r2025_10_15.CHANGE,
    r2026_01_15.CHANGE,
    r2026_04_15.CHANGE,
    r2026_07_15.CHANGE,
    r2026_10_15.CHANGE,
)
