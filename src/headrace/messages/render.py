"""From a Send outcome to a message: the table of channels, one pure function each.

What is here: the table. What is not: the channels (`email`, `sms`, `push`, `whatsapp`, `webhook`, `alert`), what they
share (`desk`), whether to send (`gates`), transport (`channels`). The functions are pure but for the cache that the
caller owns. Source: reference 4.5, 4.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.messages.alert import render_alert
from headrace.messages.email import render_email
from headrace.messages.push import render_push
from headrace.messages.rendered import Rendered, RenderRequest, Workshop
from headrace.messages.sms import render_sms
from headrace.messages.webhook import render_webhook
from headrace.messages.whatsapp import render_whatsapp
from headrace.model.delivery import Channel

__all__ = ["RENDERERS", "render", "render_email", "render_sms"]

RENDERERS: Mapping[Channel, Callable[[RenderRequest, Workshop], Rendered]] = {
    Channel.EMAIL: render_email,
    Channel.SMS: render_sms,
    Channel.PUSH: render_push,
    Channel.WHATSAPP: render_whatsapp,
    Channel.WEBHOOK: render_webhook,
    Channel.INTERNAL_ALERT: render_alert,
}


def render(channel: Channel, request: RenderRequest, workshop: Workshop) -> Rendered:
    """Return the message of a channel, or why there is none."""
    return RENDERERS[channel](request, workshop)
