"""What links in messages lead to: pixel, clicks, unsubscribing, the message in a browser."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from api_client import NOW, Api, FixedClock
from consent_calls import engine, row, unsubscribe
from people import counted, made_profile

from headrace.api import tracker, unsubscribing
from headrace.api.app import create_app
from headrace.api.state import Services
from headrace.clock import VirtualClock
from headrace.engine.jobs import run_jobs
from headrace.engine.merges import request_merge
from headrace.ids import bucket_of
from headrace.messages.links import Links, MessageIds, Target
from headrace.messages.tokens import Kind, Payload, unpadded
from headrace.model import Account, Channel
from headrace.storage.accounts import create_account
from headrace.storage.database import Connection, Database
from headrace.storage.interactions import Interaction, Prepared
from headrace.storage.interactions import Kind as InteractionKind

BASE = "http://headrace.test"
SHOP = "https://shop.example/p?a=1"
_DELIVERY = """
INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation, profile_id,
                      channel, format, state, clock, queued_at, due_at, sent_at)
VALUES ($1, $2, $3, $3, 'FLOW01', 1, 'MSG001', '', $4, $5, '', 2, 0, $6, $6, $6)
"""
_KEPT = """
INSERT INTO inbox_message (bucket, account_id, delivery_id, profile_id, flow_id, message_id, channel, recipient,
                           subject, html, text, headers, sent_at)
VALUES ($1, $2, $3, $4, 'FLOW01', 'MSG001', 1, 'sarah@example.com', $5, $6, 'Hello', '{"From": "Shop"}', $7)
"""


@dataclass(frozen=True)
class Sent:
    """A message that was sent, and its links."""

    api: Api
    profile_id: str
    delivery_id: uuid.UUID
    links: Links

    def click(self, url: str = SHOP) -> str:
        """Return the tracked address of a link."""
        data = url.encode()
        return self.links.click(Target(data, unpadded(data)))

    async def row(self) -> Any:
        """Return the delivery's row."""
        return await self.api.services.database.fetch_row("SELECT * FROM delivery")

    async def consent(self) -> Any:
        """Return the consent's row, None when there is none."""
        return await self.api.services.database.fetch_row("SELECT channel, subscription, method FROM consent")

    async def metrics(self) -> list[str]:
        """Return the names of the recorded events' metrics, in order."""
        rows = await self.api.services.database.fetch(
            "SELECT name FROM event JOIN metric USING (account_id, metric_id) ORDER BY name"
        )
        return [row["name"] for row in rows]


async def send(api: Api, channel: Channel = Channel.EMAIL, account_id: str = "", email: str = "sarah@x.co") -> Sent:
    """Make a profile and a delivery to it as if it had been sent now."""
    account_id, database = account_id or api.account.account_id, api.services.database
    profile_id = await made_profile(api, email=email)
    await database.fetch("UPDATE profile SET account_id = $1 WHERE profile_id = $2", account_id, profile_id)
    delivery_id = uuid.uuid5(uuid.NAMESPACE_URL, profile_id)
    await database.fetch(
        _DELIVERY, bucket_of(profile_id), account_id, delivery_id, profile_id, int(channel), NOW - timedelta(days=1)
    )
    ids = MessageIds(account_id, profile_id, delivery_id, "FLOW01", "MSG001")
    return Sent(api, profile_id, delivery_id, Links(api.services.signer, BASE, ids))


@pytest_asyncio.fixture
async def sent(api: Api) -> Sent:
    """An e-mail that was sent yesterday."""
    return await send(api)


async def test_the_pixel_records_an_open(sent: Sent) -> None:
    """The pixel answers a picture that is never cached, after the open was written."""
    answer = await sent.api.http.get(sent.links.pixel())
    assert (200, "image/gif") == (answer.status_code, answer.headers["content-type"])
    assert "no-store" in answer.headers["cache-control"]
    row = await sent.row()
    assert (1, NOW) == (row["opens"], row["first_open_at"])
    assert ["Opened Email"] == await sent.metrics()


