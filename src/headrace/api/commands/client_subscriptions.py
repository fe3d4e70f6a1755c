"""Subscribing from pages and apps.

What is here: the command of POST /client/subscriptions. What is not: what the job does with it
(`engine.subscription_jobs`), double opt-in among it. Follows the operation's description and reference 4.4. Why a
stranger may call this, and what cannot be done by it, stands in `commands.client`.

Consent belongs to the address that was typed, not to the profile that the page believes to see: an address that is not
the profile's own, which stays as it is, stands for somebody of its own. So the job is told the address and nothing
else of e-mail, the number of text messages, and the profile of push.

A stranger can subscribe somebody else's address, as in every sign-up form. Where lists ask for confirmation, which is
the default, that sends one mail an hour at most and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from headrace.api.commands.client import described, known_id, need_name, visitor_change, written_person
from headrace.api.commands.client_bodies import ClientSubscription, SubscriberData
from headrace.api.commands.subscription_bodies import (
    Rules,
    SubscribedAttributes,
    SubscribedProfile,
    mistakes_at,
    person_of,
)
from headrace.api.commands.subscriptions import list_named
from headrace.api.state import State
from headrace.engine.subscription_rows import SUBSCRIBE, Order, Person, arguments
from headrace.errors import Invalid, raise_any
from headrace.jsonapi.operation import Call
from headrace.model import Channel
from headrace.storage import jobs, profiles
from headrace.storage.database import Connection

SUBSCRIBER = "/data/attributes/profile/data"
BY_NUMBER = (Channel.SMS, Channel.WHATSAPP)


async def subscribe(call: Call[State, ClientSubscription]) -> None:
    """Make or change the subscriber's profile and put the job in the queue that subscribes them.

    Raises `Problems`, and `NotFound` for a list that is not there.
    """
    state, data = call.ctx.state, call.body.data
    subscriber, settings = data.attributes.profile.data, state.account.settings
    asked = _asked(subscriber, Rules(state.clock.now(), minimum_age=settings.sms_minimum_age))
    change, visitor = visitor_change(subscriber, SUBSCRIBER), described(state, subscriber)
    visitor = visitor._replace(anonymous_id=visitor.anonymous_id or asked.anonymous_id)
    need_name(visitor, SUBSCRIBER)
    list_id = await list_named(state, data.relationships.list.data.id)
    order = Order(state.clock.now(), list_id, custom_source=data.attributes.custom_source)
    system_now, ids = state.services.system_clock.now(), state.services.ids

    async def attempt(transaction: Connection) -> None:
        person = visitor
        if person.profile_id:
            person = person._replace(profile_id=await known_id(transaction, state.account_id, person.profile_id))
        named = person.profile_id or person.is_identified
        profile_id = await written_person(transaction, state, person, change) if named else None
        told = arguments(order, _each_address(asked, profile_id))
        if told["people"]:
            await jobs.enqueue(transaction, state.account_id, ids, SUBSCRIBE, told, system_now)

    await profiles.racing(state.database, attempt)


def _asked(subscriber: SubscriberData, rules: Rules) -> Person:
    """Return what is asked for; raises `Problems` for what breaks a rule."""
    given = subscriber["attributes"]
    channels = given.get("subscriptions")
    if not (given.get("email") or given.get("phone_number") or (channels and channels.push)):
        raise Invalid(
            "A subscription needs an email or a phone_number; neither was given.", pointer=f"{SUBSCRIBER}/attributes"
        )
    row = SubscribedProfile.model_construct(
        type="profile",
        id=None,
        attributes=SubscribedAttributes.model_construct(
            email=given.get("email") or None, phone_number=given.get("phone_number") or None, subscriptions=channels
        ),
    )
    person = person_of(row)
    if person.incoming.is_identified:
        raise_any(list(mistakes_at(f"{SUBSCRIBER}/attributes", row, rules)))
    return replace(person, wishes=tuple(replace(one, at=None) for one in person.wishes))


def _each_address(asked: Person, profile_id: str | None) -> Iterable[Person]:
    """Yield whom the job subscribes: the holder of the address, of the number, and the owner of the devices."""
    email = tuple(one for one in asked.wishes if one.channel == Channel.EMAIL)
    number = tuple(one for one in asked.wishes if one.channel in BY_NUMBER)
    push = tuple(one for one in asked.wishes if one.channel == Channel.PUSH)
    if email:
        yield Person(email=asked.email, wishes=email)
    if number:
        yield Person(phone_number=asked.phone_number, wishes=number)
    if push and profile_id:
        yield Person(profile_id=profile_id, wishes=push, tokens=asked.tokens)
