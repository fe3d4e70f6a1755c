"""`headrace webhook`: the webhooks that are told of events, what they are still to be told, and telling them again.

What is not here: making them, which the API does, and webhooks of flows.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headrace.cli.accounts import Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_rows
from headrace.cli.runtime import the_account, with_database
from headrace.errors import CommandError
from headrace.ids import event_id
from headrace.storage.database import Database, Row
from headrace.storage.webhook_queue import count_queued, queued
from headrace.storage.webhooks import list_webhooks, switch_on

WebhookId = Annotated[str, typer.Argument(help="The id of a webhook, as `webhook list` shows it.")]
COLUMNS = ("id", "name", "endpoint_url", "enabled", "waiting", "failures", "failing_since", "next_call_at", "error")
WAITING = ("id", "topic", "profile_id", "occurred_at")


def list_(account: AccountOption = None, as_json: Json = False) -> None:
    """List webhooks with how many events they are still to be told, and what keeps them from it."""

    async def task(database: Database) -> list[dict[str, Any]]:
        owner = await the_account(database, account)
        rows = await list_webhooks(database, owner.account_id)
        return [_shown(row, await count_queued(database, owner.account_id, row["webhook_id"])) for row in rows]

    print_rows(with_database(task), COLUMNS, as_json=as_json)


def deliveries(
    webhook: WebhookId,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 50,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """List the events that a webhook is still to be told, the next one first."""

    async def task(database: Database) -> list[Row]:
        owner = await the_account(database, account)
        await _check(database, owner.account_id, webhook)
        return await queued(database, owner.account_id, webhook, limit)

    print_rows([_waiting(row) for row in with_database(task)], WAITING, as_json=as_json)


def retry(webhook: WebhookId, account: AccountOption = None) -> None:
    """Call a webhook again now instead of later; one that was switched off is switched on."""

    async def task(database: Database) -> None:
        owner = await the_account(database, account)
        if not await switch_on(database, owner.account_id, webhook):
            raise _unknown(owner.account_id, webhook)

    with_database(task)
    print(f"webhook {webhook} is called as soon as it has something to be told")


async def _check(database: Database, account_id: str, webhook_id: str) -> None:
    if webhook_id not in {row["webhook_id"] for row in await list_webhooks(database, account_id)}:
        raise _unknown(account_id, webhook_id)


def _unknown(account_id: str, webhook_id: str) -> CommandError:
    return CommandError(
        f"account {account_id} has no webhook {webhook_id!r}; `headrace webhook list` shows those it has"
    )


def _shown(row: Row, waiting: int) -> dict[str, Any]:
    return {
        "id": row["webhook_id"],
        "name": row["name"],
        "endpoint_url": row["endpoint_url"],
        "enabled": row["enabled"],
        "waiting": waiting,
        "failures": row["attempts"],
        "failing_since": row["failing_since"],
        "next_call_at": row["not_before"],
        "error": row["error"],
    }


def _waiting(row: Row) -> dict[str, Any]:
    return {
        "id": event_id(row["event_number"]),
        "topic": row["topic"],
        "profile_id": row["profile_id"],
        "occurred_at": row["occurred_at"],
    }
