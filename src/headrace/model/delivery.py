"""A delivery: one message to one person.

QUEUED ──> SENDING ──> SENT
  │           ├──────> FAILED        (the provider refused it, `reason`)
  │           ├──────> QUEUED        (the provider asked to wait, or the lease lapsed and a retry is safe)
  │           └──────> UNCONFIRMED   (the lease lapsed and nobody knows; never retried by itself)
  ├──> SKIPPED   (a check before sending failed, `reason`)
  └──> (waits)   (quiet hours: `due_at` moves)
REVIEW ──> QUEUED | CANCELED         (manual messages wait for a user)
"""

from __future__ import annotations

from enum import IntEnum


class Channel(IntEnum):
    """The channels a message can take; the numbers are stored."""

    EMAIL = 1
    SMS = 2
    PUSH = 3
    WHATSAPP = 4
    WEBHOOK = 5
    INTERNAL_ALERT = 6

    @property
    def send_channel(self) -> str:
        """The channel's name in reports. Source: reference 6.4."""
        return {3: "push-notification"}.get(self.value, self.name.lower().replace("_", "-"))


class DeliveryState(IntEnum):
    """Where a delivery stands; the numbers are stored."""

    QUEUED = 0
    SENDING = 1
    SENT = 2
    FAILED = 3
    SKIPPED = 4
    UNCONFIRMED = 5
    REVIEW = 6
    CANCELED = 7
