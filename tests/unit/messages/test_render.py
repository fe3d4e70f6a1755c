"""E-mail and SMS as they are written for one person."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from headrace.messages.links import MessageIds, follow
from headrace.messages.render import render, render_email, render_sms
from headrace.messages.rendered import (
    RenderedEmail,
    RenderedSms,
    RenderFailed,
    RenderRequest,
    TemplateBody,
    Workshop,
)
from headrace.messages.segments import Encoding, segment_count
from headrace.messages.tokens import Signer
from headrace.model.account import Account
from headrace.model.delivery import Channel
from headrace.model.event import Event
from headrace.model.profile import Profile

SIGNER = Signer([(1, b"k" * 32)])
WORKSHOP = Workshop(SIGNER, "https://mail.example.com")
NOW = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
PROFILE = Profile(
    "01GDDKASAP8TKDDA2GRZDSVP4H",
    email="ann@example.com",
    phone_number="+15555550100",
    first_name="Ann",
    last_name="O'Hara",
    location={"city": "Boston"},
    properties={"Plan": "gold"},
)
HTML = (
    "<html><head><style>a{}</style></head><body class='x'><h1>Hi {{ first_name }}</h1>"
    '<p>{% for i in event.items %}<a href="{{ i.url }}">{{ i.name }}</a><br>{% endfor %}</p>'
    '<a href="https://shop.example.com/cart?a=1&amp;b=2">Cart</a></body></html>'
)
SMS = {"body": "Hi {{ first_name }}"}


def request(html: str | None = HTML, text: str | None = None, **message: Any) -> RenderRequest:
    """Return a request for one e-mail."""
    return RenderRequest(
        ids=MessageIds("AbC123", PROFILE.profile_id, UUID(int=5), "FlOw01", "MsG001"),
        message={"subject_line": "Hi {{ first_name }}", "from_email": None, **message},
        template=TemplateBody(html, text),
        account=Account("AbC123", "Shop", timezone="America/New_York", sender_email="shop@example.com"),
        profile=PROFILE,
        event=Event(
            5,
            PROFILE.profile_id,
            "MeTrIc",
            NOW,
            {"items": [{"url": "https://shop.example.com/1", "name": "<One>"}]},
            Decimal("12.50"),
            "USD",
        ),
        now=NOW,
        flow_name="Cart",
        message_name="First",
    )


def email(made: RenderRequest) -> RenderedEmail:
    """Render an e-mail that must succeed."""
    rendered = render_email(made, WORKSHOP)
    assert isinstance(rendered, RenderedEmail), rendered
    return rendered


def sms(**message: Any) -> RenderedSms:
    """Render a text message that must succeed."""
    rendered = render_sms(replace(request(), message=message), WORKSHOP)
    assert isinstance(rendered, RenderedSms), rendered
    return rendered


def targets(body: str) -> list[str]:
    """Return where the tracked links of a body lead, the identity parameter left out."""
    found = [follow(SIGNER, token) for token in re.findall(r"/t/c/([\w-]+)", body)]
    return [destination.payload.url for destination in found if destination]


def test_an_email_is_complete() -> None:
    """Sender from the account, links tracked, pixel last, unsubscribe link added, headers for one click."""
    made = email(request())
    assert ("ann@example.com", "Hi Ann", "shop@example.com", "Shop") == (
        made.to, made.subject, made.from_email, made.from_label,
    )  # fmt: skip
    assert ["https://shop.example.com/1", "https://shop.example.com/cart?a=1&b=2"] == targets(made.html)
    assert "&lt;One&gt;</a>" in made.html
    assert re.search(
        r"Unsubscribe</a></p><img src=\"https://mail.example.com/t/o/[\w-]+\.gif\"[^>]*></body></html>$", made.html
    )
    unsubscribe, one_click = made.headers
    assert re.fullmatch(r"<https://mail\.example\.com/t/u/[\w-]+>", unsubscribe[1])
    assert ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Unsubscribe=One-Click") == (unsubscribe[0], *one_click)


def test_the_text_part_is_made_from_the_html() -> None:
    """Without a text of its own, the message gets one with the same words and links."""
    lines = [line for line in email(request()).text.split("\n") if line]
    plain = [re.sub(r"https://mail\S+?(?=\)|$)", "LINK", line) for line in lines]
    assert ["Hi Ann", "<One> (LINK)", "Cart (LINK)", "Unsubscribe: LINK"] == plain
    assert ["https://shop.example.com/1", "https://shop.example.com/cart?a=1&b=2"] == targets(email(request()).text)


def test_a_given_text_part_is_used() -> None:
    """The template's own text is rendered unescaped, its addresses tracked."""
    made = email(request(text="{{ last_name }} https://shop.example.com/x."))
    assert made.text.startswith("O'Hara https://mail.example.com/t/c/")
    assert ["https://shop.example.com/x"] == targets(made.text)


def test_the_preview_text_is_hidden_at_the_top() -> None:
    """It follows the body tag, escaped, unless the template shows it itself."""
    assert re.search(
        r"<body class='x'><div style=\"display:none[^>]*>1 &lt; Ann</div><h1>",
        email(request(preview_text="1 < {{ first_name }}")).html,
    )
    shown = email(request("<body>{% render_variable preview_text %}</body>", preview_text="Look"))
    assert 1 == shown.html.count("Look")


