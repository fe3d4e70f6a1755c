"""`profile-permissions`: whether WhatsApp messages may be sent, by explicit or implicit permission.

Our choice: WhatsApp knows no implicit permission. Without a consent on record a person is implicitly unreachable, and
nobody is implicitly reachable. Source: reference 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from headrace.conditions.atoms import Atom, Either, HasConsent, Not
from headrace.conditions.condition import Condition, ConditionModel
from headrace.conditions.consent_filters import (
    ConsentFilter,
    EffectiveDate,
    RecordedDate,
    SubscribeForm,
    SubscribeMethod,
    all_of,
    one_filter,
)
from headrace.conditions.facts import SUBSCRIBED, UNSUBSCRIBED, ConsentOn
from headrace.conditions.parsing import Model, OneOf
from headrace.conditions.profile_marketing_consent import CompiledConsent
from headrace.model import Channel

PermissionFilter = Annotated[ConsentFilter, one_filter(EffectiveDate, RecordedDate, SubscribeMethod, SubscribeForm)]
PURPOSES: Mapping[str, ConsentOn] = {
    "whatsapp_marketing": ConsentOn(Channel.WHATSAPP, 0),
    "whatsapp_transactional": ConsentOn(Channel.WHATSAPP, 1),
}
NOBODY: Atom = Either(())


class Permission(Model):
    """Whether, and by what, a person can be reached."""

    reachable_status: str

    def atom(self, need: ConsentOn) -> Atom:
        """Return the question about a channel."""
        return NOBODY


class ExplicitlyReachable(Permission):
    """The person agreed."""

    reachable_status: Literal["explicitly_reachable"]
    filters: list[PermissionFilter]

    def atom(self, need: ConsentOn) -> Atom:
        """Return the question about a channel."""
        return all_of(need, SUBSCRIBED, self.filters)


class ExplicitlyUnreachable(Permission):
    """The person said no."""

    reachable_status: Literal["explicitly_unreachable"]
    filters: list[PermissionFilter]

    def atom(self, need: ConsentOn) -> Atom:
        """Return the question about a channel."""
        return all_of(need, UNSUBSCRIBED, self.filters)


class ImplicitlyReachable(Permission):
    """The person said nothing and can be reached all the same."""

    reachable_status: Literal["implicitly_reachable"]


class ImplicitlyUnreachable(Permission):
    """The person said nothing, hence cannot be reached."""

    reachable_status: Literal["implicitly_unreachable"]

    def atom(self, need: ConsentOn) -> Atom:
        """Return the question about a channel."""
        return Not(HasConsent(need, None))


class Reachable(Permission):
    """The person can be reached."""

    reachable_status: Literal["implicitly_or_explicitly_reachable"]

    def atom(self, need: ConsentOn) -> Atom:
        """Return the question about a channel."""
        return HasConsent(need, SUBSCRIBED)


class Unreachable(Permission):
    """The person cannot be reached."""

    reachable_status: Literal["implicitly_or_explicitly_unreachable"]

    def atom(self, need: ConsentOn) -> Atom:
        """Return the question about a channel."""
        return Not(HasConsent(need, SUBSCRIBED))


STATUSES: Mapping[str, type[Permission]] = {
    "explicitly_reachable": ExplicitlyReachable,
    "implicitly_reachable": ImplicitlyReachable,
    "implicitly_or_explicitly_reachable": Reachable,
    "explicitly_unreachable": ExplicitlyUnreachable,
    "implicitly_unreachable": ImplicitlyUnreachable,
    "implicitly_or_explicitly_unreachable": Unreachable,
}


def _status(value: Mapping[str, Any]) -> str | None:
    found = value.get("reachable_status")
    return found if isinstance(found, str) else None


class ProfilePermissions(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-permissions"]
    permission: Annotated[Permission, OneOf(STATUSES, _status, "reachable_status")]
    channel: Literal["whatsapp_marketing", "whatsapp_transactional"]

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledConsent(f"{self.type}:{self.channel}", self.permission.atom(PURPOSES[self.channel]))
