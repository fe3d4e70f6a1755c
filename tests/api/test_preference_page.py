"""The preference page, and unsubscribing from everything or from a flow's list."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest_asyncio
from api_client import NOW, Api
from consent_calls import EMAIL, SMS, consents, list_of, members, metrics, row, subscribe
from people import counted

from headrace.ids import bucket_of
from headrace.messages.links import Links, MessageIds

PHONE = "+14155552671"
_FLOW = """
INSERT INTO flow (flow_id, account_id, name, status, trigger_type, version, created_at, updated_at)
VALUES ('FLOW01', $1, 'Welcome', 'live', 'Added to List', 1, $2, $2)
"""
_VERSION = "INSERT INTO flow_version VALUES ('FLOW01', 1, $1, $2, $3)"
_ALIAS = "INSERT INTO profile_alias VALUES ($1, $2, $3, $4, $5)"


class Form(HTMLParser):
    """Reads what a page lets somebody choose."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.boxes: dict[str, bool] = {}
        self.hidden: list[tuple[str, str]] = []
        self._words: list[str] = []
        self._box: tuple[str, bool] | None = None
        self.outside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note boxes, hidden fields and whatever would be loaded."""
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden":
            self.hidden.append((given["name"] or "", given["value"] or ""))
        elif tag == "input":
            self._box, self._words = (f"{given['name']}={given['value']}", "checked" in given), []
        if tag in ("script", "img", "link", "iframe"):
            self.outside.append(tag)

    def handle_data(self, data: str) -> None:
        """Gather the words of a label."""
        self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        """A label ends: its box has a name."""
        if tag == "label" and self._box is not None:
            self.boxes["".join(self._words).strip()] = self._box[1]
            self._box = None


@dataclass
class Reader:
    """Ana, who is on a list and got a mail of a flow that begins with it."""

    api: Api
    list_id: str
    profile_id: str
    links: Links = field(repr=False)

    @property
    def preferences(self) -> str:
        """The link to the preference page."""
        return f"{self.links.unsubscribe()}?preferences"

    async def form(self) -> Form:
        """Return what the page shows."""
        answer = await self.api.http.get(self.preferences)
        assert 200 == answer.status_code
        return Form(answer.text)

    async def save(self, **given: Any) -> str:
        """Send the form and return the answer's text."""
        answer = await self.api.http.post(self.preferences, data={"shown": [self.list_id], "save": "yes", **given})
        assert 200 == answer.status_code
        return answer.text


@pytest_asyncio.fixture
async def ana(api: Api) -> Reader:
    """Ana."""
    list_id, database = await list_of(api), api.services.database
    await subscribe(api, row({**EMAIL, **SMS}, email="ana@example.com", phone_number=PHONE), list_id=list_id)
    await database.fetch("DELETE FROM event")
    profile_id = await database.fetch_value("SELECT profile_id FROM profile")
    account_id = api.account.account_id
    await database.fetch(_FLOW, account_id, NOW)
    await database.fetch(_VERSION, account_id, {"triggers": [{"type": "list", "id": list_id}]}, NOW)
    ids = MessageIds(account_id, profile_id, uuid.UUID(int=7), "FLOW01", "MSG001")
    return Reader(api, list_id, profile_id, Links(api.services.signer, "http://headrace.test", ids))


async def test_the_page_shows_channels_and_lists(ana: Reader) -> None:
    """Each with its name, ticked where the person gets messages; nothing is loaded from anywhere."""
    form = await ana.form()

    assert {"E-mail to ana@example.com": True, f"Text messages to {PHONE}": True, "News": True} == form.boxes
    assert [("shown", ana.list_id)] == form.hidden
    assert [] == form.outside


async def test_looking_changes_nothing(ana: Reader) -> None:
    """Neither opening nor saving it as it is leaves an event."""
    await ana.form()
    text = await ana.save(channel=["email", "sms"], list=[ana.list_id])

    assert "Nothing was changed." in text
    assert [] == await metrics(ana.api)


