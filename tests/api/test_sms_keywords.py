"""Text messages from people: the event, what keywords change, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from api_client import NOW, Api, FixedClock
from consent_calls import SMS, consents, engine, list_of, mails, metrics, row, subscribe, work
from people import counted, pointers

from headrace.channels.port import Envelope, Refusal, Refused, Result, Retry, Sent
from headrace.engine.jobs import run_jobs
from headrace.engine.keywords import Keyword, keyword_of
from headrace.model import Channel

PHONE, SHOP = "+14155552671", "+14155550100"
INBOUND = "/headrace/sms/inbound"


async def text(api: Api, body: str, sender: str = PHONE, **rest: Any) -> dict[str, Any]:
    """Hand a message over and return the document's data."""
    given = {"from": sender, "to": SHOP, "body": body, **rest}
    answer = await api.post(INBOUND, {"data": {"type": "headrace-inbound-sms", "attributes": given}})
    assert 200 == answer.status_code, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


@pytest.mark.parametrize(
    ("body", "keyword"),
    [
        *((word, Keyword.STOP) for word in ("STOP", "stopall", "Unsubscribe", "CANCEL", "END", "quit", " Stop. ")),
        *((word, Keyword.START) for word in ("START", "unstop", "Yes!")),
        *((word, Keyword.HELP) for word in ("HELP", "info?")),
        ("STOP ALL", Keyword.STOP),
        ("please stop", None),
        ("stopping", None),
        ("", None),
        (" " * 200 + "STOP", None),
    ],
)
def test_a_message_that_is_nothing_but_a_keyword_is_one(body: str, keyword: Keyword | None) -> None:
    """In whatever letters and with whatever marks around it; a sentence is none."""
    assert keyword == keyword_of(body)


async def test_stop_ends_marketing_and_transactional_texts(api: Api) -> None:
    """Both consents end with their method, the message and the change are events, and the person gets an answer."""
    both = {"sms": {"marketing": {"consent": "SUBSCRIBED"}, "transactional": {"consent": "SUBSCRIBED"}}}
    await subscribe(api, row(both, phone_number=PHONE), list_id=await list_of(api))
    done = await text(api, "Stop")
    await work(api)

    assert ("stop", True) == (done["attributes"]["keyword"], done["attributes"]["consent_changed"])
    assert [0, 1] == [purpose for _, _, purpose, word in await consents(api) if word == "UNSUBSCRIBED"]
    assert {"inbound_message"} == {
        one["method"] for one in await api.services.database.fetch("SELECT method FROM consent")
    }
    assert [
        "Received Automated Response SMS",
        "Sent SMS",
        "Subscribed to List",
        "Subscribed to SMS Marketing",
        "Unsubscribed from SMS Marketing",
    ] == await metrics(api)
    [answer] = await mails(api)
    assert (PHONE, Channel.SMS) == (answer["recipient"], answer["channel"])
    assert "START" in answer["text"]


async def test_start_subscribes_again(api: Api) -> None:
    """Marketing, and transactional texts where STOP had ended them."""
    await subscribe(api, row(SMS, phone_number=PHONE), list_id=await list_of(api))
    await text(api, "STOP")
    await text(api, "start")

    assert ["SUBSCRIBED", "SUBSCRIBED"] == [word for *_, word in await consents(api)]


async def test_a_number_that_nobody_has_makes_a_profile(api: Api) -> None:
    """So that its wish is kept; START consents to marketing only."""
    done = await text(api, "YES")

    assert [(PHONE, Channel.SMS, 0, "SUBSCRIBED")] == await consents(api)
    assert PHONE == await api.services.database.fetch_value(
        "SELECT phone_number FROM profile WHERE profile_id = $1", done["relationships"]["profile"]["data"]["id"]
    )


async def test_other_messages_change_nothing(api: Api) -> None:
    """They are events with both numbers and the text."""
    done = await text(api, "When do you open?")
    await work(api)

    assert (None, False, None) == tuple(done["attributes"][name] for name in ("keyword", "consent_changed", "answer"))
    event = await api.services.database.fetch_row("SELECT properties, occurred_at FROM event")
    assert event is not None
    assert {
        "From Number": PHONE,
        "From Phone Region": "US",
        "To Number": SHOP,
        "To Phone Region": "US",
        "Message Body": "When do you open?",
    } == event["properties"]
    assert NOW == event["occurred_at"]
    assert ([], []) == (await consents(api), await mails(api))


