"""What a block of universal content shows: from its definition to a template in the template language.

What is here: one pure function per type of block, and its display options (condition, repetition, devices). What is
not: the elements of templates that show blocks (`universal`), and keeping blocks (`storage.universal_content`).
Source: the published definitions of blocks.

Our choice: the condition of a block is asked once, before its repetition begins.

Our choice: a block whose data is null shows nothing, and neither do types that cannot be made here.

Our choice: "mobile" is a screen of at most 480 pixels; mail programs without media queries count as desktop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]

CONSTRUCT = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
DEVICES = (
    "<style>@media only screen and (max-width:480px){ .headrace-desktop{display:none !important} "
    ".headrace-mobile{display:block !important;max-height:none !important} "
    ".headrace-stretch{padding-left:0 !important;padding-right:0 !important} }</style>"
)
SHOWN_ON = {
    "desktop": '<div class="headrace-desktop">',
    "mobile": '<div class="headrace-mobile" style="display:none;max-height:0;overflow:hidden;mso-hide:all">',
}
SIDES = ("top", "right", "bottom", "left")
SHADOWS = {"light": "0.1", "medium": "0.2", "dark": "0.35"}
PIXELS = frozenset({"border_radius", "font_size", "letter_spacing", "height", "max_width", "width"})
LETTERS = (
    "color",
    "font_family",
    "font_size",
    "font_style",
    "font_weight",
    "letter_spacing",
    "line_height",
    "text_align",
    "text_decoration",
)


def block_source(definition: Data) -> str:
    """Return the template that a block stands for, empty where it shows nothing."""
    data = definition.get("data")
    if not isinstance(data, Mapping):
        return ""
    shown = BLOCKS.get(str(definition.get("type")), _nothing)(data)
    return _displayed(shown, data.get("display_options") or {}, data.get("styles") or {}) if shown else ""


def condition_of(options: Data) -> str:
    """Return the condition under which a block is shown, empty where it always is."""
    visibility = options.get("visibility") or {}
    return str(options.get("visible_check") or visibility.get("check") or "").strip()


def repetition_of(options: Data) -> tuple[str, str]:
    """Return what a block is repeated for and the name of one of it, twice empty where it is shown once."""
    repeat = options.get("content_repeat") or {}
    return str(repeat.get("repeat_for") or "").strip(), str(repeat.get("item_alias") or "").strip()


def _displayed(shown: str, options: Data, styles: Data) -> str:
    if opening := SHOWN_ON.get(str(options.get("show_on"))):
        shown = f"{opening}{shown}</div>"
    many, one = repetition_of(options)
    if many:
        shown = f"{{% for {one} in {many} %}}{shown}{{% endfor %}}"
    if opening or styles.get("mobile_stretch_content"):
        shown = DEVICES + shown
    condition = condition_of(options)
    return f"{{% if {condition} %}}{shown}{{% endif %}}" if condition else shown


def _nothing(_: Data) -> str:
    return ""


def _html(data: Data) -> str:
    return str(data.get("content") or "")


def _text(data: Data) -> str:
    styles = data.get("styles") or {}
    inside = [*_padding(styles, "inner"), *_rules(styles, ("background_color", *LETTERS))]
    layout = _rule("table-layout", styles.get("text_table_layout"))
    return _boxed(styles, _cell(_html(data), inside, layout))


def _button(data: Data) -> str:
    content, styles = str(data.get("content") or ""), data.get("styles") or {}
    href = str((data.get("properties") or {}).get("href") or "")
    face = [
        *_padding(styles, "inner"),
        *_rules(styles, ("background_color", "border_radius")),
        *_border(styles, "border"),
        *_rule("box-shadow", styles.get("drop_shadow_color") and f"0 2px 4px {styles['drop_shadow_color']}"),
        "text-align:center",
    ]
    letters = _rules(styles, tuple(name for name in LETTERS if name != "text_align"))
    link = f"<a{_attribute('href', href)}{_style(['display:block', *letters])}>{content}</a>"
    wide = ' width="100%"' if styles.get("stretch") else ""
    place = str(styles.get("text_align") or "center")
    table = f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"{wide}{_attribute("align", place)}>'
    return _boxed(styles, f"{table}<tr><td{_style(face)}>{link}</td></tr></table>") if content else ""


def _image(data: Data) -> str:
    properties, styles = data.get("properties") or {}, data.get("styles") or {}
    if not properties.get("src"):
        return ""
    size = ["border:0", "max-width:100%", *_rules(styles, ("width", "height"))]
    if styles.get("max_width"):
        size.append(f"max-width:{styles['max_width']}px")
    source, words = _attribute("src", properties["src"]), _attribute("alt", properties.get("alt_text") or "")
    image = f"<img{source}{words}{_style(size)}>"
    if properties.get("href"):
        image = f"<a{_attribute('href', properties['href'])}>{image}</a>"
    inside = [
        *_padding(styles, "inner"),
        *_rules(styles, ("background_color",)),
        *_rule("text-align", styles.get("align")),
    ]
    return _boxed(styles, _cell(image, inside))


def _horizontal_rule(data: Data) -> str:
    styles = data.get("styles") or {}
    width, look = styles.get("border_width"), styles.get("border_style") or "solid"
    line = f"{1 if width is None else width}px {look} {styles.get('border_color') or '#cccccc'}"
    return _boxed(styles, f"<div{_style(['font-size:0', 'line-height:0', f'border-top:{line}'])}>&nbsp;</div>")


def _spacer(data: Data) -> str:
    styles = data.get("styles") or {}
    height = styles.get("height") or 0
    rules = [f"height:{height}px", f"line-height:{height}px", *_rules(styles, ("background_color",))]
    return f"<div{_style(rules)}>&nbsp;</div>" if height else ""


def _drop_shadow(data: Data) -> str:
    styles = data.get("styles") or {}
    strength = SHADOWS.get(str(styles.get("shadow_color")), SHADOWS["medium"])
    shadow = f"background:linear-gradient(rgba(0,0,0,{strength}),rgba(0,0,0,0))"
    return _boxed(styles, f"<div{_style(['height:12px', 'line-height:12px', shadow])}>&nbsp;</div>")


BLOCKS: Mapping[str, Callable[[Data], str]] = {
    "button": _button,
    "drop_shadow": _drop_shadow,
    "horizontal_rule": _horizontal_rule,
    "html": _html,
    "image": _image,
    "spacer": _spacer,
    "text": _text,
}
"""The types that can be made. Source: the published operation create_universal_content."""


def _boxed(styles: Data, inside: str) -> str:
    """Return what a block shows within the block's own padding, border and background."""
    around = [
        *_padding(styles, "block"),
        *_rule("background-color", styles.get("block_background_color")),
        *_border(styles, "block_border"),
    ]
    stretch = "headrace-stretch" if styles.get("mobile_stretch_content") else ""
    names = " ".join(one for one in (stretch, styles.get("extra_css_class") or "") if one)
    return _cell(inside, around, names=names)


