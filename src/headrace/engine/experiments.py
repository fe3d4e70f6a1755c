"""Experiments: measuring the variations of running ones, and ending those that have a winner.

What is here: the sweep over all experiments, and what they look like now. What is not: what an action's document says
(`trials`), the arithmetic (`headrace.reports.experiments`). Source: reference 2.4.

An experiment that ends makes its winner the main action, for everybody later. Our choice: the main action keeps its own
ids and takes the winner's contents, so that its message goes on under one name in reports.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from headrace.engine.core import Core
from headrace.engine.faults import LOST
from headrace.engine.trials import COUNTED, End, Trial, completed
from headrace.errors import NotFound
from headrace.flows.actions.base import RUNNING
from headrace.flows.edit import action_in
from headrace.reports.experiments import Arm, Verdict, verdict
from headrace.storage import experiments, flow_edits
from headrace.storage.account_clocks import load_accounts
from headrace.storage.database import Connection, Database, Row
from headrace.storage.experiments import Brought
from headrace.storage.flow_rows import lock_flow

log = logging.getLogger(__name__)


# --- the sweep ----------------------------------------------------------------------------------------------------


async def settle_experiments(core: Core, account_ids: Collection[str] | None = None) -> int:
    """Measure every running experiment, of all accounts or of some, and end those that are over; return how many ended.

    One that cannot be settled is logged and holds up no other; what the database raises when it is away is raised. Any
    number of workers may do this at once.
    """
    rows = [row for row in await experiments.swept(core.database, account_ids) if row["experiment_id"] or _is_on(row)]
    accounts = await load_accounts(core.database, {row["account_id"] for row in rows}) if rows else {}
    ended = 0
    for row in rows:
        try:
            ended += await _settle(core, row, accounts[row["account_id"]].now(core.clock))
        except LOST:
            raise
        except Exception:
            log.exception(
                "the experiment of action %s of flow %s could not be settled", row["action_id"], row["flow_id"]
            )
    return ended


async def next_end(database: Database | Connection, account_id: str, after: datetime) -> datetime | None:
    """Return when the next running experiment of an account ends by its date after a moment, None when none does.

    For clocks that are moved: who is due later than that gets the winner.
    """
    rows = await experiments.swept(database, [account_id])
    dates = [Trial.of(row["definition"]).ends_at for row in rows if _is_on(row)]
    return min((date for date in dates if date is not None and date > after), default=None)


def _is_on(row: Row) -> bool:
    return row["flow_status"] in RUNNING and Trial.of(row["definition"]).is_on


async def _settle(core: Core, row: Row, now: datetime) -> bool:
    trial = Trial.of(row["definition"])
    if row["experiment_id"] is None:
        async with core.database.transaction() as transaction:
            await experiments.begin(transaction, row, trial.experiment_id, now)
        return False
    figures = await measure(core.database, row)
    over = trial.ended_by_hand(row) or trial.ended_by_itself(figures["significant"], now)
    if over is not None:
        return await _end(core, row, over, now)
    if figures != row["figures"]:
        async with core.database.transaction() as transaction:
            await experiments.save_figures(transaction, row, figures)
    return False


async def _end(core: Core, row: Row, over: End, now: datetime) -> bool:
    """End an experiment and, where the end asks for it, make its leader the main action, in one transaction.

    The flow is read again under its lock: what somebody saved meanwhile is judged by the next sweep.
    """
    async with core.database.transaction() as transaction:
        if over.edits and not await _is_unchanged(transaction, row):
            return False
        if not await experiments.lock_open(transaction, row):
            return False
        figures = await measure(transaction, row)
        winner: str | None = figures["leader"] if over.edits else None
        if winner is not None:
            place = (transaction, row["account_id"], core.ids, row["action_id"])
            await flow_edits.update_action(*place, completed(row["definition"], winner), now)
        await experiments.end(transaction, row, figures, now, winner, over.reason)
    return True


async def _is_unchanged(transaction: Connection, row: Row) -> bool:
    try:
        stored = await lock_flow(transaction, row["account_id"], row["flow_id"])
        return action_in(stored.definition, row["action_id"]) == dict(row["definition"])
    except NotFound:
        return False


# --- figures ------------------------------------------------------------------------------------------------------


async def measure(database: Database | Connection, row: Row) -> Mapping[str, Any]:
    """Return the figures of a row's open experiment: what its variations brought so far, and what that says.

    Figures that still hold are returned as they are, without judging them again, and so are those of an experiment that
    the action no longer holds.
    """
    trial = Trial.of(row["definition"])
    if row["experiment_id"] != trial.experiment_id or not trial.variations:
        return row["figures"] or {}
    ids = list(trial.variations)
    brought = await experiments.brought_by(database, row["account_id"], row["flow_id"], ids)
    counts = [_counts(one, brought[one]) for one in ids]
    if _still_hold(row["figures"], trial.metric, counts):
        known: Mapping[str, Any] = row["figures"]
        return known
    arms = [Arm(one, brought[one].recipients, _successes(brought[one], trial.metric)) for one in ids]
    return _figures(trial.metric, counts, arms, verdict(arms))


def _counts(variation: str, brought: Brought) -> dict[str, Any]:
    return {
        "id": variation,
        "recipients": brought.recipients,
        "unique_opens": brought.opens,
        "unique_clicks": brought.clicks,
        "unique_placed_orders": brought.orders,
    }


def _still_hold(figures: Mapping[str, Any], metric: str, counts: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether stored figures are of this metric and of these very counts."""
    stored = figures.get("variations", ())
    if figures.get("metric") != metric or len(stored) != len(counts):
        return False
    return all(
        known.get(name) == value for known, one in zip(stored, counts, strict=True) for name, value in one.items()
    )


def _successes(brought: Brought, metric: str) -> int:
    counted = COUNTED.get(metric)
    return min(getattr(brought, counted), brought.recipients) if counted else 0


def _figures(metric: str, counts: Sequence[Mapping[str, Any]], arms: Sequence[Arm], judged: Verdict) -> dict[str, Any]:
    """Return the figures as they are stored and shown; rates and probabilities are fractions 0-1."""
    return {
        "metric": metric,
        "leader": judged.leader,
        "significant": judged.significant,
        "overlap": round(judged.overlap, 6),
        "variations": [
            {
                **one,
                "rate": round(arm.rate, 6),
                "win_probability": round(chance, 6),
                "interval": [round(end, 6) for end in interval],
            }
            for one, arm, chance, interval in zip(counts, arms, judged.probabilities, judged.intervals, strict=True)
        ],
    }


async def show_experiments(database: Database, account_id: str, flow_id: str) -> list[dict[str, Any]]:
    """Return a flow's experiments as they stand now: those that run with figures of this moment."""
    shown = []
    for row in await experiments.experiments_of(database, account_id, flow_id):
        figures = row["figures"] if row["ended_at"] else await measure(database, row)
        shown.append(
            {
                "action_id": str(row["action_id"]),
                "experiment_id": row["experiment_id"],
                "state": "ended" if row["ended_at"] else "live",
                "began_at": row["began_at"],
                "ended_at": row["ended_at"],
                "winner": row["winner"],
                "reason": row["reason"],
                "figures": figures,
            }
        )
    return shown
