"""The preference page: what somebody gets, by channel and list, and changing it. Plain HTML, no scripts.

What is here: the page, and saving it. What is not: the routes (`tracking`), and unsubscribing by one button
(`unsubscribing`). Follows reference 4.4 and 5.2.

Our choice: unticking e-mail unsubscribes from all of it; ticking it, or a list, subscribes without another mail, as the
link came to the person's own address. Somebody who was never asked gets e-mail, and is shown as ticked; saving that as
it is changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from starlette.responses import Response

from headrace.api.pages import notice, page
from headrace.api.state import Services
from headrace.api.unsubscribing import BY_PAGE, Reader, people_of, reader_of
from headrace.engine.opt_in_mail import sender_name
from headrace.messages.tokens import Payload
from headrace.model import Channel
from headrace.storage.consenting import (
    UPDATED_PREFERENCES,
    Source,
    make_room,
    record_consents,
    subscribe_to_list,
    unsubscribe_from_list,
)
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED, ConsentChange
from headrace.storage.database import Connection
from headrace.storage.own_events import OwnEvent, Room, write_own_events
from headrace.storage.preferences import MOST_LISTS, ListChoice, Preferences, load_preferences
from headrace.storage.profile_rows import keep

CHANNELS = {"email": Channel.EMAIL, "sms": Channel.SMS, "whatsapp": Channel.WHATSAPP}
NAMES = {"email": "E-mail", "sms": "Text messages", "whatsapp": "WhatsApp messages"}
NOTHING = "none"
"""The button that ends everything."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was sent: the channels and lists that are ticked, those that were shown, and whether all is to end."""

    channels: frozenset[str]
    lists: frozenset[str]
    shown: frozenset[str]
    nothing: bool = False

    @classmethod
    def of(cls, form: Mapping[str, Sequence[str]]) -> Answers:
        """Return the answers in a form: names and all their values."""
        channels = frozenset(form.get("channel", ())) & CHANNELS.keys()
        return cls(channels, frozenset(form.get("list", ())), frozenset(form.get("shown", ())), NOTHING in form)


async def show(services: Services, payload: Payload) -> Response:
    """Show somebody's preferences."""
    reader = await reader_of(services, payload)
    found = await load_preferences(services.database, payload.account_id, reader.profile_id) if reader else None
    if reader is None or found is None:
        return _gone()
    return page(f"Your preferences at {sender_name(reader.account)}", _form(found))


async def save(services: Services, payload: Payload, answers: Answers) -> Response:
    """Save what was sent, with its events; each change once."""
    async for reader in people_of(services, payload):
        saved = await _save(services, reader, answers)
        if saved is not None:
            return saved
    return _gone()


async def _save(services: Services, reader: Reader, answers: Answers) -> Response | None:
    count = 2 * (len(CHANNELS) + MOST_LISTS)
    room = await make_room(services.own_events, reader.account.account_id, count, [reader.now])
    async with services.database.transaction() as transaction:
        await keep(transaction, reader.account.account_id, [reader.profile_id])
        known = await load_preferences(transaction, reader.account.account_id, reader.profile_id)
        if known is None:
            return None
        changed = await _write(transaction, room, reader, known, answers)
        if changed:
            told = {"Method": BY_PAGE, "Changes": changed}
            event = OwnEvent(reader.profile_id, UPDATED_PREFERENCES, reader.now, told)
            await write_own_events(transaction, room, [event], reader.now)
        after = await load_preferences(transaction, reader.account.account_id, reader.profile_id)
    words = "Your preferences are saved." if changed else "Nothing was changed."
    form = _form(after or known)
    return page(f"Your preferences at {sender_name(reader.account)}", f'<p role="status">{words}</p>{form}')


async def _write(
    transaction: Connection, room: Room, reader: Reader, known: Preferences, answers: Answers
) -> list[str]:
    """Write what differs and return it in words."""
    changes = [
        ConsentChange(reader.profile_id, CHANNELS[name], SUBSCRIBED if wanted else UNSUBSCRIBED, reader.now, BY_PAGE)
        for name, is_on in _channels(known).items()
        if (wanted := name in answers.channels and not answers.nothing) != is_on
    ]
    names = {channel: NAMES[name] for name, channel in CHANNELS.items()}
    done = await record_consents(transaction, room, changes, reader.now)
    told = [f"{names[Channel(one.change.channel)]}: {one.change.subscription.lower()}" for one in done]
    for choice in () if answers.nothing else known.lists:
        wanted = choice.list_id in answers.lists
        if choice.list_id in answers.shown and wanted != choice.on_it:
            change = subscribe_to_list if wanted else unsubscribe_from_list
            await change(transaction, room, choice.list_id, [reader.profile_id], reader.now, Source(BY_PAGE))
            told.append(f"{choice.name}: {(SUBSCRIBED if wanted else UNSUBSCRIBED).lower()}")
    return told


def _channels(known: Preferences) -> dict[str, bool]:
    """Return the channels that concern the person, and whether they get messages there."""
    has = {"email": known.email, "sms": known.phone_number, "whatsapp": known.phone_number}
    shown = {}
    for name, channel in CHANNELS.items():
        standing = known.subscriptions[channel]
        if has[name] and (standing is not None or name != "whatsapp"):
            shown[name] = standing != UNSUBSCRIBED if name == "email" else standing == SUBSCRIBED
    return shown


# --- the form -----------------------------------------------------------------------------------------------------


def _form(known: Preferences) -> str:
    reached = {"email": known.email, "sms": known.phone_number, "whatsapp": known.phone_number}
    channels = "".join(
        _box("channel", name, f"{NAMES[name]} to {reached[name]}", is_on) for name, is_on in _channels(known).items()
    )
    lists = _fieldset("Lists", "".join(_list_box(one) for one in known.lists)) if known.lists else ""
    return (
        f'<form method="post">{_fieldset("What may we send you?", channels)}{lists}'
        '<p><button name="save" value="yes">Save changes</button></p>'
        f'<p><button name="{NOTHING}" value="yes">Unsubscribe from everything</button></p></form>'
    )


def _fieldset(legend: str, boxes: str) -> str:
    return f"<fieldset><legend>{escape(legend)}</legend>{boxes}</fieldset>"


def _list_box(choice: ListChoice) -> str:
    shown = f'<input type="hidden" name="shown" value="{escape(choice.list_id)}">'
    return shown + _box("list", choice.list_id, choice.name, choice.on_it)


def _box(name: str, value: str, words: str, is_on: bool) -> str:
    checked = " checked" if is_on else ""
    return (
        f'<p><label><input type="checkbox" name="{name}" value="{escape(value)}"{checked}> {escape(words)}</label></p>'
    )


def _gone() -> Response:
    return notice("There is nothing to choose", "We do not have your address any more, so you get nothing.", 404)
