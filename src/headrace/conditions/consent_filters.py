"""The filters within consent conditions as documents write them, and the questions they become.

Our choice: filters are joined by AND, but those on the method by OR, for a consent came about in one way.
Source: reference 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from headrace.conditions.atoms import All, Atom, Either, HasConsent, IsSuppressed
from headrace.conditions.facts import ConsentOn, ConsentTest
from headrace.conditions.filters import (
    ConstantContactModel,
    DateFilter,
    EqualsStringModel,
    FilterModel,
    InStringModel,
    ShopifyModel,
    SinceFilter,
)
from headrace.conditions.filters.boolean import BooleanModel
from headrace.conditions.filters.string import StringFilter
from headrace.conditions.parsing import Model, OneOf


class ConsentFilter(Model):
    """A filter on one field of a consent; `tests` are joined by AND."""

    field: str

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return what the filter asks of the consent."""
        return ()


class DoubleOptIn(ConsentFilter):
    """Whether the consent was confirmed by a second message."""

    field: Literal["is_double_opt_in"]
    filter: BooleanModel

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return the test."""
        return (ConsentTest("double_opt_in", self.filter.compile()),)


class RcsCapable(ConsentFilter):
    """Whether the phone takes RCS."""

    field: Literal["is_rcs_capable"]
    filter: BooleanModel

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return the test."""
        return (ConsentTest("rcs_capable", self.filter.compile()),)


class CustomSource(ConsentFilter):
    """What the caller named as the source."""

    field: Literal["custom_source"]
    filter: EqualsStringModel

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return the test."""
        return (ConsentTest("custom_source", self.filter.compile()),)


class StatusDate(ConsentFilter):
    """When the consent changed."""

    field: Literal["status_date"]
    filter: DateFilter

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return the test."""
        return (ConsentTest("changed_at", self.filter.compile()),)


class EffectiveDate(ConsentFilter):
    """When the consent took effect."""

    field: Literal["effective_date"]
    filter: DateFilter

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return the test."""
        return (ConsentTest("changed_at", self.filter.compile()),)


class RecordedDate(ConsentFilter):
    """When the consent was written down."""

    field: Literal["recorded_date"]
    filter: DateFilter

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return the test."""
        return (ConsentTest("written_at", self.filter.compile()),)


class MethodFilter(ConsentFilter):
    """How the consent came about."""

    method: str

    def tests(self) -> tuple[ConsentTest, ...]:
        """Return the test of the method and, where there is a filter, of its detail."""
        method = ConsentTest("method", StringFilter("equals", self.method))
        detail: FilterModel | None = getattr(self, "filter", None)
        return (method,) if detail is None else (method, ConsentTest("detail", detail.compile()))


class PlainMethod(MethodFilter):
    """A method without detail."""

    field: Literal["method"]
    method: Literal[
        "back_in_stock",
        "bulk_remove",
        "carrier_deactivation",
        "checkout",
        "data_warehouse_import",
        "failed_age_gate",
        "inbound_message",
        "mailbox_provider",
        "manual_import",
        "manual_remove",
        "message_blocked",
        "one_click_unsubscribe",
        "preference_page",
        "profile_modification",
        "provided_landline",
        "provided_no_age",
        "sftp",
        "spam_complaint",
    ]


class FormMethod(MethodFilter):
    """A form; the filter names form ids."""

    field: Literal["method"]
    method: Literal["form"]
    filter: InStringModel | None = None


class ApiMethod(MethodFilter):
    """An API key; the filter names the last four characters of keys."""

    field: Literal["method"]
    method: Literal["api"]
    filter: InStringModel | None = None


class ManualAddMethod(MethodFilter):
    """A user who added the person; the filter names users' e-mail addresses."""

    field: Literal["method"]
    method: Literal["manual_add"]
    filter: InStringModel | None = None


class ManualImportMethod(MethodFilter):
    """A user who imported the person; the filter names users' e-mail addresses."""

    field: Literal["method"]
    method: Literal["manual_import"]
    filter: InStringModel | None = None


