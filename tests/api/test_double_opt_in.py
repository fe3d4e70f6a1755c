"""Double opt-in: the mail that asks, the page that confirms, and what follows from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from api_client import NOW, Api, FixedClock
from consent_calls import (
    EMAIL,
    NO,
    SMS,
    SUBSCRIBE,
    consents,
    engine,
    job,
    link_in,
    list_of,
    mails,
    members,
    metrics,
    row,
    subscribe,
    unsubscribe,
    work,
)
from httpx import Response
from people import made_profile

from headrace.channels.port import Envelope, Provider, Refusal, Refused, Result, Retry, Sent
from headrace.engine.jobs import run_jobs
from headrace.engine.merges import request_merge
from headrace.model import Channel
from headrace.storage.accounts import save_settings
from headrace.storage.suppressions import Reason, Suppression, suppress

ANA = row(EMAIL, email="ana@example.com")


async def asked(api: Api, **rest: Any) -> tuple[str, str]:
    """Subscribe Ana to a list that asks for confirmation; return the list and the path of the link in her mail."""
    list_id = await list_of(api, "double_opt_in")
    await subscribe(api, row(EMAIL, email="ana@example.com"), list_id=list_id, **rest)
    return list_id, link_in((await mails(api))[-1]["text"])


async def press(api: Api, link: str) -> Response:
    """Press the button on the page that confirms."""
    return await api.http.post(link, data={"confirm": "yes"})


async def patched(api: Api, profile_id: str, **attributes: Any) -> None:
    """Change a profile."""
    body = {"data": {"type": "profile", "id": profile_id, "attributes": attributes}}
    assert 200 == (await api.patch(f"/api/profiles/{profile_id}", body)).status_code


async def test_nothing_changes_until_the_person_confirms(api: Api) -> None:
    """A mail to the person's address names the list and carries the link; there is no consent and no place on it."""
    list_id, link = await asked(api)

    [mail] = await mails(api)
    assert ("ana@example.com", "Please confirm your subscription to News", Channel.EMAIL) == (
        mail["recipient"],
        mail["subject"],
        mail["channel"],
    )
    assert link in mail["html"]
    assert "Sample Shop" in mail["text"]
    assert ([], [], []) == (await consents(api), await members(api, list_id), await metrics(api))


async def test_opening_the_link_changes_nothing(api: Api) -> None:
    """Scanners open links, so the page has a button."""
    list_id, link = await asked(api)
    answer = await api.http.get(link)

    assert 200 == answer.status_code
    assert "News from Sample Shop" in answer.text
    assert '<form method="post">' in answer.text
    assert ([], []) == (await consents(api), await members(api, list_id))


async def test_confirming_subscribes_once(api: Api, machine_clock: FixedClock) -> None:
    """Consent with double opt-in at the moment of the confirmation, the list, events; the second time nothing."""
    list_id, link = await asked(api, custom_source="Footer")
    machine_clock.moment += timedelta(hours=2)
    answers = [(await press(api, link)).text for _ in range(2)]

    assert ["You are subscribed" in answers[0], "confirmed before" in answers[1]] == [True, True]
    assert ["ana@example.com"] == await members(api, list_id)
    assert ["Subscribed to Email Marketing", "Subscribed to List"] == await metrics(api)
    kept = await api.services.database.fetch_row(
        "SELECT subscription, double_opt_in, changed_at, method, custom_source FROM consent"
    )
    assert kept is not None
    assert ("SUBSCRIBED", True, NOW + timedelta(hours=2), "api", "Footer") == tuple(kept.values())


async def test_an_old_link_does_not_subscribe_again(api: Api) -> None:
    """Whoever confirmed and unsubscribed since stays unsubscribed."""
    _, link = await asked(api)
    await press(api, link)
    await unsubscribe(api, row({"email": {"marketing": NO}}, email="ana@example.com"))
    await press(api, link)

    assert [("ana@example.com", Channel.EMAIL, 0, "UNSUBSCRIBED")] == await consents(api)


async def test_links_end_after_thirty_days(api: Api, machine_clock: FixedClock) -> None:
    """Then neither the page nor the button works."""
    _, link = await asked(api)
    machine_clock.moment += timedelta(days=30)

    assert [410, 410] == [(await api.http.get(link)).status_code, (await press(api, link)).status_code]
    assert [] == await consents(api)


@pytest.mark.parametrize("changed", ["{}x", "x{}"])
async def test_a_changed_link_does_not_work(api: Api, changed: str) -> None:
    """A token that was changed confirms nothing, nor does one of another kind."""
    _, link = await asked(api)
    token = link.rpartition("/")[2]

    assert 404 == (await press(api, f"/t/s/{changed.format(token)}")).status_code
    assert 404 == (await press(api, f"/t/u/{token}")).status_code
    assert [] == await consents(api)


