"""The bodies of the operations on universal content: a name and a block.

What is here: the models of blocks, one per type that can be made. What is not: what they do (`universal_content`) and
show (`messages.blocks`). Follows the published definitions of blocks.

Our choice: the older spelling of a condition (`visible_check`) and the newer one (`visibility`) are both taken under
every revision, and a definition is given back as it came.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from headrace.jsonapi.bodies import Change, Id, Model
from headrace.jsonapi.bodies import New as NewBody

Text = Annotated[str, StringConstraints(max_length=100_000)]
"""Our choice: a block has at most 100,000 characters; mail programs clip messages of about as many."""
Line = Annotated[str, StringConstraints(max_length=2_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]
Size = Annotated[int, Field(ge=-10_000, le=10_000)]
BorderStyle = Literal["dashed", "dotted", "groove", "inset", "none", "outset", "ridge", "solid"]
Side = Literal["center", "left", "right"]


class Repeat(Model):
    """What a block is repeated for, and the name of one of it."""

    repeat_for: Line
    item_alias: Word


class Visibility(Model):
    """The condition under which a block is shown, as newer revisions spell it."""

    check: Line | None = None
    definition: Line | None = None
    is_code_only: bool | None = None


class DisplayOptions(Model):
    """When, how often and on which devices a block is shown."""

    show_on: Literal["all", "desktop", "mobile"] | None = None
    visible_check: Line | None = None
    content_repeat: Repeat | None = None
    visibility: Visibility | None = None
    layout_type: Line | None = None
    layout_config: dict[str, Any] | None = None


class BlockStyles(Model):
    """The styles of the box around a block."""

    block_background_color: Line | None = None
    block_padding_bottom: Size | None = None
    block_padding_left: Size | None = None
    block_padding_right: Size | None = None
    block_padding_top: Size | None = None
    mobile_stretch_content: bool | None = None


class InnerStyles(BlockStyles):
    """The styles of the box within a block."""

    background_color: Line | None = None
    inner_padding_bottom: Size | None = None
    inner_padding_left: Size | None = None
    inner_padding_right: Size | None = None
    inner_padding_top: Size | None = None


class LetterStyles(InnerStyles):
    """The styles of a block with words."""

    color: Line | None = None
    font_family: Line | None = None
    font_size: Size | None = None
    font_style: Literal["italic", "normal"] | None = None
    font_weight: Line | None = None
    letter_spacing: Size | None = None
    text_align: Side | None = None
    text_decoration: Line | None = None


class TextStyles(LetterStyles):
    """The styles of a text."""

    block_border_color: Line | None = None
    block_border_style: BorderStyle | None = None
    block_border_width: Size | None = None
    extra_css_class: Line | None = None
    line_height: float | None = None
    text_table_layout: Literal["auto", "fixed", "inherit", "initial"] | None = None


class ButtonStyles(LetterStyles):
    """The styles of a button."""

    border_color: Line | None = None
    border_radius: Size | None = None
    border_style: BorderStyle | None = None
    border_width: Size | None = None
    drop_shadow_color: Line | None = None
    stretch: bool | None = None


class ImageStyles(InnerStyles):
    """The styles of an image."""

    align: Side | None = None
    block_border_color: Line | None = None
    block_border_style: BorderStyle | None = None
    block_border_width: Size | None = None
    full_width_mobile: bool | None = None
    height: Size | None = None
    max_width: Size | None = None
    width: Size | None = None


class RuleStyles(BlockStyles):
    """The styles of a horizontal rule."""

    border_color: Line | None = None
    border_style: BorderStyle | None = None
    border_width: Size | None = None


class ShadowStyles(BlockStyles):
    """The styles of a shadow."""

    shadow_color: Literal["dark", "light", "medium"] | None = None


class SpacerStyles(Model):
    """The styles of empty space."""

    background_color: Line | None = None
    height: Size | None = None


class Link(Model):
    """Where a button leads."""

    href: Line | None = None


class Picture(Model):
    """Which image is shown; a dynamic one has an address with constructs of the template language."""

    dynamic: bool | None
    alt_text: Line | None = None
    asset_id: Line | None = None
    href: Line | None = None
    src: Line | None = None


class HtmlData(Model):
    """HTML in the template language."""

    content: Text
    display_options: DisplayOptions


class TextData(HtmlData):
    """Text, which is HTML with styles."""

    styles: TextStyles


class ButtonData(Model):
    """The words of a button, where it leads and how it looks."""

    content: Text | None
    properties: Link
    display_options: DisplayOptions
    styles: ButtonStyles


class ImageData(Model):
    """An image."""

    properties: Picture
    display_options: DisplayOptions
    styles: ImageStyles


class RuleData(Model):
    """A horizontal rule."""

    display_options: DisplayOptions
    styles: RuleStyles


class ShadowData(Model):
    """A shadow."""

    display_options: DisplayOptions
    styles: ShadowStyles


class SpacerData(Model):
    """Empty space."""

    display_options: DisplayOptions
    styles: SpacerStyles


class Block(Model):
    """What all blocks have."""

    content_type: Literal["block"]


class HtmlBlock(Block):
    """A block of HTML."""

    type: Literal["html"]
    data: HtmlData


class TextBlock(Block):
    """A block of text."""

    type: Literal["text"]
    data: TextData


class ButtonBlock(Block):
    """A button; older revisions know its data as null only."""

    type: Literal["button"]
    data: ButtonData | None


class ImageBlock(Block):
    """An image."""

    type: Literal["image"]
    data: ImageData | None


class RuleBlock(Block):
    """A horizontal rule."""

    type: Literal["horizontal_rule"]
    data: RuleData | None


class ShadowBlock(Block):
    """A shadow."""

    type: Literal["drop_shadow"]
    data: ShadowData | None


class SpacerBlock(Block):
    """Empty space."""

    type: Literal["spacer"]
    data: SpacerData | None


AnyBlock = Annotated[
    ButtonBlock | ShadowBlock | RuleBlock | HtmlBlock | ImageBlock | SpacerBlock | TextBlock,
    Field(discriminator="type"),
]


class ContentAttributes(Model):
    """A block to be made."""

    name: Name
    definition: AnyBlock


class ContentChanges(Model):
    """What is to change of a block; what is absent or null stays."""

    name: Name | None = None
    definition: AnyBlock | None = None


class CloneAttributes(Model):
    """The name of the copy; without one it is called as the original. The id repeats that of the copied block."""

    id: Id | None = None
    name: Name | None = None


class CloneData(Model):
    """The block to copy."""

    type: Literal["template-universal-content"]
    id: Id
    attributes: CloneAttributes = CloneAttributes()


class CloneBody(Model):
    """`{data: {type, id, attributes: {name?}}}`."""

    data: CloneData


NewContentBody = NewBody[Literal["template-universal-content"], ContentAttributes]
ChangeContentBody = Change[Literal["template-universal-content"], ContentChanges]
