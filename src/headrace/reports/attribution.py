"""For how long a message earns the credit for what a person does: the windows of attribution.

What is here: the table. What is not: finding the interaction (`headrace.storage.conversions`). Follows reference 5.1.
"""

from __future__ import annotations

from datetime import timedelta

from headrace.model import Channel
from headrace.storage.conversions import Window
from headrace.storage.message_events import Kind

WINDOWS: tuple[Window, ...] = (
    Window(Channel.EMAIL, Kind.CLICKED, timedelta(days=5)),
    Window(Channel.EMAIL, Kind.OPENED, timedelta(days=5)),
    Window(Channel.SMS, Kind.CLICKED, timedelta(days=5)),
    Window(Channel.SMS, Kind.OPENED, timedelta(days=1)),
    Window(Channel.SMS, Kind.DELIVERED, timedelta(hours=12)),
    Window(Channel.PUSH, Kind.OPENED, timedelta(hours=24)),
    Window(Channel.WHATSAPP, Kind.CLICKED, timedelta(days=5)),
    Window(Channel.WHATSAPP, Kind.OPENED, timedelta(hours=12)),
)
"""The windows of every account. The most recent interaction that has one and still runs wins, whatever its kind.

Source: reference 5.1 (windows run from the interaction; last touch; opens by mail proxies count).
"""