def _cell(inside: str, rules: list[str], layout: list[str] | None = None, names: str = "") -> str:
    """Return a table of one cell, because mail programs know no other box with padding."""
    given = _attribute("class", names) if names else ""
    return (
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"{_style(layout or [])}>'
        f"<tr><td{given}{_style(rules)}>{inside}</td></tr></table>"
    )


def _padding(styles: Data, kind: str) -> list[str]:
    return [
        f"padding-{side}:{styles[name]}px" for side in SIDES if styles.get(name := f"{kind}_padding_{side}") is not None
    ]


def _border(styles: Data, kind: str) -> list[str]:
    width, look = styles.get(f"{kind}_width"), styles.get(f"{kind}_style")
    if not width or look in (None, "none"):
        return []
    return [f"border:{width}px {look} {styles.get(f'{kind}_color') or 'currentcolor'}"]


def _rules(styles: Data, names: tuple[str, ...]) -> list[str]:
    rules = [(name, styles.get(name)) for name in names]
    return [
        f"{name.replace('_', '-')}:{value}{'px' if name in PIXELS else ''}"
        for name, value in rules
        if value not in (None, "")
    ]


def _rule(name: str, value: Any) -> list[str]:
    return [f"{name}:{value}"] if value else []


def _style(rules: list[str]) -> str:
    return _attribute("style", ";".join(rules)) if rules else ""


def _attribute(name: str, value: str) -> str:
    """Return an attribute; constructs of the template language are left as they are."""
    pieces = CONSTRUCT.split(value)
    safe = [piece if place % 2 else _escaped(piece) for place, piece in enumerate(pieces)]
    return f' {name}="{"".join(safe)}"'


def _escaped(text: str) -> str:
    return text.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
