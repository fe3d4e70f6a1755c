"""`send-internal-alert`: an e-mail to people of the shop. Source: reference 2, 2.2."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from headrace.flows.actions.sending import MessageModel, SendData, SendModel
from headrace.model import Channel

MOST_ADDRESSES = 5
"""Source: reference 2."""


class AlertMessage(MessageModel):
    """The alert; an empty sender is filled from the account. Our choice: one to nobody can be stored, not go live."""

    from_email: str | None
    from_label: str | None
    to_emails: Annotated[list[str], Field(max_length=MOST_ADDRESSES)]
    subject_line: str | None
    template_id: str | None = None

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return that nobody would get it."""
        return [] if self.to_emails else [("/to_emails", "names nobody to alert")]


class SendInternalAlertData(SendData):
    """The message and its status."""

    message: AlertMessage


class SendInternalAlert(SendModel):
    """The action as a document writes it."""

    channel: ClassVar[Channel] = Channel.INTERNAL_ALERT

    type: Literal["send-internal-alert"]
    data: SendInternalAlertData | None = None