@pytest.mark.parametrize("body", [{}, {"confirm": "no"}, {"confirm": ["no", "yes"]}, {"other": "yes"}])
async def test_only_the_button_confirms(api: Api, body: dict[str, Any]) -> None:
    """Any other form gets the page that asks once more, and changes nothing."""
    list_id, link = await asked(api)
    answer = await api.http.post(link, data=body)

    assert (200, True) == (answer.status_code, '<form method="post">' in answer.text)
    assert ([], []) == (await consents(api), await members(api, list_id))


async def test_a_link_does_not_confirm_another_address(api: Api) -> None:
    """Whoever got the mail cannot subscribe the address that the person has since."""
    list_id, link = await asked(api)
    profile_id = await api.services.database.fetch_value("SELECT profile_id FROM profile")
    await patched(api, profile_id, email="new@example.com")
    answers = [await api.http.get(link), await press(api, link)]

    assert [410, 410] == [one.status_code for one in answers]
    assert ["This link does not work any longer" in one.text for one in answers] == [True, True]
    assert ([], []) == (await consents(api), await members(api, list_id))


async def test_another_spelling_is_the_same_address(api: Api) -> None:
    """An address that only changed its capitals is the one that was asked."""
    list_id, link = await asked(api)
    await patched(
        api, await api.services.database.fetch_value("SELECT profile_id FROM profile"), email="ANA@Example.com"
    )
    await press(api, link)

    assert ["ANA@Example.com"] == await members(api, list_id)


async def test_a_new_address_is_asked_at_once(api: Api, machine_clock: FixedClock) -> None:
    """The hour in which nobody is asked again is one of the address; the link to the new one works."""
    list_id, _ = await asked(api)
    profile_id = await api.services.database.fetch_value("SELECT profile_id FROM profile")
    await patched(api, profile_id, email="new@example.com")
    machine_clock.moment += timedelta(minutes=5)
    await subscribe(api, row(EMAIL, email="new@example.com"), list_id=list_id)
    sent = await mails(api)
    await press(api, link_in(sent[-1]["text"]))

    assert ["ana@example.com", "new@example.com"] == [one["recipient"] for one in sent]
    assert ["new@example.com"] == await members(api, list_id)


@pytest.mark.parametrize("keeper_is_asked", [False, True])
async def test_a_link_does_not_confirm_for_whom_the_person_was_merged_into(api: Api, keeper_is_asked: bool) -> None:
    """Messages go to the address that the remaining profile shows, and nobody confirmed that one."""
    list_id, link = await asked(api)
    source = await api.services.database.fetch_value("SELECT profile_id FROM profile")
    into = await made_profile(api, email="keeper@example.com")
    if keeper_is_asked:
        await subscribe(api, row(EMAIL, email="keeper@example.com"), list_id=list_id)
    await request_merge(api.services, api.account, source, into, NOW, NOW)
    await work(api)
    answer = await press(api, link)

    assert 410 == answer.status_code
    assert ([], []) == (await consents(api), await members(api, list_id))


async def test_nobody_gets_two_mails_for_one_subscription(api: Api, machine_clock: FixedClock) -> None:
    """Asked again at once, nobody is mailed again; an hour later they are, and the new link works."""
    list_id, _ = await asked(api)
    await subscribe(api, ANA, list_id=list_id)
    machine_clock.moment += timedelta(hours=1)
    await subscribe(api, ANA, list_id=list_id)

    assert 2 == len(await mails(api))
    await press(api, link_in((await mails(api))[1]["text"]))
    assert ["ana@example.com"] == await members(api, list_id)


async def test_whoever_is_subscribed_already_is_not_asked(api: Api) -> None:
    """On the list and subscribed: there is nothing to confirm."""
    list_id, link = await asked(api)
    await press(api, link)
    await subscribe(api, ANA, list_id=list_id)

    assert 1 == len(await mails(api))


async def test_text_messages_need_no_confirmation(api: Api) -> None:
    """They are subscribed to at once; the list is joined when e-mail is confirmed, or at once without e-mail."""
    list_id = await list_of(api, "double_opt_in")
    both = row({**EMAIL, **SMS}, email="ana@example.com", phone_number="+14155552671")
    await subscribe(api, both, row(SMS, phone_number="+14155552672"), list_id=list_id)

    assert [Channel.SMS, Channel.SMS] == [channel for _, channel, _, _ in await consents(api)]
    assert [None] == await members(api, list_id)


