"""Tracked links: where a click may lead, and the UTM parameters on them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.messages import utm
from headrace.messages.links import TEXT_URL, Links, MessageIds, Target, follow, page_url, preparer, tracked_text
from headrace.messages.tokens import Kind, Payload, Signer
from headrace.model.tracking import TrackingSettings

SIGNER = Signer([(1, b"k" * 32)])
PUBLIC = "https://mail.example.com"
IDS = MessageIds("AbC123", "01GDDKASAP8TKDDA2GRZDSVP4H", UUID(int=5), "FlOw01", "MsG001")
FACTS = utm.UtmFacts(
    flow_id="FlOw01", flow_name="Cart & more", message_id="MsG001", message_name="First", message_type="email"
)


def token_in(url: str) -> str:
    """Return the token of an address."""
    return url.rpartition("/")[2].removesuffix(".gif")


def test_a_click_leads_to_the_address_in_its_token() -> None:
    """The token alone tells the target and whose click it is; the identity parameter is added on the way."""
    target = preparer(PUBLIC, ())("https://shop.example.com/a?b=1#c")
    assert target is not None
    url = Links(SIGNER, PUBLIC, IDS).click(target)
    destination = follow(SIGNER, token_in(url))

    assert url.startswith(f"{PUBLIC}/t/c/")
    assert destination is not None
    expected = Payload(
        Kind.CLICK, IDS.account_id, IDS.profile_id, IDS.delivery_id, IDS.flow_id, IDS.message_id,
        "https://shop.example.com/a?b=1#c",
    )  # fmt: skip
    assert expected == destination.payload
    head, _, rest = destination.location.partition("&_kx=")
    identity, _, fragment = rest.partition("#")
    assert ("https://shop.example.com/a?b=1", "c") == (head, fragment)
    assert Payload(Kind.IDENTITY, IDS.account_id, IDS.profile_id) == SIGNER.read(identity)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example.com",
        "https:/\\evil.example.com",
        "https://a.example.com\\@evil.example.com",
        "https://",
        "http:///x",
        "ftp://x.example.com",
        "https://x.example.com/\r\nSet-Cookie: a=b",
        "https://[bad",
        "",
    ],
)
def test_no_click_leads_off_the_web(url: str) -> None:
    """Even a genuine token redirects to http and https addresses only."""
    assert follow(SIGNER, SIGNER.sign(Payload(Kind.CLICK, "AbC123", url=url))) is None


def test_another_kind_of_token_is_no_click() -> None:
    """An unsubscribe token with an address in it does not redirect."""
    assert follow(SIGNER, SIGNER.sign(Payload(Kind.UNSUBSCRIBE, "AbC123", url="https://x.example.com"))) is None


def test_other_letters_in_an_address_are_encoded_for_the_header() -> None:
    """A redirect's address is ASCII."""
    destination = follow(SIGNER, SIGNER.sign(Payload(Kind.CLICK, "AbC123", url="https://müller.example/straße?q=ü%20")))
    assert destination is not None
    assert "https://xn--mller-kva.example/stra%C3%9Fe?q=%C3%BC%20" == destination.location


def test_each_address_has_its_path_and_kind() -> None:
    """Pixel, unsubscribe, view and page tokens say what they are for."""
    links = Links(SIGNER, PUBLIC, IDS)
    urls = (links.pixel(), links.unsubscribe(), links.view(), page_url(SIGNER, PUBLIC, "AbC123", UUID(int=1), 9))
    kinds = [payload.kind for url in urls if (payload := SIGNER.read(token_in(url)))]
    assert [Kind.OPEN, Kind.UNSUBSCRIBE, Kind.VIEW, Kind.PAGE] == kinds
    assert ["o", "u", "v", "p"] == [url.split("/")[4] for url in urls]


def test_own_pages_and_other_schemes_are_not_tracked() -> None:
    """Unsubscribe links and mail addresses stay as they are."""
    prepare = preparer(PUBLIC, ())
    assert [None] * 4 == [prepare(url) for url in (f"{PUBLIC}/t/u/x", "mailto:a@b.c", "#top", "tel:+15550001")]


