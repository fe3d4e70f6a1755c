"""What blocks of universal content show, and how templates name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from headrace.messages.blocks import block_source
from headrace.messages.universal import MOST_BLOCKS, expanded, references, settled
from headrace.templates import compile

NAMED = "<td><div data-klaviyo-universal-block='AB'>&nbsp;<div></td>"


def block(kind: str, data: Any, **options: Any) -> dict[str, Any]:
    """Return the definition of a block."""
    whole = {**data, "display_options": options} if isinstance(data, dict) else data
    return {"content_type": "block", "type": kind, "data": whole}


def shown(definition: Mapping[str, Any], **values: Any) -> str:
    """Return what a block shows to somebody."""
    return compile(block_source(definition)).render(values)


@pytest.mark.parametrize("kind", ["button", "coupon", "image", "product", "spacer", "text", "video"])
def test_a_block_without_data_shows_nothing(kind: str) -> None:
    """Null is what older revisions tell of most types."""
    assert "" == block_source(block(kind, None))


def test_a_block_of_html_shows_its_content() -> None:
    """Nothing is added."""
    assert "<b>Hi Ann</b>" == shown(block("html", {"content": "<b>Hi {{ name }}</b>"}), name="Ann")


@pytest.mark.parametrize(
    "options", [{"visible_check": "name == 'Ann'"}, {"visibility": {"check": "name == 'Ann'"}}], ids=["older", "newer"]
)
def test_a_block_is_shown_where_its_condition_holds(options: dict[str, Any]) -> None:
    """In either spelling."""
    definition = block("html", {"content": "Hi"}, **options)
    assert ["Hi", ""] == [shown(definition, name=name) for name in ("Ann", "Bob")]


def test_a_block_is_repeated_for_what_it_names() -> None:
    """Each time with the next item under its name."""
    definition = block(
        "html", {"content": "{{ one.title }};"}, content_repeat={"repeat_for": "event.items", "item_alias": "one"}
    )
    assert "A;B;" == shown(definition, event={"items": [{"title": "A"}, {"title": "B"}]})
    assert "" == shown(definition)


def test_a_block_is_hidden_on_the_devices_it_is_not_for() -> None:
    """By a class that a media query in front of it tells of; without one there is no style."""
    found = {one: shown(block("html", {"content": "Hi"}, show_on=one)) for one in ("all", "desktop", "mobile")}
    assert "Hi" == found["all"]
    assert '<div class="headrace-desktop">Hi</div>' in found["desktop"]
    assert ".headrace-desktop{display:none !important}" in found["desktop"]
    assert 'style="display:none;' in found["mobile"]
    assert ".headrace-mobile{display:block !important" in found["mobile"]


def test_a_text_has_its_styles() -> None:
    """Those of the block around it and its own, with values that cannot leave their attribute."""
    styles = {
        "block_background_color": "#fff",
        "block_border_style": "solid",
        "block_border_width": 2,
        "block_border_color": "red",
        "block_padding_top": 9,
        "inner_padding_left": 0,
        "color": "#333",
        "font_family": '"Noto Sans", serif',
        "font_size": 14,
        "line_height": 1.5,
        "extra_css_class": 'a"><script>',
        "text_table_layout": "fixed",
    }
    found = shown(block("text", {"content": "<p>Hi</p>", "styles": styles}))
    assert 'class="a&quot;&gt;&lt;script&gt;"' in found
    assert 'style="padding-top:9px;background-color:#fff;border:2px solid red"' in found
    assert (
        'style="padding-left:0px;color:#333;font-family:&quot;Noto Sans&quot;, serif;font-size:14px;line-height:1.5"'
        in found
    )
    assert 'border="0" style="table-layout:fixed"' in found
    assert "<p>Hi</p>" in found


def test_a_button_leads_where_it_says() -> None:
    """Constructs in its address are part of the template."""
    data = {
        "content": "Buy",
        "properties": {"href": "https://shop.example.com/?a=\"1\"&who={{ name|default:'you' }}"},
        "styles": {"background_color": "#000", "border_radius": 4, "color": "#fff", "stretch": True},
    }
    found = shown(block("button", data))
    assert 'href="https://shop.example.com/?a=&quot;1&quot;&who=you"' in found
    assert "border-radius:4px" in found
    assert ">Buy</a>" in found


def test_an_image_is_shown_with_its_words_and_link() -> None:
    """And not at all without an address."""
    properties = {"dynamic": False, "src": "https://x.example.com/a.png", "alt_text": "A", "href": "https://y"}
    found = shown(block("image", {"properties": properties, "styles": {"width": 100}}))
    assert '<a href="https://y"><img src="https://x.example.com/a.png" alt="A"' in found
    assert "width:100px" in found
    assert "" == block_source(block("image", {"properties": {"dynamic": False}, "styles": {}}))


def test_rules_spaces_and_shadows_are_drawn() -> None:
    """Each with its styles."""
    assert "border-top:3px dashed red" in shown(
        block("horizontal_rule", {"styles": {"border_width": 3, "border_style": "dashed", "border_color": "red"}})
    )
    assert "height:20px" in shown(block("spacer", {"styles": {"height": 20}}))
    assert "rgba(0,0,0,0.35)" in shown(block("drop_shadow", {"styles": {"shadow_color": "dark"}}))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (NAMED, "<td><div data-klaviyo-universal-block='AB'>[new]<div></td>"),
        ('<div class="a" data-klaviyo-universal-block = "AB" ></div>', None),
        ("<p data-klaviyo-universal-block=AB>old <b>x</b></p>", "<p data-klaviyo-universal-block=AB>[new]<b>x</b></p>"),
        ('<div data-klaviyo-universal-block="CD">&nbsp;</div>', '<div data-klaviyo-universal-block="CD">&nbsp;</div>'),
        ("data-klaviyo-universal-block=AB", "data-klaviyo-universal-block=AB"),
        ("<p>{{ x }}</p>", "<p>{{ x }}</p>"),
    ],
)  # fmt: skip
def test_blocks_are_put_into_the_elements_that_name_them(html: str, expected: str | None) -> None:
    """In place of the text behind the start of the element, which the usual snippet never ends."""
    wanted = '<div class="a" data-klaviyo-universal-block = "AB" >[new]</div>' if expected is None else expected
    assert wanted == expanded(html, {"AB": "[new]"})


def test_a_block_with_backslashes_is_put_in_as_it_is() -> None:
    """Nothing in it is taken for a part of a pattern."""
    assert NAMED.replace("&nbsp;", r"\1 \g<0>") == expanded(NAMED, {"AB": r"\1 \g<0>"})


def test_the_names_of_a_template_are_found_in_order() -> None:
    """Each as often as it occurs."""
    assert ["AB", "CD", "AB"] == references(f'{NAMED}<i data-klaviyo-universal-block="CD"/>{NAMED}')
    assert [] == references(None)


def test_a_settled_block_is_a_part_of_its_template() -> None:
    """Its elements name it no more; those of others stay."""
    other = '<div data-klaviyo-universal-block="CD">&nbsp;</div>'
    assert f"<td><div>[last]<div></td>{other}" == settled(NAMED + other, "AB", "[last]")


def test_no_template_grows_without_bounds() -> None:
    """Of more elements than are allowed the first are filled."""
    assert MOST_BLOCKS == expanded(NAMED * (MOST_BLOCKS + 5), {"AB": "[new]"}).count("[new]")


@pytest.mark.parametrize(
    "piece", ['<a  data-klaviyo-universal-block="', "<a " + " data-klaviyo-universal-block=", "<a"]
)
def test_html_that_never_closes_is_read_at_once(piece: str) -> None:
    """Two megabytes of it name nothing."""
    assert [] == references(piece + 'data-klaviyo-universal-block="' * 60_000)
