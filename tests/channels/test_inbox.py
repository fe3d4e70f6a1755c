"""The inbox providers keep every message, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from headrace.channels import alert, email, push, sms, webhook, whatsapp
from headrace.channels.inbox import InboxProvider
from headrace.channels.mailbox import InboxMessage, Mailbox, MemoryMailbox
from headrace.channels.port import (
    EmailEnvelope,
    Envelope,
    Passage,
    PushDevice,
    PushEnvelope,
    Sent,
    SmsEnvelope,
    WebhookEnvelope,
    WhatsAppEnvelope,
)

PASSAGE = Passage(
    UUID(int=5), "AbC123", "01GDDKASAP8TKDDA2GRZDSVP4H", "MsG001", "FlOw01", datetime(2026, 3, 18, tzinfo=UTC)
)


async def test_an_email_is_kept_once() -> None:
    """Sending a delivery again keeps the first message, so a retry is safe."""
    mailbox = MemoryMailbox()
    provider = email.PROVIDERS["inbox"](mailbox, None)
    first = EmailEnvelope(PASSAGE, "a@example.com", "One", "", "x", "s@example.com")
    again = EmailEnvelope(PASSAGE, "a@example.com", "Two", "", "x", "s@example.com")
    results = [*await provider.send_many([first]), *await provider.send_many([again])]

    assert [Sent(str(UUID(int=5)))] * 2 == results
    assert [InboxMessage("email", first)] == mailbox.messages
    assert provider.honors_idempotency_key


async def test_a_text_message_is_kept_under_its_channel() -> None:
    """SMS and e-mail share the mailbox."""
    mailbox = MemoryMailbox()
    message = SmsEnvelope(PASSAGE, "+15555550100", "Hi")
    await sms.PROVIDERS["inbox"](mailbox, None).send_many([message])
    assert [InboxMessage("sms", message)] == mailbox.messages


@pytest.mark.parametrize(
    ("provider", "channel", "envelope"),
    [
        (push.push_inbox, "push", PushEnvelope(PASSAGE, (PushDevice("t", "ios", "apns"),), "Hi", "there")),
        (whatsapp.whatsapp_inbox, "whatsapp", WhatsAppEnvelope(PASSAGE, "+15555550100", "v-1", "order", {})),
        (alert.alert_inbox, "internal_alert", EmailEnvelope(PASSAGE, "a@x.com", "One", "", "x", "s@x.com")),
    ],
)
async def test_every_channel_is_kept_under_its_name(
    provider: Callable[[Mailbox], InboxProvider], channel: str, envelope: Envelope
) -> None:
    """All of what would have been sent is in the mailbox."""
    mailbox = MemoryMailbox()
    await provider(mailbox).send_many([envelope])
    assert [InboxMessage(channel, envelope)] == mailbox.messages


async def test_a_kept_webhook_counts_as_answered() -> None:
    """What waits for its answer gets an empty success."""
    mailbox = MemoryMailbox()
    message = WebhookEnvelope(PASSAGE, "https://hooks.shop.test/", (), "{}")
    results = await webhook.PROVIDERS["inbox"](mailbox).send_many([message])
    assert [Sent(str(UUID(int=5)), {"status": 200, "body": None, "error": None})] == results
    assert [InboxMessage("webhook", message)] == mailbox.messages


def test_the_tables_name_each_provider() -> None:
    """What settings may choose."""
    tables = (alert, email, push, sms, webhook, whatsapp)
    assert [
        ["inbox", "smtp"], ["inbox", "smtp"], ["inbox"], ["inbox"], ["http", "https", "inbox"], ["inbox"],
    ] == [sorted(one.PROVIDERS) for one in tables]  # fmt: skip
