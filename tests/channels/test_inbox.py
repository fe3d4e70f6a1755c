"""The inbox providers keep every message, once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from headrace.channels import email, sms
from headrace.channels.mailbox import InboxMessage, MemoryMailbox
from headrace.channels.port import EmailEnvelope, Passage, Sent, SmsEnvelope

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


def test_the_tables_name_each_provider() -> None:
    """What settings may choose."""
    providers = {channel: sorted(table) for channel, table in (("email", email.PROVIDERS), ("sms", sms.PROVIDERS))}
    assert {"email": ["inbox", "smtp"], "sms": ["inbox"]} == providers
