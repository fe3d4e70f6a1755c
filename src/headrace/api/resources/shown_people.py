"""What attributes of people, accounts and metrics are made of, for our OpenAPI document.

What is here: types of the objects inside attributes. What is not: how they are read (`profile_fields` and others).
Members are not required, because `fields[...]` may ask for some of them only.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class StreetAddress(TypedDict, total=False):
    """Where a company is."""

    address1: str
    address2: str
    city: str
    region: str
    country: str
    zip: str


class ContactInformation(TypedDict, total=False):
    """How a company is reached; what is not known is empty."""

    default_sender_name: str
    default_sender_email: str
    website_url: str
    organization_name: str
    street_address: StreetAddress


class ProfileLocation(TypedDict, total=False):
    """Where a person lives."""

    address1: str | None
    address2: str | None
    city: str | None
    country: str | None
    latitude: float | str | None
    longitude: float | str | None
    region: str | None
    zip: str | None
    ip: str | None
    timezone: str | None


Consent = Literal["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"]


class ConsentState(TypedDict, total=False):
    """What somebody agreed to, and since when."""

    consent: Consent
    consent_timestamp: str | None
    last_updated: str | None


class ConsentMethod(ConsentState, total=False):
    """What somebody agreed to, and how."""

    method: str | None
    method_detail: str


class SuppressionReason(TypedDict, total=False):
    """Why a person gets no e-mail, and since when."""

    reason: str
    timestamp: str


class ListSuppression(SuppressionReason, total=False):
    """Why a person gets no e-mail of one list."""

    list_id: str


class EmailMarketing(ConsentMethod, total=False):
    """Marketing by e-mail."""

    can_receive_email_marketing: bool
    custom_method_detail: str | None
    double_optin: bool | None
    suppression: list[SuppressionReason]
    list_suppressions: list[ListSuppression]


class ChannelConsent(ConsentState, total=False):
    """What somebody agreed to on a channel for one purpose."""

    created_timestamp: str | None
    metadata: dict[str, Any] | None
    can_receive: bool
    valid_until: str | None


class SmsMarketing(ConsentMethod, total=False):
    """Marketing by SMS."""

    can_receive_sms_marketing: bool


class SmsTransactional(ConsentMethod, total=False):
    """Messages by SMS that belong to an order."""

    can_receive_sms_transactional: bool


class PushMarketing(TypedDict, total=False):
    """Marketing by push."""

    can_receive_push_marketing: bool
    consent: Consent
    consent_timestamp: str | None


class WhatsAppConsent(ChannelConsent, total=False):
    """What somebody agreed to on WhatsApp for one purpose."""

    phone_number: str | None


class EmailConsents(TypedDict, total=False):
    """Consents for e-mail."""

    marketing: EmailMarketing
    open_tracking: ChannelConsent


class SmsConsents(TypedDict, total=False):
    """Consents for SMS."""

    marketing: SmsMarketing
    transactional: SmsTransactional


class PushConsents(TypedDict, total=False):
    """Consents for push."""

    marketing: PushMarketing


class WhatsAppConsents(TypedDict, total=False):
    """Consents for WhatsApp."""

    marketing: WhatsAppConsent
    transactional: WhatsAppConsent
    conversational: WhatsAppConsent


class Subscriptions(TypedDict, total=False):
    """What a person agreed to, by channel and purpose."""

    email: EmailConsents
    sms: SmsConsents
    mobile_push: PushConsents
    whatsapp: WhatsAppConsents


class PredictiveAnalytics(TypedDict, total=False):
    """What is predicted of a person."""

    historic_clv: float | None
    predicted_clv: float | None
    total_clv: float | None
    historic_number_of_orders: float | None
    predicted_number_of_orders: float | None
    average_days_between_orders: float | None
    average_order_value: float | None
    churn_probability: float | None
    expected_date_of_next_order: str | None
    ranked_channel_affinity: list[str] | None


class ShownDevice(TypedDict, total=False):
    """What a device told of itself."""

    device_id: str | None
    klaviyo_sdk: str | None
    sdk_version: str | None
    device_model: str | None
    os_name: str | None
    os_version: str | None
    manufacturer: str | None
    app_name: str | None
    app_version: str | None
    app_build: str | None
    app_id: str | None
    environment: str | None


class Integration(TypedDict):
    """Where a metric comes from."""

    object: Literal["integration"]
    id: str
    key: str
    name: str
    category: str
    image_url: str


class ErrorSource(TypedDict, total=False):
    """Where in a row of an import a mistake is."""

    pointer: str | None