@pytest.mark.parametrize(
    ("html", "transactional", "expected"),
    [
        ("<body>x</body>", False, 1),
        ("<body>x</body>", True, 0),
        ("<body>{% unsubscribe %}</body>", False, 1),
        ('<body><a href="{% unsubscribe_link %}">Out</a></body>', False, 1),
        ("<body>{% if no %}{% unsubscribe %}{% endif %}</body>", False, 1),
    ],
)
def test_marketing_mail_always_has_an_unsubscribe_link(html: str, transactional: bool, expected: int) -> None:
    """The footer is added when the body shows no such link, and unsubscribe links are not tracked."""
    made = email(request(html, transactional=transactional))
    assert expected == len(re.findall(r'href="https://mail.example.com/t/u/', made.html))
    assert [] == targets(made.html)


def test_values_cannot_break_out_of_html() -> None:
    """A person's name is text in the body, whatever it holds."""
    hostile = replace(request(), profile=replace(PROFILE, first_name='<script>"x"</script>'))
    assert "<h1>Hi &lt;script&gt;&quot;x&quot;&lt;/script&gt;</h1>" in email(hostile).html


def test_values_cannot_add_headers() -> None:
    """Line ends in values become spaces in a one-line field."""
    hostile = replace(request(), profile=replace(PROFILE, first_name="A\r\nBcc: all@example.com\x00"))
    assert "Hi A Bcc: all@example.com" == email(hostile).subject


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (replace(request(), profile=replace(PROFILE, email=None)), "Missing Email"),
        (replace(request(), profile=replace(PROFILE, email="a b@example.com")), "Email Syntax Error"),
        (replace(request(), template=None), "Email Syntax Error"),
        (request("{% if %}"), "Email Syntax Error"),
        (request(subject_line="{{ x|rjust:99999999 }}"), "Email Syntax Error"),
        (request(from_email="nobody"), "Invalid From Email"),
        (request(bcc_email="a@example.com, b@"), "Email Syntax Error"),
    ],
)
def test_what_cannot_be_written_says_why(made: RenderRequest, reason: str) -> None:
    """A failure is a value with the skip reason of the reference."""
    rendered = render(Channel.EMAIL, made, WORKSHOP)
    assert isinstance(rendered, RenderFailed)
    assert reason == rendered.reason


def test_addresses_may_be_templates_and_several() -> None:
    """Sender fields are rendered; copies are separated by commas."""
    made = email(
        request(
            from_label="{{ organization.name }} of {{ person.City }}",
            cc_email="a@x.com,b@x.com",
            reply_to_email="r@x.com",
        )
    )
    assert ("Shop of Boston", ("a@x.com", "b@x.com"), "r@x.com") == (made.from_label, made.cc, made.reply_to)


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        (None, "utm_source=Cart&utm_medium=email&utm_campaign=First+%28MsG001%29"),
        ([{"param": "who", "value": "profile_id"}], f"who={PROFILE.profile_id}"),
        ([{"param": "s", "value": "email_subject"}], "s=Hi+Ann"),
    ],
)
def test_tracked_links_carry_utm_parameters(custom: Any, expected: str) -> None:
    """Parameters are on every tracked link when the message asks for them, also those that differ per person."""
    made = email(request(add_tracking_params=True, custom_tracking_params=custom))
    assert [f"https://shop.example.com/1?{expected}", f"https://shop.example.com/cart?a=1&b=2&{expected}"] == targets(
        made.html
    )


def test_a_changed_template_changes_the_next_message() -> None:
    """The cache goes by the template's text, so nothing stale is sent."""
    assert "<p>one</p>" in email(request("<p>one</p>")).html
    assert "<p>two</p>" in email(request("<p>two</p>")).html


def test_sms_has_prefix_opt_out_and_tracked_links() -> None:
    """The organization's name goes in front, the opt-out words behind, links are tracked."""
    made = sms(body="Hi {{ last_name }}: https://shop.example.com/cart", add_opt_out_language=True)
    assert re.fullmatch(r"Shop: Hi O'Hara: https://mail\.example\.com/t/c/[\w-]+ Text STOP to opt-out\.", made.body)
    assert ["https://shop.example.com/cart"] == targets(made.body)


def test_sms_options_can_be_off() -> None:
    """Without prefix and shortening the body is sent as written."""
    made = sms(body="https://shop.example.com", shorten_links=False, add_org_prefix=False)
    assert RenderedSms("+15555550100", "https://shop.example.com", 1, Encoding.GSM7) == made


def test_an_sms_without_words_or_number_is_not_sent() -> None:
    """A body that renders to nothing, and a missing number, are skips."""
    empty = render_sms(replace(request(), message={"body": "{{ nothing }}"}), WORKSHOP)
    nobody = render_sms(replace(request(), message=SMS, profile=replace(PROFILE, phone_number=None)), WORKSHOP)
    assert isinstance(empty, RenderFailed)
    assert isinstance(nobody, RenderFailed)
    assert ("Unable to Send SMS", "Missing Phone Number") == (empty.reason, nobody.reason)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ł" * 70, 1),
        ("ł" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 67, 3),
        ("", 1),
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, expected: int) -> None:
    """160/153 in GSM-7 with its two-place characters, 70/67 in UCS-2, no character split."""
    assert expected == segment_count(text)


@pytest.mark.parametrize(
    "address", ["ann.lee@example.com", "ann+cart@example.com", "o'neil@example.co.uk", "a_b-c@x-y.io"]
)
def test_ordinary_addresses_are_written_to(address: str) -> None:
    """Dots, plus signs, quotes, underscores and hyphens belong to addresses."""
    made = request()
    rendered = render_email(replace(made, profile=replace(made.profile, email=address)), WORKSHOP)
    assert getattr(rendered, "to", rendered) == address