async def test_opens_at_once_are_all_recorded(sent: Sent) -> None:
    """A hundred opens at the same moment are a hundred opens and one first open."""
    await asyncio.gather(*(sent.api.http.get(sent.links.pixel()) for _ in range(100)))
    assert 100 == (await sent.row())["opens"]
    assert [100, 1] == [
        await sent.api.services.database.fetch_value(f"SELECT sum({name}) FROM message_delta")
        for name in ("opens", "opens_unique")
    ]


async def test_an_open_that_cannot_be_recorded_holds_up_no_other(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused by itself is given up; the opens before and after it are written once."""
    sound, marked = tracker.record_interactions, "refused"

    async def record_interactions(transaction: Connection, batch: Prepared) -> tuple[Interaction, ...]:
        if any(item.url == marked for item in batch.items):
            raise ValueError("a bug")
        return await sound(transaction, batch)

    monkeypatch.setattr(tracker, "record_interactions", record_interactions)
    services, place = sent.api.services, (sent.api.account.account_id, sent.profile_id, sent.delivery_id)
    notes = [
        services.tracker.note(Payload(Kind.OPEN, *place), InteractionKind.OPENED, 10, marked if number == 3 else None)
        for number in range(8)
    ]

    assert [True] * 8 == await asyncio.gather(*notes)
    assert 7 == (await sent.row())["opens"]


async def test_an_open_before_the_sending_is_recorded_counts(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person may open a message while the worker that sent it still waits for the answers about others."""
    services, place = sent.api.services, (sent.api.account.account_id, sent.profile_id, sent.delivery_id)
    async with services.database.transaction() as transaction:
        await transaction.execute("UPDATE delivery SET state = 1, sent_at = NULL")
    monkeypatch.setattr(tracker, "EARLY_SECONDS", 3600.0)

    assert await services.tracker.note(Payload(Kind.OPEN, *place), InteractionKind.OPENED, 10)
    early = (await sent.row())["opens"]
    async with services.database.transaction() as transaction:
        await transaction.execute("UPDATE delivery SET state = 2, sent_at = due_at")
    await services.tracker.close()

    assert (0, 1) == (early, (await sent.row())["opens"])


async def test_an_open_is_not_recorded_of_whoever_refused_that(sent: Sent) -> None:
    """The consent to open tracking is one of its own; clicks are recorded all the same."""
    no = {"email": {"open_tracking": {"consent": "UNSUBSCRIBED"}}}
    await unsubscribe(sent.api, row(no, email="sarah@x.co"))
    assert 200 == (await sent.api.http.get(sent.links.pixel())).status_code
    await sent.api.http.get(sent.click())

    assert ["Clicked Email"] == await sent.metrics()


async def test_a_click_redirects_and_is_recorded(sent: Sent) -> None:
    """A click leads to the address in the token, with the identity parameter, and is recorded with its address."""
    answer = await sent.api.http.get(sent.click())
    target = urlsplit(answer.headers["location"])
    assert (302, "shop.example", ["1"]) == (answer.status_code, target.hostname, parse_qs(target.query)["a"])
    assert "_kx" in parse_qs(target.query)
    assert 1 == (await sent.row())["clicks"]
    event = await sent.api.services.database.fetch_row("SELECT properties FROM event")
    assert event is not None
    assert SHOP == event["properties"]["URL"]


async def test_looking_is_not_opening(sent: Sent) -> None:
    """HEAD requests, which checkers send, record nothing."""
    assert 200 == (await sent.api.http.head(sent.links.pixel())).status_code
    assert 302 == (await sent.api.http.head(sent.click())).status_code
    assert [] == await sent.metrics()


@pytest.mark.parametrize("change", ["x{}", "{}x", "{}"])
async def test_a_changed_token_leads_nowhere(sent: Sent, change: str) -> None:
    """A token that was changed, or is one of another kind, redirects nobody and records nothing."""
    token = sent.click().rpartition("/")[2] if change != "{}" else sent.links.view().rpartition("/")[2]
    answer = await sent.api.http.get(f"/t/c/{change.format(token)}")
    assert (404, None) == (answer.status_code, answer.headers.get("location"))
    assert [] == await sent.metrics()


async def test_a_click_on_a_message_that_is_gone_still_redirects(sent: Sent) -> None:
    """When delivery and account are gone, the token still says where to go."""
    await sent.api.services.database.fetch("DELETE FROM delivery")
    assert 302 == (await sent.api.http.get(sent.click())).status_code
    unknown = MessageIds("NOBODY", sent.profile_id, sent.delivery_id)
    data = SHOP.encode()
    link = Links(sent.api.services.signer, BASE, unknown).click(Target(data, unpadded(data)))
    assert 302 == (await sent.api.http.get(link)).status_code
    assert [] == await sent.metrics()


async def test_a_click_redirects_while_the_database_is_down(sent: Sent) -> None:
    """A click needs no database; the pixel is answered, too."""
    database = await Database.connect(sent.api.services.database.dsn)
    services = Services.of(
        database,
        signer=sent.api.services.signer,
        system_clock=sent.api.services.system_clock,
        ids=sent.api.services.ids,
    )
    await database.close()
    transport = httpx.ASGITransport(app=create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        assert 302 == (await client.get(sent.click())).status_code
        assert 200 == (await client.get(sent.links.pixel())).status_code
        assert 503 == (await client.post(sent.links.unsubscribe())).status_code
    await services.close()


async def test_unsubscribing_asks_first(sent: Sent) -> None:
    """Opening the unsubscribe link shows a button and changes nothing, because scanners open links."""
    answer = await sent.api.http.get(sent.links.unsubscribe())
    assert 200 == answer.status_code
    assert '<form method="post">' in answer.text
    assert "Sample Shop" in answer.text
    assert await sent.consent() is None


@pytest.mark.parametrize(
    ("data", "method"),
    [({"confirm": "yes"}, "preference_page"), ({"List-Unsubscribe": "One-Click"}, "one_click_unsubscribe")],
)
async def test_unsubscribing_writes_consent_and_event(sent: Sent, data: dict[str, str], method: str) -> None:
    """The button and the mail program's one click both unsubscribe; the second time nothing more is recorded."""
    for _ in range(2):
        answer = await sent.api.http.post(sent.links.unsubscribe(), data=data)
        assert 200 == answer.status_code
    consent = await sent.consent()
    assert (Channel.EMAIL, "UNSUBSCRIBED", method) == (consent["channel"], consent["subscription"], consent["method"])
    assert 1 == (await sent.row())["unsubscribes"]
    assert ["Unsubscribed from Email Marketing"] == await sent.metrics()


async def test_who_has_unsubscribed_is_not_asked_again(sent: Sent) -> None:
    """The page says that it is done; the preferences stay at hand. Who subscribes again is asked again."""
    asked = await sent.api.http.get(sent.links.unsubscribe())
    await sent.api.http.post(sent.links.unsubscribe(), data={"confirm": "yes"})
    done = await sent.api.http.get(sent.links.unsubscribe())
    await sent.api.services.database.fetch("UPDATE consent SET subscription = 'SUBSCRIBED'")
    again = await sent.api.http.get(sent.links.unsubscribe())

    assert [True, False, True] == ["Stop receiving" in one.text for one in (asked, done, again)]
    assert ["<form" in done.text, "You are unsubscribed" in done.text, 'href="?' in done.text] == [False, True, True]


async def test_unsubscribing_counts_for_whom_the_person_has_become_meanwhile(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are merged after the request found out who they are and before it writes."""
    services, other = sent.api.services, await made_profile(sent.api, email="bea@x.co")
    ready = unsubscribing.make_room

    async def merge_first(*args: Any, **rest: Any) -> Any:
        monkeypatch.setattr(unsubscribing, "make_room", ready)
        await request_merge(services, sent.api.account, sent.profile_id, other, NOW, NOW)
        return await ready(*args, **rest)

    monkeypatch.setattr(unsubscribing, "make_room", merge_first)
    await sent.api.http.post(sent.links.unsubscribe(), data={"confirm": "yes"})

    rows = await services.database.fetch("SELECT profile_id, subscription FROM consent")
    assert [(other, "UNSUBSCRIBED")] == [tuple(row.values()) for row in rows]
    assert 1 == (await sent.row())["unsubscribes"]


async def test_a_text_message_unsubscribes_from_text_messages(api: Api) -> None:
    """The channel is that of the message in which the link stood."""
    sent = await send(api, Channel.SMS)
    await api.http.post(sent.links.unsubscribe())
    assert Channel.SMS == (await sent.consent())["channel"]
    assert ["Unsubscribed from SMS Marketing"] == await sent.metrics()


async def test_unsubscribing_works_when_the_delivery_is_gone(sent: Sent) -> None:
    """Consent outlives deliveries, and so does its event; it counts for no message."""
    await sent.api.services.database.fetch("DELETE FROM delivery")
    assert 200 == (await sent.api.http.post(sent.links.unsubscribe())).status_code
    assert "UNSUBSCRIBED" == (await sent.consent())["subscription"]
    assert ["Unsubscribed from Email Marketing"] == await sent.metrics()
    assert 0 == await counted(sent.api, "interaction")


async def test_unsubscribing_counts_for_a_message_that_is_still_being_sent(
    sent: Sent, machine_clock: FixedClock
) -> None:
    """Consent ends at once; event and statistics follow when the sending has been recorded, once."""
    database = sent.api.services.database
    await database.fetch("UPDATE delivery SET state = 1, sent_at = NULL, lease_until = $1", NOW + timedelta(hours=1))
    await sent.api.http.post(sent.links.unsubscribe(), data={"confirm": "yes"})
    await run_jobs(engine(sent.api))
    early = (await sent.metrics(), (await sent.consent())["subscription"])
    await database.fetch("UPDATE delivery SET state = 2, sent_at = due_at")
    machine_clock.moment += timedelta(seconds=2)
    await run_jobs(engine(sent.api))
    await sent.api.http.post(sent.links.unsubscribe(), data={"confirm": "yes"})

    assert ([], "UNSUBSCRIBED") == early
    assert ["Unsubscribed from Email Marketing"] == await sent.metrics()
    assert 1 == (await sent.row())["unsubscribes"]
    assert 1 == await database.fetch_value("SELECT sum(unsubscribe_uniques) FROM message_delta")


async def test_unsubscribing_from_a_message_that_was_never_sent_is_an_event(sent: Sent) -> None:
    """What was on its way and was given up counts for no message."""
    database = sent.api.services.database
    await database.fetch("UPDATE delivery SET state = 1, sent_at = NULL")
    await sent.api.http.post(sent.links.unsubscribe(), data={"confirm": "yes"})
    await database.fetch("UPDATE delivery SET state = 4")
    await run_jobs(engine(sent.api))

    assert ["Unsubscribed from Email Marketing"] == await sent.metrics()
    assert 0 == await counted(sent.api, "interaction")


async def test_interactions_carry_the_accounts_own_time(api: Api) -> None:
    """In an account with a virtual clock an open happens at that clock's time."""
    services, moment = api.services, NOW - timedelta(hours=5)
    test = await create_account(services.database, services.ids, Account("", "Test"), VirtualClock(moment))
    sent = await send(api, account_id=test.account_id)
    await api.http.get(sent.links.pixel())
    assert moment == (await sent.row())["first_open_at"]


async def test_a_kept_message_is_shown_disarmed(sent: Sent) -> None:
    """View in browser shows the message's HTML under a policy that runs no scripts and gives it no origin."""
    await keep(sent, html="<p>Hello</p><script>alert(1)</script>")
    answer = await sent.api.http.get(sent.links.view())
    assert "<p>Hello</p>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


async def test_a_message_that_was_not_kept_is_not_shown(sent: Sent) -> None:
    """View in browser of a message that the inbox does not hold is a plain 404 page."""
    assert 404 == (await sent.api.http.get(sent.links.view())).status_code


async def keep(sent: Sent, subject: str = "Hi <b>", html: str = "<p>Hello") -> None:
    """Put the message into the inbox."""
    account_id = sent.api.account.account_id
    keys = (bucket_of(sent.profile_id), account_id, sent.delivery_id, sent.profile_id)
    await sent.api.services.database.fetch(_KEPT, *keys, subject, html, NOW)


# --- the inbox --------------------------------------------------------------------------------------------------


async def test_messages_are_read_over_the_api(sent: Sent) -> None:
    """GET /headrace/messages shows what was sent, found by person, flow, message, channel, time and number."""
    await keep(sent)
    [row] = (await sent.api.get("/headrace/messages", revision=None)).json()["data"]
    attributes = row["attributes"]
    assert ("email", "Hi <b>", "<p>Hello", "Hello") == tuple(
        attributes[name] for name in ("channel", "subject", "html", "text")
    )
    assert row == (await sent.api.get(f"/headrace/messages/{sent.delivery_id}")).json()["data"]
    found = {
        f'equals(profile_id,"{sent.profile_id}")': 1,
        'equals(flow_id,"FLOW01"),any(message_id,["MSG001"])': 1,
        'equals(channel,"sms")': 0,
        "greater-than(number,0),less-or-equal(sent_at,2026-11-20T12:00:00Z)": 1,
        f"greater-than(number,{attributes['number']})": 0,
    }
    answers = {text: await sent.api.get("/headrace/messages", params={"filter": text}) for text in found}
    assert found == {text: len(answer.json()["data"]) for text, answer in answers.items()}
    for unknown in ("nope", str(uuid.UUID(int=7))):
        assert 404 == (await sent.api.get(f"/headrace/messages/{unknown}")).status_code


async def test_an_inbox_link_opens_once(sent: Sent) -> None:
    """The link shows the inbox to whoever opens it first, for as long as the cookie lasts."""
    await keep(sent, subject="<script>")
    made = await sent.api.post("/headrace/inbox-links", None)
    url = made.json()["data"]["attributes"]["url"]
    assert 201 == made.status_code
    browser, later = (await _browser(sent.api), await _browser(sent.api))
    assert 403 == (await browser.get("/inbox")).status_code
    shown = await browser.get(url, follow_redirects=True)
    assert 200 == shown.status_code
    assert "&lt;script&gt;" in shown.text
    assert 403 == (await later.get(url, follow_redirects=True)).status_code
    detail = await browser.get(f"/inbox/{sent.delivery_id}")
    assert f'sandbox="allow-popups allow-popups-to-escape-sandbox" src="/inbox/{sent.delivery_id}/html"' in detail.text
    frame = await browser.get(f"/inbox/{sent.delivery_id}/html")
    assert frame.headers["content-security-policy"].startswith("sandbox ")
    assert 404 == (await later.get(f"/inbox/{sent.delivery_id}")).status_code


async def test_an_inbox_link_expires(sent: Sent, machine_clock: Any) -> None:
    """A link that nobody opened within a quarter of an hour opens nothing."""
    made = await sent.api.post("/headrace/inbox-links", None)
    machine_clock.moment += timedelta(minutes=16)
    assert 403 == (await sent.api.http.get(made.json()["data"]["attributes"]["url"])).status_code


async def test_a_link_is_no_cookie(sent: Sent) -> None:
    """The token of a link, or of another account's page, put into the cookie opens nothing."""
    made = await sent.api.post("/headrace/inbox-links", None)
    token = made.json()["data"]["attributes"]["url"].rpartition("/")[2]
    click = sent.api.services.signer.sign(Payload(Kind.CLICK, sent.api.account.account_id, url="inbox session"))
    for forged in (token, click, "x"):
        answer = await sent.api.http.get("/inbox", headers={"cookie": f"headrace_inbox={forged}"})
        assert 403 == answer.status_code


async def _browser(api: Api) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app(replace(api.services)))
    return httpx.AsyncClient(transport=transport, base_url=BASE)
