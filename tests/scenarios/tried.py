"""Experiments in scenarios: what variations are said to have brought, and how their trials stand.

What is not here: what may happen else (`happenings`) and what else comes of it (`outcomes`), where the forms of both
are described.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from scenario import Scenario

from headrace.engine.experiments import show_experiments

_BROUGHT = """
INSERT INTO message_delta (account_id, slot, flow_id, message_id, variation, format, channel, delivered, opens_unique,
                           clicks_unique)
VALUES ($1, $2, $3, 'm', $4, '', 1, $5, $6, $7)
"""
_ORDERED = """
INSERT INTO conversion_delta (account_id, slot, flow_id, message_id, variation, format, channel, metric_id,
                              conversions, conversion_uniques, value_millionths)
VALUES ($1, $2, $3, 'm', $4, '', 1, $5, $6, $6, 0)
"""
_GIVEN = "SELECT profile_id, action_id, variation FROM delivery WHERE variation <> ''"


async def bring(scenario: Scenario, brought: Mapping[str, Mapping[str, int]]) -> None:
    """Let variations, named by their temporary ids, have brought figures to the first flow."""
    shop, now = scenario.shop, await scenario.shop.now()
    slot = now.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    async with shop.database.transaction() as transaction:
        for name, figures in brought.items():
            place = (shop.account.account_id, slot, scenario.flow_id, shop.variations[name])
            counts = [figures.get(one, 0) for one in ("delivered", "opens", "clicks")]
            await transaction.execute(_BROUGHT, *place, *counts)
            if "orders" in figures:
                await transaction.execute(_ORDERED, *place, await shop.metric("Placed Order"), figures["orders"])


async def trials(scenario: Scenario) -> list[str]:
    """Return of each experiment of the first flow `test live`, or `test ended significant: winner`."""
    names = {str(action_id): name for name, action_id in scenario.actions.items()}
    variations = {given: name for name, given in scenario.shop.variations.items()}
    found = []
    for one in await show_experiments(scenario.shop.database, scenario.shop.account.account_id, scenario.flow_id):
        winner = f": {variations[one['winner']]}" if one["winner"] else ""
        reason = f" {one['reason']}" if one["reason"] else ""
        found.append(f"{names[one['action_id']]} {one['state']}{reason}{winner}")
    return sorted(found)


async def given(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """Return for each experiment which variations people got, and how many different ones somebody got at most."""
    actions = {action_id: name for name, action_id in scenario.actions.items()}
    variations = {one: name for name, one in scenario.shop.variations.items()}
    got: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in await scenario.shop.database.fetch(_GIVEN):
        got[actions[row["action_id"]]][row["profile_id"]].add(variations[row["variation"]])
    return {
        name: {"used": sorted(set().union(*people.values())), "each": max(map(len, people.values()))}
        for name, people in got.items()
    }
