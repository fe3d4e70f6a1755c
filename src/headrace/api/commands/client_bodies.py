"""The bodies of the operations under `/client/`, where they differ from those of `/api/`.

Follows the operations' descriptions. A single event is the same as there (`event_bodies`).
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import BeforeValidator, with_config
from typing_extensions import TypedDict

from headrace.api.commands.event_bodies import EventProfile, OccurrenceData, PersonAttributes, PersonData
from headrace.api.commands.profile_bodies import ProfileMeta
from headrace.api.commands.push_tokens import TokenText
from headrace.api.commands.subscription_bodies import GivenChannels
from headrace.api.commands.values import Flag, ShortText
from headrace.jsonapi.bodies import Id, Model, ToOne


class ClientProfile(Model):
    """The body of POST /client/profiles."""

    data: PersonData


class Occurrences(Model):
    """The events of a visitor."""

    data: list[OccurrenceData]


class ClientEventsAttributes(Model):
    """A visitor and their events."""

    profile: EventProfile
    events: Occurrences
    backfill: Flag | None = None


class ClientEventsData(Model):
    """`data` of a visitor's events."""

    type: Literal["event-bulk-create"]
    attributes: ClientEventsAttributes


class ClientEvents(Model):
    """The body of POST /client/event-bulk-create."""

    data: ClientEventsData


class SubscriberAttributes(PersonAttributes, total=False):
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
    profile: EventProfile


class UnregisterData(Model):
    """`data` of a device that goes."""

    type: Literal["push-token-unregister"]
    attributes: UnregisterAttributes


class UnregisterToken(Model):
    """The body of POST /client/push-token-unregister."""

    data: UnregisterData
