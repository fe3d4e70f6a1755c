"""The inbox shows the messages of every channel, each with all that it holds."""

from __future__ import annotations

import re
from html import unescape
from uuid import UUID

import pytest
from api_client import NOW, Api

from headrace.channels.mailbox import InboxMessage
from headrace.channels.port import (
    Attachment,
    Envelope,
    Passage,
    PushButton,
    PushDevice,
    PushEnvelope,
    SmsEnvelope,
    WebhookEnvelope,
    WhatsAppEnvelope,
)
from headrace.engine.mailbox import DatabaseMailbox

PROFILE = "01GDDKASAP8TKDDA2GRZDSVP4H"


def passage(api: Api) -> Passage:
    """Return whose message it is."""
    return Passage(UUID(int=5), api.account.account_id, PROFILE, "MSG001", "FLOW01", NOW)


def push(to: Passage) -> PushEnvelope:
    """Return a push message with everything."""
    return PushEnvelope(
        to,
        (PushDevice("t1", "ios", "apns"), PushDevice("t2", "android", "fcm")),
        "Hi <you>",
        "there",
        sound=True,
        badge=0,
        media=Attachment(url="https://x.test/1.png"),
        on_open="link",
        links=(("ios_link", "shop://1"),),
        data=(("order", "17"),),
        buttons=(PushButton("Open", "open_app"),),
    )


async def shown(api: Api, channel: str, envelope: Envelope) -> tuple[list[str], str]:
    """Keep a message; return the cells of the list's only row, and the text of the message's own page."""
    await DatabaseMailbox(api.services.database).store([InboxMessage(channel, envelope)])
    made = await api.post("/headrace/inbox-links", None)
    listed = await api.http.get(made.json()["data"]["attributes"]["url"], follow_redirects=True)
    page = (await api.http.get(f"/inbox/{UUID(int=5)}")).text
    cells = [unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall("<td>(.*?)</td>", listed.text)]
    return cells[1:], unescape(re.sub("<[^>]*>", " ", page[page.index("<table>") :]))


async def test_a_push_is_shown_with_its_devices_and_buttons(api: Api) -> None:
    """The list tells the title, the page everything else; a badge of 0 is one."""
    cells, page = await shown(api, "push", push(passage(api)))
    assert ["push-notification", "t1", "Hi <you>"] == cells
    words, pieces = (
        " ".join(page.split()),
        (
            "Devices ios (apns) t1 android (fcm) t2",
            "Sound yes",
            "Image https://x.test/1.png",
            "On open link",
            "ios_link shop://1",
            'Data { "order": "17" }',
            'Buttons { "label": "Open", "action": "open_app" }',
            "Badge 0",
            "Text there",
        ),
    )
    assert [] == [piece for piece in pieces if piece not in words]


@pytest.mark.parametrize(
    ("channel", "rest", "cells", "words"),
    [
        (
            "webhook",
            ("https://hooks.test/", (("X-Who", "<me>"),), '{"a":{"b":1}}'),
            ["webhook", "https://hooks.test/", '{"a":{"b":1}}'],
            'X-Who <me> Body { "a": { "b": 1 } }',
        ),
        (
            "whatsapp",
            ("+15555550100", "v-1", "order", {"event": {"order": 17}}),
            ["whatsapp", "+15555550100", "order"],
            'Template v-1 Variables { "event": { "order": 17 } }',
        ),
        (
            "sms",
            ("+15555550100", "Hi", 1, Attachment(asset_id="9", film=True), True),
            ["sms", "+15555550100", "Hi"],
            "Video 9 Contact card yes Text Hi",
        ),
    ],
)
async def test_other_channels_show_what_they_hold(
    api: Api, channel: str, rest: tuple[object, ...], cells: list[str], words: str
) -> None:
    """Headers of the request, values for the template, what goes along."""
    kinds = {"webhook": WebhookEnvelope, "whatsapp": WhatsAppEnvelope, "sms": SmsEnvelope}
    found, page = await shown(api, channel, kinds[channel](passage(api), *rest))  # type: ignore[arg-type]
    assert cells == found
    assert words in " ".join(page.split())
