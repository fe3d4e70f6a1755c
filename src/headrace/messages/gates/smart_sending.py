"""Smart sending: nobody gets two messages on a channel within its window. Source: reference 4.1.

Every message on the channel starts the window, also one whose own smart sending is off; only messages whose smart
sending is on are skipped within it. Skipped messages do not start it. Our choice: transactional messages are never
skipped for it; text messages are counted by person, as the others are, where the reference counts by phone number, for
a number names one person here; the window is the one that the settings have at the later message.
"""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Smart Sending"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a message that would follow too soon upon another."""
    if facts.last_send_at is None or facts.transactional or not facts.message.get("smart_sending_enabled", True):
        return None
    window = facts.settings.smart_sending.get(facts.channel.name.lower())
    if window is None or abs(facts.now - facts.last_send_at) >= window:
        return None
    return Skipped(REASON, {"last_send_at": facts.last_send_at.isoformat()})