def test_addresses_in_plain_text_are_tracked_without_their_punctuation() -> None:
    """A full stop behind an address is not part of it."""
    text = tracked_text(
        "See https://a.example.com/x, (http://b.example.com).", preparer(PUBLIC, ()), lambda t: t.url.decode().upper()
    )
    assert "See HTTPS://A.EXAMPLE.COM/X, (HTTP://B.EXAMPLE.COM)." == text


CUSTOM = [{"param": "utm_source", "value": "news"}, {"param": "who", "value": "profile_id"}]


def test_utm_parameters_are_off_unless_asked_for() -> None:
    """By default there are none; with a custom list that list is used, else the account's defaults."""
    assert () == utm.chosen({"add_tracking_params": False, "custom_tracking_params": CUSTOM})
    assert utm.FLOW_DEFAULTS.parameters == utm.chosen({"add_tracking_params": True, "custom_tracking_params": None})
    chosen = utm.chosen({"add_tracking_params": True, "custom_tracking_params": CUSTOM})
    assert (("utm_source", "news", False), ("who", "profile_id", True)) == chosen
    assert (False, True) == (utm.per_person(utm.FLOW_DEFAULTS.parameters), utm.per_person(chosen))


@pytest.mark.parametrize(("own", "added"), [({}, True), ({"add_tracking_params": False}, False)])
def test_the_account_decides_where_a_message_says_nothing(own: dict[str, bool], added: bool) -> None:
    """A message's own choice counts for more."""
    adding = replace(utm.FLOW_DEFAULTS, auto_add=True)
    assert added == bool(utm.chosen(own, adding))
    assert () == utm.chosen({})


def test_settings_tell_values_from_names() -> None:
    """A static value that reads like the name of a dynamic one is taken as it is; sides that are none add nothing."""
    chosen = TrackingSettings(
        utm={
            "utm_source": {"flow": {"type": "static", "value": "flow_name"}, "campaign": None},
            "utm_medium": {"flow": {"type": "dynamic", "value": "message_type"}},
            "utm_campaign": {"flow": None, "campaign": {"type": "static", "value": "x"}},
            "utm_id": {"flow": {"type": "dynamic", "value": "flow_id"}},
            "utm_term": None,
        },
        custom=[{"name": "shop", "flow": {"type": "static", "value": "north"}}, {"name": "other", "flow": None}],
    )
    filled = utm.filled(utm.defaults_of(chosen).parameters, FACTS)
    assert (("utm_source", "flow_name"), ("utm_medium", "email"), ("utm_id", "FlOw01"), ("shop", "north")) == filled


def test_utm_defaults_name_flow_channel_and_message() -> None:
    """Source is the flow's name, medium the channel, campaign the message's name and id."""
    filled = utm.filled(utm.FLOW_DEFAULTS.parameters, FACTS)
    assert (
        "https://x.example.com/?utm_source=Cart+%26+more&utm_medium=email&utm_campaign=First+%28MsG001%29#f"
        == utm.added("https://x.example.com/#f", filled)
    )


def test_parameters_that_an_address_has_are_kept() -> None:
    """An existing parameter is not overwritten, and nothing else is re-encoded."""
    parameters = (("utm_source", "ours"), ("utm_medium", "email"))
    assert "https://x/?utm_source=theirs&q=a%20b&utm_medium=email" == utm.added(
        "https://x/?utm_source=theirs&q=a%20b", parameters
    )
    assert "https://x/?utm%5Fsource=a&utm_medium=b" == utm.added("https://x/?utm%5Fsource=a&utm_medium=b", parameters)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["http", "HTTPS", "https", "://", ":", "/", "a", ".", ",", ")", " ", "\n", "x.test"])))
def test_addresses_in_text_are_found_wherever_the_pattern_finds_them(pieces: list[str]) -> None:
    """Looking for `://` first is only quicker; what is not tracked stays as it is."""
    text = "".join(pieces)

    def prepare(url: str) -> Target | None:
        return Target(url.encode(), "") if "x" in url else None

    expected = TEXT_URL.sub(lambda match: f"<{match[0]}>" if "x" in match[0] else match[0], text)
    assert expected == tracked_text(text, prepare, lambda target: f"<{target.url.decode()}>")