class PageMethod(MethodFilter):
    """A preference page; the filter names its address."""

    field: Literal["method"]
    method: Literal["preference_page"]
    filter: EqualsStringModel | None = None


class ShopifyMethod(MethodFilter):
    """The integration that subscribes people."""

    field: Literal["method"]
    method: Literal["integration"]
    filter: ShopifyModel


class ConstantContactMethod(MethodFilter):
    """The integration that unsubscribes people."""

    field: Literal["method"]
    method: Literal["integration"]
    filter: ConstantContactModel


class SubscribeMethod(MethodFilter):
    """A method without detail, as permissions spell it."""

    field: Literal["subscribe_method"]
    method: Literal[
        "api",
        "back_in_stock",
        "bigcommerce",
        "bulk_remove",
        "campaign_monitor",
        "carrier_deactivation",
        "checkout",
        "constant_contact",
        "exact_target",
        "facebook",
        "failed_age_gate",
        "inbound_message",
        "integration",
        "mad_mimi",
        "magento_two",
        "mailbox_provider",
        "manual_add",
        "manual_import",
        "manual_remove",
        "message_blocked",
        "netsuite",
        "preference_page",
        "provided_landline",
        "provided_no_age",
        "sftp",
        "shopify",
        "social_instagram_message",
        "spam_complaint",
        "square",
        "wix",
        "woocommerce",
    ]


class SubscribeForm(MethodFilter):
    """A form, as permissions spell it; the filter names form ids."""

    field: Literal["subscribe_method"]
    method: Literal["form"]
    filter: InStringModel | None = None


REASONS: Mapping[str, str] = {
    "bounce_date": "HARD_BOUNCE",
    "invalid_email_date": "INVALID_EMAIL",
    "manual_suppression_date": "USER_SUPPRESSED",
}
"""Date fields and the suppression whose date they are. Source: reference 3.3, 4.3."""


class SuppressionDate(ConsentFilter):
    """Since when no e-mail is sent for a reason."""

    field: Literal["bounce_date", "invalid_email_date", "manual_suppression_date"]
    filter: SinceFilter

    def atom(self) -> Atom:
        """Return the question."""
        return IsSuppressed(REASONS[self.field], self.filter.compile())


def one_filter(*models: type[ConsentFilter], methods: Sequence[str] = ()) -> OneOf:
    """Return the union of the models; `methods` are those without detail that are allowed besides."""
    rows: dict[str, type[Model]] = {}
    for model in models:
        last = "method" if "method" in model.model_fields else "field"
        rows.update({_row(model, name): model for name in get_args(model.model_fields[last].annotation)})
    rows.update({f"method {name}": PlainMethod for name in methods})
    return OneOf(rows, _tag, "field (and method)")


def all_of(need: ConsentOn, subscription: str | None, filters: Sequence[ConsentFilter]) -> Atom:
    """Return the question whether a consent of the subscription passes the filters."""
    tests = tuple(test for one in filters if not isinstance(one, MethodFilter) for test in one.tests())
    methods = [one.tests() for one in filters if isinstance(one, MethodFilter)]
    if not methods:
        return HasConsent(need, subscription, tests)
    return Either(tuple(HasConsent(need, subscription, tests + method) for method in methods))


def suppressed_since(filters: Sequence[ConsentFilter]) -> Atom:
    """Return the question whether every suppression date passes its filter; others are passed over."""
    return All(tuple(one.atom() for one in filters if isinstance(one, SuppressionDate)))


def _row(model: type[ConsentFilter], name: str) -> str:
    if "method" not in model.model_fields:
        return name
    (field,) = get_args(model.model_fields["field"].annotation)
    return f"{field} {name}"


def _tag(value: Mapping[str, Any]) -> str | None:
    parts = [str(value[key]) for key in ("field", "method") if key in value]
    return " ".join(parts) or None
