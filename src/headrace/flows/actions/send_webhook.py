"""`send-webhook`: a request to a server of the shop's own. Source: reference 2, 2.2.

Its answer is the action's output, which an `action-output-split` behind it may ask for; then the run waits for it.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from headrace.conditions.parsing import show
from headrace.flows.actions.sending import MessageModel, SendData, SendModel
from headrace.model import Channel
from headrace.model.web_address import is_web_address

TAGS = re.compile(r"{[{%]")
"""What only a rendered url shows: whether it is an address."""


class WebhookMessage(MessageModel):
    """The request: where it goes, its headers (values are texts) and its body."""

    url: str | None
    headers: dict[str, Any] | None = None
    body: str | None = None

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return that there is nowhere to send it, or that its url is no address and no template of one."""
        if not self.url:
            return [("/url", "has no url")]
        if TAGS.search(self.url) or is_web_address(self.url.strip().replace(" ", "%20")):
            return []
        return [("/url", f"has the url {show(self.url)}, which is no http or https address")]


class SendWebhookData(SendData):
    """The message and its status."""

    message: WebhookMessage


class SendWebhook(SendModel):
    """The action as a document writes it."""

    channel: ClassVar[Channel] = Channel.WEBHOOK

    type: Literal["send-webhook"]
    data: SendWebhookData | None = None
