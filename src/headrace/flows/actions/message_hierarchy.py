"""The forms that a text message may take, richest first: RCS with cards and suggestions, SMS with an image or media.

Source: reference 2.2 (`message_hierarchy`) and the FlowSms of the 2026-07-15 description. What is not here: choosing
one for a recipient (`messages`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

from headrace.conditions.parsing import Model, OneOf
from headrace.flows.fields import DateTimeText


class SlimImage(Model):
    """An image by its id, by a template that names one, or by its address."""

    static_image_asset_id: int | None = None
    dynamic_image_template: str | None = None
    rendered_asset_url: str | None = None


class ImageAsset(Model):
    """An image of the account's library, in full."""

    id: int
    file_path: str
    name: str
    format: Literal["gif", "jpeg", "jpg", "png", "webp"]
    file_size: int
    updated: DateTimeText
    origin: (
        Literal[
            "ADOPTION_SMS_FORM_FROM_EMAIL_FORM",
            "ADOPTION_SMS_MULTI_STEP_FORM_FROM_EMAIL_FORM",
            "AI",
            "API",
            "APPLICATION",
            "CLONED",
            "COMPOSER",
            "COMPOSER_AI_EDITED",
            "COMPOSER_AI_GENERATED",
            "COMPOSER_USED_IN_KLAVIYO_OBJECT",
            "COMPOSER_USER_UPLOADED",
            "COMPOSER_WEB_SCRAPED",
            "INTEGRATION",
            "KLAVIYO",
            "LIBRARY",
            "MARKETING_AGENT",
            "SOCIAL_INSTAGRAM",
            "SOCIAL_INSTAGRAM_OVERLAID",
            "UI",
            "WEB_SCRAPE",
        ]
        | None
    ) = None
    url: str
    image_type: Literal["dynamic", "static"]
    l10n_key: str | None = None


class MediaAsset(Model):
    """A video or another file of the account's library, in full."""

    id: str
    company_id: str
    url: str
    media_type: str = "video"
    name: str
    file_size: int
    thumbnail_url: str | None = None
    l10n_key: str | None = None


class MediaReference(Model):
    """A file by its id or by a template that names one."""

    static_asset_id: str | None = None
    dynamic_template: str | None = None
    thumbnail: SlimImage | None = None


class StaticSmsImage(Model):
    """An image by its id."""

    dynamic: Literal[False] | None = False
    static_image_asset_id: int


class DynamicSmsImage(Model):
    """An image by a template that names one."""

    dynamic: Literal[True] = True
    dynamic_image_template: str


class Suggestion(Model):
    """A button of an RCS message."""

    id: str
    text: str
    type: Literal["OPEN_URL", "REPLY"]
    url: str | None = None
    open_mode: Literal["BROWSER", "WEBVIEW_FULL", "WEBVIEW_HALF", "WEBVIEW_TALL"] | None = None


def _has_id(value: Mapping[str, Any]) -> str:
    return "asset" if "id" in value else "reference"


def _image_kind(value: Mapping[str, Any]) -> str:
    return "dynamic" if "dynamic_image_template" in value else "static"


AnyImage = Annotated[Model, OneOf({"asset": ImageAsset, "reference": SlimImage}, _has_id, "an image")]
AnyMedia = Annotated[Model, OneOf({"asset": MediaAsset, "reference": MediaReference}, _has_id, "media")]
SmsImage = Annotated[Model, OneOf({"static": StaticSmsImage, "dynamic": DynamicSmsImage}, _image_kind, "an image")]


class Card(Model):
    """A card of an RCS message."""

    id: str
    title: str | None = None
    text: str | None = None
    extra: dict[str, Any] | None = None
    image: AnyImage | None = None
    video: AnyMedia | None = None
    buttons: list[Suggestion] | None = None


class RichContent(Model):
    """What an RCS message has beside its text."""

    cards: list[Card] | None = None
    suggestions: list[Suggestion] | None = None
    file: MediaReference | None = None


class RcsItem(Model):
    """A message as RCS."""

    message: str = ""
    message_format: Literal["RCS"] = "RCS"
    rich_content: RichContent | None = None
    extra: dict[str, Any] | None = None
    image: SlimImage | None = None


class SmsItem(Model):
    """A message as SMS or MMS."""

    message: str
    message_format: Literal["SMS"] = "SMS"
    extra: dict[str, Any] | None = None
    image: SmsImage | None = None
    selected_image: ImageAsset | None = None
    media: AnyMedia | None = None


def _format(value: Mapping[str, Any]) -> str:
    """Return an item's format; both may leave it out, and then it is what its fields allow, SMS if they allow both."""
    given = value.get("message_format")
    if isinstance(given, str):
        return given
    return "SMS" if value.keys() <= SmsItem.model_fields.keys() and _sms_image(value) and "message" in value else "RCS"


def _sms_image(value: Mapping[str, Any]) -> bool:
    image = value.get("image")
    if not isinstance(image, Mapping):
        return True
    names = list(image.keys() - {"dynamic"})
    known = names in (["static_image_asset_id"], ["dynamic_image_template"])
    return known and image[names[0]] is not None


def _text_or_item(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, str) else handler(value)


HierarchyItem = Annotated[
    Model, OneOf({"RCS": RcsItem, "SMS": SmsItem}, _format, "message_format"), WrapValidator(_text_or_item)
]
"""One form of the message; a text is the id of one that is stored elsewhere and is kept as it is."""