async def test_a_repeated_message_is_one(api: Api) -> None:
    """The provider's name of the message tells; HELP is answered once."""
    first, second = [await text(api, "HELP", message_id="SM1") for _ in range(2)]
    await work(api)

    assert (True, False) == (first["attributes"]["is_new"], second["attributes"]["is_new"])
    assert ["Received Automated Response SMS", "Sent SMS"] == await metrics(api)
    assert 1 == len(await mails(api))


async def test_stop_is_answered_only_when_it_changes_something(api: Api) -> None:
    """Two automats do not talk to each other for ever."""
    for _ in range(3):
        await text(api, "STOP")
    await work(api)

    assert 1 == len(await mails(api))


class Scripted:
    """A provider that answers as it was told, and does not recognize a repetition."""

    name = "scripted"
    honors_idempotency_key = False

    def __init__(self, *answers: Result) -> None:
        self.answers = list(answers)
        self.sent = 0

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Take the messages and answer."""
        self.sent += len(envelopes)
        return [self.answers.pop(0) for _ in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_an_answer_that_cannot_be_sent_is_tried_again_and_recorded(api: Api, machine_clock: FixedClock) -> None:
    """A busy provider is asked later; a refusal is an event."""
    provider = Scripted(Retry(timedelta(minutes=1), "busy"), Refused("no such number", Refusal.CONTENT))
    core = replace(engine(api), providers={Channel.SMS: provider})
    await text(api, "HELP")
    counts = []
    for _ in range(3):
        await run_jobs(core)
        counts.append(provider.sent)
        machine_clock.moment += timedelta(seconds=40)

    assert [1, 1, 2] == counts
    assert ["Failed to Deliver Automated Response SMS", "Sent SMS"] == await metrics(api)


async def test_an_answer_is_not_sent_twice_by_a_process_that_dies(api: Api, machine_clock: FixedClock) -> None:
    """Behind the hand-over nobody knows whether it went out, and a repetition might be a second one."""

    class Killed(BaseException):
        pass

    def die(point: str) -> None:
        if point == "sms: handing over":
            raise Killed

    provider = Scripted(Sent("1"))
    core = replace(engine(api), providers={Channel.SMS: provider})
    await text(api, "HELP")
    with pytest.raises(Killed):
        await run_jobs(replace(core, at=die))
    machine_clock.moment += timedelta(hours=1)
    await run_jobs(core)

    assert 0 == provider.sent
    assert "complete" == await api.services.database.fetch_value("SELECT state FROM job")


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"from": "0171 1234567", "body": "STOP"}, "/data/attributes/from"),
        ({"body": "STOP"}, "/data/attributes/from"),
        ({"from": PHONE}, "/data/attributes/body"),
        ({"from": PHONE, "to": "12345", "body": "STOP"}, "/data/attributes/to"),
        ({"from": PHONE, "body": "x" * 2001}, "/data/attributes/body"),
    ],
)
async def test_a_wrong_message_is_pointed_to(api: Api, given: dict[str, str], pointer: str) -> None:
    """Numbers are E.164; sender and text are needed."""
    answer = await api.post(INBOUND, {"data": {"type": "headrace-inbound-sms", "attributes": given}})

    assert (400, [pointer]) == (answer.status_code, pointers(answer))
    assert 0 == await counted(api, "profile")


async def test_only_a_key_with_the_scope_hands_messages_over(api: Api) -> None:
    """headrace:sms:write, and no other."""
    key = await api.another_key(["subscriptions:write"])
    body = {"data": {"type": "headrace-inbound-sms", "attributes": {"from": PHONE, "body": "STOP"}}}
    answer = await api.post(INBOUND, body, headers={"Authorization": f"Klaviyo-API-Key {key}"})

    assert 403 == answer.status_code
