"""The consent states that `profile-marketing-consent` asks for, by channel, as documents write them and as questions.

E-mail may be sent to everybody who is not suppressed and did not unsubscribe, SMS to those who subscribed, push to
those with an enabled device. Source: reference 3.3, 4.4.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import field_validator

from headrace.conditions.atoms import All, Atom, HasConsent, IsPushable, IsSuppressed, Not
from headrace.conditions.consent_filters import (
    ApiMethod,
    ConsentFilter,
    ConstantContactMethod,
    CustomSource,
    DoubleOptIn,
    FormMethod,
    ManualAddMethod,
    ManualImportMethod,
    PageMethod,
    RcsCapable,
    ShopifyMethod,
    StatusDate,
    SuppressionDate,
    all_of,
    one_filter,
    suppressed_since,
)
from headrace.conditions.facts import SUBSCRIBED, UNSUBSCRIBED, ConsentOn
from headrace.conditions.parsing import Model
from headrace.model import Channel

EMAIL, SMS = ConsentOn(Channel.EMAIL), ConsentOn(Channel.SMS)
MAILABLE = All((Not(IsSuppressed()), Not(HasConsent(EMAIL, UNSUBSCRIBED))))

EmailSubscribed = Annotated[
    ConsentFilter,
    one_filter(
        DoubleOptIn,
        StatusDate,
        CustomSource,
        FormMethod,
        PageMethod,
        ApiMethod,
        ManualImportMethod,
        ManualAddMethod,
        ShopifyMethod,
        methods=("inbound_message", "back_in_stock", "sftp"),
    ),
]
EmailUnsubscribed = Annotated[
    ConsentFilter,
    one_filter(
        StatusDate,
        ApiMethod,
        ConstantContactMethod,
        SuppressionDate,
        methods=(
            "inbound_message",
            "preference_page",
            "manual_remove",
            "spam_complaint",
            "mailbox_provider",
            "one_click_unsubscribe",
            "manual_import",
            "sftp",
            "data_warehouse_import",
            "profile_modification",
        ),
    ),
]
Suppressed = Annotated[ConsentFilter, one_filter(SuppressionDate)]
SmsSubscribed = Annotated[
    ConsentFilter,
    one_filter(
        StatusDate,
        FormMethod,
        ManualImportMethod,
        ManualAddMethod,
        ShopifyMethod,
        RcsCapable,
        methods=("checkout", "inbound_message", "preference_page", "sftp"),
    ),
]
SmsUnsubscribed = Annotated[
    ConsentFilter,
    one_filter(
        StatusDate,
        FormMethod,
        ManualImportMethod,
        ManualAddMethod,
        ShopifyMethod,
        methods=(
            "manual_remove",
            "bulk_remove",
            "checkout",
            "inbound_message",
            "preference_page",
            "sftp",
            "carrier_deactivation",
            "provided_landline",
            "message_blocked",
            "provided_no_age",
            "failed_age_gate",
        ),
    ),
]
PushDate = Annotated[ConsentFilter, one_filter(StatusDate)]


class ConsentState(Model):
    """What a person agreed to, seen together with whether they may be written to."""

    subscription: str

    @abstractmethod
    def atom(self) -> Atom:
        """Return the question."""


class MailableAny(ConsentState):
    """E-mail may be sent."""

    subscription: Literal["any"]
    filters: Any = None

    def atom(self) -> Atom:
        """Return the question."""
        return MAILABLE


class MailableSubscribed(ConsentState):
    """E-mail may be sent, and was agreed to."""

    subscription: Literal["subscribed"]
    filters: list[EmailSubscribed] | None = None

    def atom(self) -> Atom:
        """Return the question."""
        return All((MAILABLE, all_of(EMAIL, SUBSCRIBED, self.filters or ())))


class MailableNever(ConsentState):
    """E-mail may be sent, though nobody asked."""

    subscription: Literal["never_subscribed"]
    filters: Any = None

    def atom(self) -> Atom:
        """Return the question."""
        return All((MAILABLE, Not(HasConsent(EMAIL, None))))


class UnmailableAny(ConsentState):
    """No e-mail may be sent."""

    subscription: Literal["any"]
    filters: list[Suppressed] | None = None

    def atom(self) -> Atom:
        """Return the question."""
        return All((Not(MAILABLE), suppressed_since(self.filters or ())))


class UnmailableUnsubscribed(ConsentState):
    """No e-mail may be sent, for the person said so."""

    subscription: Literal["unsubscribed"]
    filters: list[EmailUnsubscribed] | None = None

    @field_validator("filters")
    @classmethod
    def _of_one_kind(cls, value: list[ConsentFilter] | None) -> list[ConsentFilter] | None:
        if len({isinstance(one, SuppressionDate) for one in value or ()}) > 1:
            raise ValueError("dates of suppressions and filters on the unsubscription must not be mixed")
        return value

    def atom(self) -> Atom:
        """Return the question."""
        filters = self.filters or ()
        own = [one for one in filters if not isinstance(one, SuppressionDate)]
        return All((all_of(EMAIL, UNSUBSCRIBED, own), suppressed_since(filters)))


class UnmailableNever(ConsentState):
    """No e-mail may be sent to somebody who never agreed to any."""

    subscription: Literal["never_subscribed"]
    filters: list[Suppressed]

    def atom(self) -> Atom:
        """Return the question."""
        return All((Not(MAILABLE), Not(HasConsent(EMAIL, None)), suppressed_since(self.filters)))


class UnmailableSubscribed(ConsentState):
    """No e-mail may be sent, though it was agreed to."""

    subscription: Literal["subscribed"]
    filters: list[Suppressed]

    def atom(self) -> Atom:
        """Return the question."""
        return All((Not(MAILABLE), HasConsent(EMAIL, SUBSCRIBED), suppressed_since(self.filters)))


class TextableSubscribed(ConsentState):
    """SMS may be sent."""

    subscription: Literal["subscribed"]
    filters: list[SmsSubscribed] | None = None

    def atom(self) -> Atom:
        """Return the question."""
        return all_of(SMS, SUBSCRIBED, self.filters or ())


class UntextableAny(ConsentState):
    """No SMS may be sent."""

    subscription: Literal["any"]

    def atom(self) -> Atom:
        """Return the question."""
        return Not(HasConsent(SMS, SUBSCRIBED))


class UntextableUnsubscribed(ConsentState):
    """No SMS may be sent, for the person said so."""

    subscription: Literal["unsubscribed"]
    filters: list[SmsUnsubscribed] | None = None

    def atom(self) -> Atom:
        """Return the question."""
        return all_of(SMS, UNSUBSCRIBED, self.filters or ())


class UntextableNever(ConsentState):
    """No SMS may be sent, for nobody asked."""

    subscription: Literal["never_subscribed"]

    def atom(self) -> Atom:
        """Return the question."""
        return Not(HasConsent(SMS, None))


class PushableAny(ConsentState):
    """Push messages may be sent.

    Our choice: the status date is when the first of the enabled devices was registered; several filters on it are
    joined by AND.
    """

    subscription: Literal["any"]
    filters: list[PushDate] | None = None

    def atom(self) -> Atom:
        """Return the question."""
        dates = [test.filter for one in self.filters or () for test in one.tests()]
        return All((IsPushable(), *(IsPushable(date) for date in dates)))


class UnpushableAny(ConsentState):
    """No push messages may be sent."""

    subscription: Literal["any"]

    def atom(self) -> Atom:
        """Return the question."""
        return Not(IsPushable())
