"""`headrace inbox`: a link that opens the page of sent messages once."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.api.commands.inbox import InboxLink, inbox_link
from headrace.cli.accounts import Json
from headrace.cli.engine import make_signer, public_url
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json
from headrace.cli.runtime import the_account, with_database
from headrace.clock import SystemClock
from headrace.config import Config
from headrace.ids import RandomIds
from headrace.storage.database import Database


def inbox(
    account: AccountOption = None,
    url: Annotated[str | None, typer.Option(help="Where the API is reached, if not where the settings say.")] = None,
    as_json: Json = False,
) -> None:
    """Print a link to the inbox; it opens once, within a quarter of an hour."""
    config, ids = Config.from_environment(), RandomIds()

    async def task(database: Database) -> InboxLink:
        owner = await the_account(database, account)
        base = (url or public_url(config)).rstrip("/")
        return await inbox_link(database, make_signer(config, ids), ids, SystemClock(), owner.account_id, base)

    link = with_database(task, config)
    if as_json:
        print_json({"url": link.url, "expires_at": link.expires_at})
    else:
        print(link.url)
