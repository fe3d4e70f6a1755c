"""Metrics: the names of the kinds of events, found or made by name."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.clock import Clock
from headrace.ids import IdSource
from headrace.storage.database import Database

API = "API"
"""The integration of metrics that came in over the API. Source: reference 5.2."""
OWN = "Klaviyo"
"""The integration of message metrics, named as compatible clients expect. Source: reference 5.2."""

_FIND = """
SELECT name, metric_id FROM metric
WHERE account_id = $1 AND integration_name = $2 AND name = ANY($3)
"""

_MAKE = """
INSERT INTO metric (metric_id, account_id, name, integration_name, integration_category, created_at, updated_at)
SELECT id, $1, name, $2, $3, $6, $6 FROM unnest($4::text[], $5::text[]) AS made (id, name)
ON CONFLICT DO NOTHING
"""


class Metrics:
    """Looks metrics up by name and makes the missing ones; remembers what it has seen, for ids never change."""

    __slots__ = ("_clock", "_database", "_ids", "_known")

    def __init__(self, database: Database, clock: Clock, ids: IdSource) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._known: dict[tuple[str, str, str], str] = {}

    async def ids(self, account_id: str, names: Iterable[str], integration: str = API) -> dict[str, str]:
        """Return name -> metric id for every name, making the metrics that the account lacks."""
        wanted = set(names)
        missing = [name for name in wanted if (account_id, integration, name) not in self._known]
        if missing:
            await self._find(account_id, integration, missing)
        still = sorted(name for name in missing if (account_id, integration, name) not in self._known)
        if still:
            await self._make(account_id, integration, still)
        return {name: self._known[account_id, integration, name] for name in wanted}

    def at_hand(self, account_id: str, integration: str, name: str) -> str | None:
        """Return the id of a metric that was seen before, None where it must be looked up."""
        return self._known.get((account_id, integration, name))

    async def known(self, account_id: str, names: Iterable[str], integration: str = API) -> dict[str, str]:
        """Return name -> metric id for those names of which the account has a metric, and make none."""
        wanted = set(names)
        missing = [name for name in wanted if (account_id, integration, name) not in self._known]
        if missing:
            await self._find(account_id, integration, missing)
        known = self._known
        return {name: known[key] for name in wanted if (key := (account_id, integration, name)) in known}

    async def _find(self, account_id: str, integration: str, names: list[str]) -> None:
        async with self._database.errand() as errand:
            rows = await errand.fetch(_FIND, account_id, integration, names)
        for row in rows:
            self._known[account_id, integration, row["name"]] = row["metric_id"]

    async def _make(self, account_id: str, integration: str, names: list[str]) -> None:
        missing = names
        while missing:
            ids = [self._ids.short() for _ in missing]
            now = self._clock.now()
            async with self._database.errand() as errand:
                await errand.execute(_MAKE, account_id, integration, integration, ids, missing, now)
            await self._find(account_id, integration, missing)
            missing = [name for name in missing if (account_id, integration, name) not in self._known]
