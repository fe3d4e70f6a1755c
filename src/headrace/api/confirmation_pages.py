"""The page behind the mail of double opt-in: a button that confirms. Plain HTML, no scripts.

What is here: what the two requests answer. What is not: the routes (`tracking`), and what a confirmation changes
(`engine.opt_in`). Opening the link changes nothing, because scanners open links. Follows reference 4.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from starlette.responses import Response

from headrace.api.pages import notice, page
from headrace.api.state import Services
from headrace.api.unsubscribing import Reader, reader_of
from headrace.engine.opt_in import Confirmed, confirm
from headrace.engine.opt_in_mail import is_for, sender_name
from headrace.messages.tokens import Payload
from headrace.storage.opt_ins import current_email

BUTTON, PRESSED = "confirm", "yes"
"""What the button sends; nothing else confirms."""

_LIST = "SELECT name FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'list'"


async def ask(services: Services, payload: Payload) -> Response:
    """Show what is to be confirmed, and the button."""
    reader = await reader_of(services, payload)
    if reader is None:
        return _answer(Confirmed.UNKNOWN, "")
    if payload.expired(reader.now):
        return _answer(Confirmed.EXPIRED, "")
    if not await _is_for(services, reader, payload):
        return _answer(Confirmed.ELSEWHERE, "")
    what = escape(await _subject(services, reader, payload))
    return page(
        "Confirm your subscription",
        f"<p>Do you want to get {what}?</p>"
        f'<form method="post"><button name="{BUTTON}" value="{PRESSED}">Confirm the subscription</button></form>'
        "<p>If you did not ask for this, close the page: nothing happens.</p>",
    )


async def confirmed(services: Services, payload: Payload, form: Mapping[str, Sequence[str]]) -> Response:
    """Confirm, and say what came of it; a form that is not the button's is answered by the page once more."""
    if form.get(BUTTON) != [PRESSED]:
        return await ask(services, payload)
    reader = await reader_of(services, payload)
    if reader is None:
        return _answer(Confirmed.UNKNOWN, "")
    verdict = await confirm(services.database, services.own_events, payload, reader.profile_id, reader.now)
    return _answer(verdict, await _subject(services, reader, payload))


async def _is_for(services: Services, reader: Reader, payload: Payload) -> bool:
    """Return whether the link was sent to the address that the person has."""
    async with services.database.connection() as connection:
        return is_for(payload, await current_email(connection, payload.account_id, reader.profile_id))


async def _subject(services: Services, reader: Reader, payload: Payload) -> str:
    """Return what the subscription is to."""
    sender = sender_name(reader.account)
    name = await services.database.fetch_value(_LIST, payload.account_id, payload.message_id)
    return f"{name} from {sender}" if name else f"e-mail from {sender}"


def _answer(verdict: Confirmed, what: str) -> Response:
    match verdict:
        case Confirmed.NOW:
            return notice("You are subscribed", f"Thank you. From now on you get {what}.")
        case Confirmed.BEFORE:
            return notice("This was confirmed before", "Nothing was changed now.")
        case Confirmed.EXPIRED:
            return notice("This link has expired", "It was good for 30 days. Subscribe again to get a new one.", 410)
        case Confirmed.ELSEWHERE:
            words = "It was sent to an address that is not yours here any more. Subscribe again to get a new one."
            return notice("This link does not work any longer", words, 410)
        case Confirmed.UNKNOWN:
            return notice("This link does not work", "Nobody waits for this confirmation any more.", 404)
