"""WhatsApp: the template lives with the vendor, so a message is its name there and the values that may fill it.

Source: reference 2.2. Our choice: the values are those that a template of any other channel sees (`context`).
"""

from __future__ import annotations

from headrace.messages.context import variables
from headrace.messages.rendered import (
    MISSING_PHONE,
    UNABLE_TO_SEND_WHATSAPP,
    RenderedWhatsApp,
    RenderFailed,
    RenderRequest,
    Workshop,
)


def render_whatsapp(request: RenderRequest, workshop: Workshop) -> RenderedWhatsApp | RenderFailed:
    """Return the vendor's template and its values, or why there is none: no number, no template."""
    if not request.profile.phone_number:
        return RenderFailed(MISSING_PHONE, f"profile {request.profile.profile_id} has no phone number")
    vendor_id = str(request.message.get("vendor_id") or "")
    name = str(request.message.get("name") or "")
    if not vendor_id and not name:
        return RenderFailed(UNABLE_TO_SEND_WHATSAPP, f"message {request.ids.message_id} names no template")
    known = variables(request.account, request.profile, request.event)
    values = {part: known[part] for part in ("person", "event", "organization")}
    return RenderedWhatsApp(request.profile.phone_number, vendor_id, name, values)