async def test_unticking_ends_what_was_unticked(ana: Reader) -> None:
    """Text messages end and the list is left; e-mail stays. Each is an event, and so is the change of preferences."""
    text = await ana.save(channel=["email"])

    assert "Your preferences are saved." in text
    assert {"E-mail to ana@example.com": True, f"Text messages to {PHONE}": False, "News": False} == Form(text).boxes
    assert ["SUBSCRIBED", "UNSUBSCRIBED"] == [subscription for *_, subscription in await consents(ana.api)]
    assert [] == await members(ana.api, ana.list_id)
    assert [
        "Unsubscribed from List",
        "Unsubscribed from SMS Marketing",
        "Updated Email Preferences",
    ] == await metrics(ana.api)
    assert "preference_page" == await ana.api.services.database.fetch_value(
        "SELECT method FROM consent WHERE subscription = 'UNSUBSCRIBED'"
    )


async def test_ticking_again_subscribes_again(ana: Reader) -> None:
    """The list is joined and no longer suppressed."""
    await ana.save(channel=["email"])
    await ana.save(channel=["email", "sms"], list=[ana.list_id])

    assert ["ana@example.com"] == await members(ana.api, ana.list_id)
    assert 0 == await counted(ana.api, "suppression")
    assert 2 == (await metrics(ana.api)).count("Updated Email Preferences")


async def test_one_button_ends_everything(ana: Reader) -> None:
    """Every channel, whatever is ticked."""
    await ana.save(channel=["email", "sms"], list=[ana.list_id], none="yes")

    assert ["UNSUBSCRIBED", "UNSUBSCRIBED"] == [subscription for *_, subscription in await consents(ana.api)]


async def test_lists_that_were_not_shown_stay(ana: Reader) -> None:
    """A list that was joined after the page was opened is not left by saving it."""
    other = await list_of(ana.api, name="Later")
    await subscribe(ana.api, row(EMAIL, email="ana@example.com"), list_id=other)
    await ana.save(channel=["email", "sms"], list=[ana.list_id])

    assert ["ana@example.com"] == await members(ana.api, other)


async def test_names_are_shown_as_text(ana: Reader) -> None:
    """A list's name is no HTML."""
    other = await list_of(ana.api, name="<b>Sales</b>")
    await subscribe(ana.api, row(EMAIL, email="ana@example.com"), list_id=other)

    assert "&lt;b&gt;Sales&lt;/b&gt;" in (await ana.api.http.get(ana.preferences)).text


async def test_whoever_was_merged_sees_what_they_are_now(ana: Reader) -> None:
    """Links in old mails lead to the profile that took the old one in."""
    old, account_id = "01OLDPROFILE", ana.api.account.account_id
    values = (bucket_of(old), account_id, old, ana.profile_id, NOW)
    await ana.api.services.database.fetch(_ALIAS, *values)
    ids = MessageIds(account_id, old, uuid.UUID(int=7), "FLOW01", "MSG001")
    link = Links(ana.api.services.signer, "http://headrace.test", ids).unsubscribe()

    assert "ana@example.com" in (await ana.api.http.get(f"{link}?preferences")).text
    await ana.api.http.post(link)
    assert "UNSUBSCRIBED" in [subscription for *_, subscription in await consents(ana.api)]


async def test_somebody_who_is_gone_has_nothing_to_choose(ana: Reader) -> None:
    """A plain page says so."""
    await ana.api.services.database.fetch("DELETE FROM profile")

    assert 404 == (await ana.api.http.get(ana.preferences)).status_code
    assert 404 == (await ana.api.http.post(ana.preferences)).status_code


async def test_a_flow_of_a_list_may_be_left_alone(ana: Reader) -> None:
    """The unsubscribe page offers the flow's list by itself; the rest stays."""
    page = (await ana.api.http.get(ana.links.unsubscribe())).text
    assert "Only from News" in page
    answer = await ana.api.http.post(ana.links.unsubscribe(), data={"list": ana.list_id})

    assert "no more messages of News" in answer.text
    assert {"SUBSCRIBED"} == {subscription for *_, subscription in await consents(ana.api)}
    assert ["Unsubscribed from List"] == await metrics(ana.api)
    kept = await ana.api.services.database.fetch("SELECT list_id, reason FROM suppression")
    assert [(ana.list_id, "UNSUBSCRIBE")] == [tuple(one.values()) for one in kept]


async def test_one_click_is_for_everything(ana: Reader) -> None:
    """A mail program's own button ends e-mail, also in a flow of a list."""
    await ana.api.http.post(ana.links.unsubscribe(), data={"List-Unsubscribe": "One-Click"})

    assert ["UNSUBSCRIBED", "SUBSCRIBED"] == [subscription for *_, subscription in await consents(ana.api)]
    assert ["Unsubscribed from Email Marketing"] == await metrics(ana.api)
