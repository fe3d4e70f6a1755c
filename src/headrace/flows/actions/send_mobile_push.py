"""`send-mobile-push`: a notification on the devices of the person. Source: reference 2.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from headrace.conditions.parsing import Model, OneOf
from headrace.flows.actions.sending import FilteredMessage, SendData, SendModel
from headrace.model import Channel


class BadgeIncrement(Model):
    """The app's badge grows by one."""

    badge_config: Literal["increment_one"]


class BadgeCount(Model):
    """The app's badge shows a number."""

    badge_config: Literal["set_count"]
    value: str


class BadgeProperty(Model):
    """The app's badge shows a property of the person."""

    badge_config: Literal["set_property"]
    set_from_property: str


def _badge(value: Mapping[str, Any]) -> str | None:
    given = value.get("badge_config")
    return given if isinstance(given, str) else None


BADGES: Mapping[str, type[Model]] = {
    "increment_one": BadgeIncrement,
    "set_count": BadgeCount,
    "set_property": BadgeProperty,
}
Badge = Annotated[Model, OneOf(BADGES, _badge, "badge_config")]


class ActionButton(Model):
    """A button under the message."""

    label: str
    action_type: Literal["deep_link", "dismiss", "open_app", "open_url"]
    position: int | None = None
    url: str | None = None
    icon: str | None = None
    custom_action_id: str | None = None


class PushMessage(FilteredMessage):
    """A push notification; a silent one shows nothing and carries its `kv_pairs` to the app."""

    title: str | None = None
    body: str
    sound: bool = False
    badge: bool = False
    badge_options: Badge | None = None
    image_id: str | None = None
    dynamic_image: str | None = None
    video_asset_id: str | None = None
    on_open: Literal["home", "link", "open_url"] = "home"
    ios_link: str | None = None
    android_link: str | None = None
    web_url: str | None = None
    push_type: Literal["silent", "standard"] | None = None
    kv_pairs: dict[str, Any] | None = None
    conversion_metric_id: str | None = None
    smart_sending_enabled: bool = True
    action_buttons: list[ActionButton] | None = None


class SendMobilePushData(SendData):
    """The message and its status."""

    message: PushMessage | None = None


class SendMobilePush(SendModel):
    """The action as a document writes it."""

    channel: ClassVar[Channel] = Channel.PUSH

    type: Literal["send-mobile-push"]
    data: SendMobilePushData | None = None
