"""Push messages, WhatsApp templates, webhooks, internal alerts and the forms of text messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from headrace.messages.json_text import escaping
from headrace.messages.links import MessageIds
from headrace.messages.render import render
from headrace.messages.rendered import (
    Button,
    Device,
    Media,
    Rendered,
    RenderedEmail,
    RenderedPush,
    RenderedSms,
    RenderedWebhook,
    RenderedWhatsApp,
    RenderFailed,
    RenderRequest,
    TemplateBody,
    Workshop,
)
from headrace.messages.tokens import Signer
from headrace.model import Account, Channel, Event, Profile

WORKSHOP = Workshop(Signer([(1, b"k" * 32)]), "https://mail.example.com")
NOW = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
PROFILE = Profile(
    "01GDDKASAP8TKDDA2GRZDSVP4H",
    email="ann@example.com",
    phone_number="+15555550100",
    first_name='Ann "Q" O\'Hara',
    properties={"Unread": 3, "Picture": "https://cdn.shop.test/1.png"},
)
EVENT = Event(5, PROFILE.profile_id, "MeTrIc", NOW, {"order": 17, "note": "a\nb"}, Decimal("12.50"), "USD")
DEVICES = (Device("t1", "ios", "apns"), Device("t2", "android", "fcm"))


def request(message: dict[str, Any], **rest: Any) -> RenderRequest:
    """Return a request for a message to Ann."""
    made = RenderRequest(
        ids=MessageIds("AbC123", PROFILE.profile_id, UUID(int=5), "FlOw01", "MsG001"),
        message=message,
        template=None,
        account=Account("AbC123", "Shop", sender_email="shop@example.com"),
        profile=PROFILE,
        event=EVENT,
        now=NOW,
        devices=DEVICES,
    )
    return replace(made, **rest)


def push(**message: Any) -> RenderedPush:
    """Render a push message that must succeed."""
    rendered = render(Channel.PUSH, request({"body": "Hi", **message}), WORKSHOP)
    assert isinstance(rendered, RenderedPush), rendered
    return rendered


def webhook(**message: Any) -> RenderedWebhook:
    """Render a webhook that must succeed."""
    rendered = render(Channel.WEBHOOK, request({"url": "https://hooks.shop.test/x", **message}), WORKSHOP)
    assert isinstance(rendered, RenderedWebhook), rendered
    return rendered


def sms(**message: Any) -> RenderedSms:
    """Render a text message that must succeed."""
    rendered = render(Channel.SMS, request({"body": "own", "add_org_prefix": False, **message}), WORKSHOP)
    assert isinstance(rendered, RenderedSms), rendered
    return rendered


def reason(rendered: Rendered) -> str:
    """Return why there is no message."""
    assert isinstance(rendered, RenderFailed), rendered
    return rendered.reason


def test_a_push_goes_to_every_device_with_its_values_filled_in() -> None:
    """Title and body are templates; links, pairs and buttons, too."""
    made = push(
        title="Order {{ event.order }}",
        body=" For {{ first_name }} \n now ",
        sound=True,
        on_open="link",
        ios_link="shop://orders/{{ event.order }}",
        kv_pairs={"order": "{{ event.order }}", "kind": "x", "count": 2},
        action_buttons=[
            {"label": "Later", "action_type": "dismiss", "position": 1},
            {"label": "See {{ event.order }}", "action_type": "open_url", "url": "https://x.test/{{ event.order }}"},
        ],
    )
    assert (
        RenderedPush(
            devices=DEVICES,
            title="Order 17",
            body='For Ann "Q" O\'Hara \n now',
            sound=True,
            on_open="link",
            links=(("ios_link", "shop://orders/17"),),
            data=(("order", "17"), ("kind", "x"), ("count", "2")),
            buttons=(Button("Later", "dismiss"), Button("See 17", "open_url", "https://x.test/17")),
        )
        == made
    )


def test_buttons_stand_at_their_positions() -> None:
    """One without a position stands where it stands in the list."""
    buttons = [{"label": label, "action_type": "dismiss", "position": at} for label, at in (("b", 5), ("a", None))]
    assert ["b", "a"] == [one.label for one in push(action_buttons=[{**buttons[0], "position": 1}, buttons[1]]).buttons]
    assert ["a", "b"] == [one.label for one in push(action_buttons=buttons).buttons]


@pytest.mark.parametrize(
    ("badge", "options", "expected"),
    [
        (False, {"badge_config": "set_count", "value": "4"}, None),
        (True, None, "increment"),
        (True, {"badge_config": "increment_one"}, "increment"),
        (True, {"badge_config": "set_count", "value": "4"}, 4),
        (True, {"badge_config": "set_count", "value": "{{ person.Unread }}"}, 3),
        (True, {"badge_config": "set_count", "value": "many"}, None),
        (True, {"badge_config": "set_property", "set_from_property": "Unread"}, 3),
        (True, {"badge_config": "set_property", "set_from_property": "Missing"}, None),
    ],
)
def test_a_badge_counts_up_or_shows_a_number(badge: bool, options: Any, expected: int | str | None) -> None:
    """Given by the message, by a property of the person, or left alone."""
    assert expected == push(badge=badge, badge_options=options).badge


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"image_id": "123", "dynamic_image": "https://x.test/1.png"}, Media(asset_id="123")),
        ({"dynamic_image": "{{ person.Picture }}"}, Media(url="https://cdn.shop.test/1.png")),
        ({"dynamic_image": "{{ person.Nothing }}"}, None),
        ({"video_asset_id": "01ARZ", "image_id": "123"}, Media(asset_id="01ARZ", film=True)),
        ({}, None),
    ],
)
def test_a_fixed_picture_beats_a_dynamic_one_and_a_film_beats_both(message: Any, expected: Media | None) -> None:
    """What a push shows beside its words."""
    assert expected == push(**message).media


def test_a_push_without_devices_or_words_is_not_sent() -> None:
    """A silent one needs no words."""
    assert "Missing Push Token" == reason(render(Channel.PUSH, request({"body": "Hi"}, devices=()), WORKSHOP))
    assert "Unable to Send Push" == reason(render(Channel.PUSH, request({"body": "{{ no }}"}), WORKSHOP))
    assert "Unable to Send Push" == reason(render(Channel.PUSH, request({"body": "{% if %}"}), WORKSHOP))
    assert push(body="{{ no }}", push_type="silent").silent


def test_whatsapp_names_the_vendors_template_and_gives_it_values() -> None:
    """The words live with the vendor."""
    made = render(Channel.WHATSAPP, request({"vendor_id": "v-1", "name": "order_update"}), WORKSHOP)
    assert isinstance(made, RenderedWhatsApp)
    assert ("+15555550100", "v-1", "order_update") == (made.to, made.vendor_id, made.name)
    assert ["person", "event", "organization"] == list(made.variables)
    assert (17, 12.5, 3) == (
        made.variables["event"]["order"], made.variables["event"]["$value"], made.variables["person"]["Unread"],
    )  # fmt: skip


def test_whatsapp_needs_a_number_and_a_template() -> None:
    """Else there is nothing to send, or nobody to send it to."""
    nobody = request({"vendor_id": "v-1"}, profile=replace(PROFILE, phone_number=None))
    assert "Missing Phone Number" == reason(render(Channel.WHATSAPP, nobody, WORKSHOP))
    assert "Unable to Send WhatsApp" == reason(render(Channel.WHATSAPP, request({"name": None}), WORKSHOP))


def test_a_webhook_carries_values_in_address_headers_and_body() -> None:
    """The body is JSON, whatever the person is called."""
    made = webhook(
        url="https://hooks.shop.test/{{ event.order }}?who={{ email|urlencode }}",
        headers={"X-Person": "{{ person.id }}", "Authorization": "Bearer abc", "Host": "evil.test"},
        body='{"name": "{{ first_name }}", "note": "{{ event.note }}", "order": {{ event.order }}, "tag": "{{ no }}"}',
    )
    assert "https://hooks.shop.test/17?who=ann%40example.com" == made.url
    assert (
        ("X-Person", PROFILE.profile_id), ("Authorization", "Bearer abc"), ("Content-Type", "application/json"),
    ) == made.headers  # fmt: skip
    assert r'{"name": "Ann \u0022Q\u0022 O\u0027Hara", "note": "a\u000Ab", "order": 17, "tag": ""}' == made.body


@pytest.mark.parametrize("body", [None, "", "  "])
def test_a_webhook_without_a_body_sends_an_empty_object(body: str | None) -> None:
    """JSON it is all the same."""
    assert "{}" == webhook(body=body).body


def test_another_content_type_needs_no_json() -> None:
    """The body goes out as it is written."""
    made = webhook(headers={"content-type": "text/plain"}, body="{{ first_name }}")
    assert ((("content-type", "text/plain"),), PROFILE.first_name) == (made.headers, made.body)


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ({"url": None}, "'' is no web address"),
        ({"url": "{{ person.Nothing }}"}, "'' is no web address"),
        ({"url": "ftp://x.test/"}, "'ftp://x.test/' is no web address"),
        ({"url": "https://x.test/", "body": '{"a": }'}, "the body is no JSON"),
        ({"url": "https://x.test/", "body": "{% if %}"}, "Unexpected end of expression"),
        ({"url": "https://x.test/", "headers": {"a b": "x"}}, "'a b' cannot be the name of a header"),
        ({"url": "https://x.test/", "headers": {"a": "ä"}}, "the header a is 'ä'; headers hold ASCII only"),
    ],
)
def test_a_webhook_that_cannot_be_sent_says_why(message: dict[str, Any], detail: str) -> None:
    """A failure is a value that names the mistake."""
    rendered = render(Channel.WEBHOOK, request(message), WORKSHOP)
    assert isinstance(rendered, RenderFailed)
    assert "Unable to Send Webhook" == rendered.reason
    assert detail in rendered.detail


def test_values_cannot_add_headers_to_a_webhook() -> None:
    """Line ends in values become spaces."""
    assert ("X-Note", "a b") == webhook(headers={"X-Note": "{{ event.note }}"}).headers[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{"a": "{{ x }}"}', '{"a": "{{ x|escapejs }}"}'),
        ('{"a": {{ x }}}', '{"a": {{ x }}}'),
        ('{"{{ x|default:"y" }}": 1}', '{"{{ x|default:"y"|escapejs }}": 1}'),
        (r'{"a\"{{ x }}": {{ y }}}', r'{"a\"{{ x|escapejs }}": {{ y }}}'),
        ('{% if a == "b" %}{{ x }}{% endif %}', '{% if a == "b" %}{{ x }}{% endif %}'),
        ('{"a": "{{ x|escapejs }}"}', '{"a": "{{ x|escapejs }}"}'),
        ('{# " #}{{ x }}', '{# " #}{{ x }}'),
        ('{% verbatim %}"{% endverbatim %}{{ x }}', '{% verbatim %}"{% endverbatim %}{{ x }}'),
    ],
)
def test_values_inside_json_strings_are_escaped(source: str, expected: str) -> None:
    """Those outside, such as numbers, are not."""
    assert expected == escaping(source)


ALERT = {"to_emails": ["Boss@Shop.test", "new@shop.test", "ops@shop.test"], "subject_line": "Order {{ event.order }}"}
CONFIRMED = frozenset({"boss@shop.test", "ops@shop.test"})


def alert(html: str, **rest: Any) -> Rendered:
    """Render an internal alert."""
    made = {"template": TemplateBody(html), "recipients": CONFIRMED, **rest}
    return render(Channel.INTERNAL_ALERT, request(ALERT, **made), WORKSHOP)


def test_an_alert_goes_to_those_who_confirmed_and_tracks_nothing() -> None:
    """The links lead where they say; there is no pixel and nothing to unsubscribe from."""
    made = alert('<body><p>{{ first_name }}</p><a href="https://shop.test/17">See</a></body>')
    assert (
        RenderedEmail(
            to="Boss@Shop.test",
            subject="Order 17",
            preview="",
            html='<body><p>Ann &quot;Q&quot; O&#x27;Hara</p><a href="https://shop.test/17">See</a></body>',
            text=getattr(made, "text", ""),
            from_email="shop@example.com",
            from_label="Shop",
            cc=("ops@shop.test",),
        )
        == made
    )
    assert "https://shop.test/17" in getattr(made, "text", "")


def test_an_alert_that_nobody_may_get_is_not_sent() -> None:
    """An address counts once it is confirmed."""
    assert "No Confirmed Recipients" == reason(alert("x", recipients=frozenset({"else@shop.test"})))


@pytest.mark.parametrize("html", ["{% unsubscribe %}", "{% web_view_link %}", "{{ feeds.stock }}", "{% if %}"])
def test_an_alert_holds_no_tags_of_messages_to_customers(html: str) -> None:
    """Its author sees it as a skip instead of people seeing dead links."""
    assert "Email Syntax Error" == reason(alert(html))


RCS = {"message": "rich", "message_format": "RCS"}
PLAIN = {"message": "plain {{ event.order }}", "message_format": "SMS"}


@pytest.mark.parametrize(
    ("hierarchy", "expected"),
    [
        (None, "own"),
        ([], "own"),
        ([RCS], "own"),
        ([RCS, PLAIN], "plain 17"),
        (["stored", PLAIN, {**PLAIN, "message": "second"}], "plain 17"),
        ([{**PLAIN, "message": ""}], "own"),
    ],
)
def test_the_first_form_that_can_be_sent_is(hierarchy: Any, expected: str) -> None:
    """No provider sends the richer ones."""
    assert expected == sms(message_hierarchy=hierarchy).body


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"image_id": "9", "dynamic_image": "https://x.test/1.png"}, Media(asset_id="9")),
        ({"dynamic_image": "{{ person.Picture }}"}, Media(url="https://cdn.shop.test/1.png")),
        ({"message_hierarchy": [{**PLAIN, "image": {"static_image_asset_id": 7}}], "image_id": "9"}, Media("7")),
        (
            {"message_hierarchy": [{**PLAIN, "image": {"dynamic_image_template": "{{ person.Picture }}"}}]},
            Media(url="https://cdn.shop.test/1.png"),
        ),
        ({"message_hierarchy": [{**PLAIN, "media": {"static_asset_id": "m1"}}]}, Media("m1", film=True)),
    ],
)
def test_a_text_message_takes_a_picture_along(message: Any, expected: Media) -> None:
    """A fixed one beats a dynamic one, and that of the chosen form beats the message's."""
    assert expected == sms(**message).media


def test_the_contact_card_is_asked_for() -> None:
    """The provider adds it."""
    assert (True, False) == (sms(include_contact_card=True).contact_card, sms().contact_card)