@pytest.mark.parametrize(("process", "count"), [("double_opt_in", 1), ("single_opt_in", 0)])
async def test_without_a_list_the_account_decides(api: Api, process: str, count: int) -> None:
    """Double opt-in unless the account's setting says otherwise."""
    settings = replace(api.account.settings, opt_in_process=process)
    await save_settings(api.services.database, api.account.account_id, settings)
    await subscribe(api, ANA)

    assert count == len(await mails(api))
    assert 1 - count == len(await consents(api))
    if count:
        assert "e-mail from Sample Shop" in (await press(api, link_in((await mails(api))[0]["text"]))).text
        assert 1 == len(await consents(api))


async def test_an_address_that_does_not_work_is_not_written_to(api: Api) -> None:
    """After a hard bounce nobody is asked."""
    profile_id = await made_profile(api, email="ana@example.com")
    async with api.services.database.transaction() as transaction:
        await suppress(transaction, api.account.account_id, [Suppression(profile_id, Reason.HARD_BOUNCE, NOW)])
    await subscribe(api, ANA, list_id=await list_of(api, "double_opt_in"))

    assert [] == await mails(api)
    assert 4 == await api.services.database.fetch_value("SELECT state FROM opt_in")


async def test_a_list_that_is_deleted_meanwhile_asks_nobody(api: Api) -> None:
    """A mail about a list that is gone would only confuse."""
    list_id = await list_of(api, "double_opt_in")
    await api.post(SUBSCRIBE, job("create", ANA, list_id=list_id))
    await run_jobs(engine(api))
    await api.delete(f"/api/lists/{list_id}")
    await work(api)

    assert [] == await mails(api)


class Killed(BaseException):
    """The process dies."""


class Scripted:
    """A mail server that answers as it was told, and does not recognize a repetition."""

    name = "scripted"
    honors_idempotency_key = False

    def __init__(self, *answers: Result) -> None:
        self.answers = list(answers)
        self.sent: list[Envelope] = []

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Take the mails and answer."""
        self.sent += envelopes
        return [self.answers.pop(0) for _ in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


async def run_all(api: Api, server: Provider, die_at: str = "") -> None:
    """Work off the jobs with a mail server, until nothing moves or the process dies."""

    def at(point: str) -> None:
        if point == die_at:
            raise Killed

    core = replace(engine(api), providers={Channel.EMAIL: server}, at=at)
    while await run_jobs(core):
        pass


@pytest.mark.parametrize(("point", "mailed"), [("opt-in: claimed", 0), ("opt-in: handed over", 1)])
async def test_a_process_that_dies_does_not_mail_twice(
    api: Api, machine_clock: FixedClock, point: str, mailed: int
) -> None:
    """Behind the hand-over nobody knows; a server that recognizes no repetition is not given the mail again."""
    server = Scripted(*[Sent("1")] * 3)
    await api.post(SUBSCRIBE, job("create", ANA, list_id=await list_of(api, "double_opt_in")))
    with pytest.raises(Killed):
        await run_all(api, server, point)
    machine_clock.moment += timedelta(hours=1)
    await run_all(api, server)

    assert mailed == len(server.sent)
    assert ["complete"] == [one["state"] for one in await api.services.database.fetch("SELECT state FROM job")]


async def test_a_server_that_recognizes_mails_gets_them_again(api: Api, machine_clock: FixedClock) -> None:
    """The inbox keeps one mail however often the process dies."""
    await api.post(SUBSCRIBE, job("create", ANA, list_id=await list_of(api, "double_opt_in")))

    inbox = engine(api).providers[Channel.EMAIL]
    with pytest.raises(Killed):
        await run_all(api, inbox, "opt-in: handed over")
    machine_clock.moment += timedelta(hours=1)
    await work(api)

    assert 1 == len(await mails(api))
    assert 2 == await api.services.database.fetch_value("SELECT state FROM opt_in")


async def test_a_server_that_is_busy_is_tried_later(api: Api, machine_clock: FixedClock) -> None:
    """The mail waits as long as the server wishes, and goes out once."""
    server = Scripted(Retry(timedelta(minutes=5), "busy"), Sent("1"))
    await api.post(SUBSCRIBE, job("create", ANA, list_id=await list_of(api, "double_opt_in")))
    await run_all(api, server)
    early = len(server.sent)
    machine_clock.moment += timedelta(minutes=5)
    await run_all(api, server)

    assert (1, 2) == (early, len(server.sent))
    assert 2 == await api.services.database.fetch_value("SELECT state FROM opt_in")


async def test_an_address_that_is_refused_is_suppressed(api: Api) -> None:
    """A hard bounce of the confirmation is one like any other."""
    server = Scripted(Refused("no such user", Refusal.HARD_BOUNCE))
    await api.post(SUBSCRIBE, job("create", ANA, list_id=await list_of(api, "double_opt_in")))
    await run_all(api, server)

    assert "HARD_BOUNCE" == await api.services.database.fetch_value("SELECT reason FROM suppression")
