"""Making a link that opens the inbox page once. Times are system time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from headrace.api.state import State
from headrace.clock import Clock
from headrace.ids import IdSource
from headrace.jsonapi.operation import Call
from headrace.messages.links import page_url
from headrace.messages.tokens import Signer
from headrace.storage.database import Database
from headrace.storage.one_time_links import keep_link

PURPOSE = "inbox"
GOOD_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class InboxLink:
    """A link that opens the inbox page once, until `expires_at`."""

    url: str
    expires_at: datetime


async def inbox_link(
    database: Database, signer: Signer, ids: IdSource, clock: Clock, account_id: str, base_url: str
) -> InboxLink:
    """Make a link to the inbox page of an account; `base_url` is where the API is reached, without a slash at the end.

    Our choice: good for a quarter of an hour.
    """
    now = clock.now()
    expires_at = (now + GOOD_FOR).replace(microsecond=0)
    url = page_url(signer, base_url, account_id, UUID(ids.uuid()), int(expires_at.timestamp()))
    async with database.transaction() as transaction:
        await keep_link(transaction, account_id, url.rpartition("/")[2], PURPOSE, expires_at, now)
    return InboxLink(url, expires_at)


async def create_link(call: Call[State, None]) -> dict[str, Any]:
    """Make a link for the caller's account and return its document."""
    state = call.ctx.state
    services = state.services
    link = await inbox_link(
        state.database,
        services.signer,
        services.ids,
        services.system_clock,
        state.account_id,
        call.ctx.links.base_url,
    )
    attributes = {"url": link.url, "expires_at": link.expires_at}
    return {"data": {"type": "inbox-link", "id": services.ids.uuid(), "attributes": attributes}}
