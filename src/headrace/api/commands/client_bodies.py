"""The bodies of the operations under `/client/`, where they differ from those of `/api/`.

Follows the operations' descriptions. Here a person's `meta` stands among the attributes, or beside them; either is
taken everywhere.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import BeforeValidator, with_config
from typing_extensions import TypedDict

from headrace.api.commands.event_bodies import Occurrence, OccurrenceData
from headrace.api.commands.profile_bodies import KnownAttributes, ProfileMeta
from headrace.api.commands.push_tokens import TokenText
from headrace.api.commands.subscription_bodies import GivenChannels
from headrace.api.commands.values import Flag, ShortText
from headrace.jsonapi.bodies import Id, Model, ToOne


class ClientAttributes(KnownAttributes, total=False):
    """What a page or an app says about its visitor."""

    meta: ProfileMeta | None


@with_config(extra="forbid")
class VisitorData(TypedDict):
    """`data` of a visitor; a dict, because every event brings one."""

    type: Literal["profile"]
    id: NotRequired[Id | None]
    attributes: NotRequired[ClientAttributes]
    meta: NotRequired[ProfileMeta | None]


@with_config(extra="forbid")
class Visitor(TypedDict):
    """Who visits."""

    data: VisitorData


class ClientProfile(Model):
    """The body of POST /client/profiles."""

    data: VisitorData


@with_config(extra="forbid")
class ClientEventAttributes(Occurrence):
    """What happened, when, and to whom."""

    profile: Visitor


class ClientEventData(Model):
    """`data` of an event."""

    type: Literal["event"]
    attributes: ClientEventAttributes


class ClientEvent(Model):
    """The body of POST /client/events."""

    data: ClientEventData


class Occurrences(Model):
    """The events of a visitor."""

    data: list[OccurrenceData]


class ClientEventsAttributes(Model):
    """A visitor and their events."""

    profile: Visitor
    events: Occurrences
    backfill: Flag | None = None


class ClientEventsData(Model):
    """`data` of a visitor's events."""

    type: Literal["event-bulk-create"]
    attributes: ClientEventsAttributes


class ClientEvents(Model):
    """The body of POST /client/event-bulk-create."""

    data: ClientEventsData


class SubscriberAttributes(ClientAttributes, total=False):
    """Who subscribes, and to which channels."""

    subscriptions: GivenChannels | None


@with_config(extra="forbid")
class SubscriberData(TypedDict):
    """`data` of whoever subscribes."""

    type: Literal["profile"]
    id: NotRequired[Id | None]
    attributes: SubscriberAttributes
    meta: NotRequired[ProfileMeta | None]


class Subscriber(Model):
    """Who subscribes."""

    data: SubscriberData


class SubscriptionAttributes(Model):
    """A subscription."""

    custom_source: ShortText | None = None
    profile: Subscriber


class SubscriptionList(Model):
    """The list that is subscribed to."""

    list: ToOne[Literal["list"]]


class SubscriptionData(Model):
    """`data` of a subscription."""

    type: Literal["subscription"]
    attributes: SubscriptionAttributes
    relationships: SubscriptionList


class ClientSubscription(Model):
    """The body of POST /client/subscriptions."""

    data: SubscriptionData


def _small(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class UnregisterAttributes(Model):
    """A device that is no longer to get messages, and whose it is."""

    token: TokenText
    platform: Literal["android", "ios"]
    vendor: Annotated[Literal["apns", "fcm"] | None, BeforeValidator(_small)] = None
    profile: Visitor


class UnregisterData(Model):
    """`data` of a device that goes."""

    type: Literal["push-token-unregister"]
    attributes: UnregisterAttributes


class UnregisterToken(Model):
    """The body of POST /client/push-token-unregister."""

    data: UnregisterData
