"""The official SDK works with templates, with the universal content that they show, and with images."""

from __future__ import annotations

import base64
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import Any

from klaviyo_api import KlaviyoAPI
from PIL import Image
from sdk_bodies import body, data, every_id, ids_of, refused

CONTENT = "template-universal-content"


def made_template(klaviyo: KlaviyoAPI, html: str, name: str = "Mail") -> str:
    """Make a template and return its id."""
    made = klaviyo.Templates.create_template(body("template", {"name": name, "editor_type": "CODE", "html": html}))
    return str(data(made)["id"])


def block(content: str, kind: str = "html", **rest: Any) -> dict[str, Any]:
    """Return the definition of a block with a content."""
    return {"content_type": "block", "type": kind, "data": {"content": content, "display_options": {}, **rest}}


def made_content(klaviyo: KlaviyoAPI, definition: dict[str, Any], name: str = "Footer") -> str:
    """Make a block and return its id."""
    made = klaviyo.Templates.create_universal_content(body(CONTENT, {"name": name, "definition": definition}))
    return str(data(made)["id"])


def rendered(klaviyo: KlaviyoAPI, template_id: str, **context: Any) -> dict[str, Any]:
    """Return the parts of a template with these variables."""
    answer = klaviyo.Templates.render_template(body("template", {"context": context}, template_id))
    found: dict[str, Any] = data(answer)["attributes"]
    return found


def picture(color: str = "red") -> bytes:
    """Return a small image."""
    file = BytesIO()
    Image.new("RGB", (4, 3), color).save(file, "png")
    return file.getvalue()


def test_the_sdk_makes_finds_changes_and_deletes_templates(klaviyo: KlaviyoAPI) -> None:
    """By name, id and time, sorted, and with as few fields as are asked for."""
    templates = klaviyo.Templates
    made = [made_template(klaviyo, f"<p>{number}</p>", f"Mail {number:02}") for number in range(12)]
    assert [made[3]] == ids_of(templates.get_templates(filter="equals(name,'Mail 03')"))
    assert [made[5]] == ids_of(templates.get_templates(filter=f"equals(id,'{made[5]}')"))
    assert made[::-1] == every_id(templates.get_templates, sort="-name")
    changed = templates.update_template(made[0], body("template", {"name": "Other"}, made[0]))
    assert "Other" == data(changed)["attributes"]["name"]
    assert "<p>0</p>" == data(templates.get_template(made[0], fields_template=["html"]))["attributes"]["html"]
    assert data(templates.get_template(made[0], additional_fields_template=["definition"]))["attributes"]
    copied = data(templates.clone_template(body("template", {"name": "Copy"}, made[0])))
    assert ("Copy", "<p>0</p>") == (copied["attributes"]["name"], copied["attributes"]["html"])
    templates.delete_template(made[0])
    with refused(404, made[0]):
        templates.get_template(made[0])


def test_the_sdk_renders_a_template(klaviyo: KlaviyoAPI) -> None:
    """With variables of one's own; a context that uses it up is a mistake."""
    template_id = made_template(
        klaviyo, "<p>Hi {{ name }}{% for a in many %}{% for b in many %}.{% endfor %}{% endfor %}</p>"
    )
    found = rendered(klaviyo, template_id, name="A & B")
    assert ("<p>Hi A &amp; B</p>", "Hi A & B") == (found["html"], found["text"])
    with refused(400, template_id):
        rendered(klaviyo, template_id, many=list(range(999)))


def test_the_sdk_makes_universal_content_that_templates_show(klaviyo: KlaviyoAPI) -> None:
    """A change is seen in what shows it; a copy goes its own way; what is deleted stays where it was shown."""
    templates = klaviyo.Templates
    content_id = made_content(klaviyo, block("<b>Old</b>"))
    template_id = made_template(klaviyo, f'<div data-klaviyo-universal-block="{content_id}">&nbsp;</div>')
    assert "<b>Old</b>" in rendered(klaviyo, template_id)["html"]
    copied = data(templates.clone_universal_content(body(CONTENT, {"id": content_id}, content_id)))
    change = body(CONTENT, {"definition": block("New", "text", styles={"color": "red"})}, content_id)
    changed = data(templates.update_universal_content(content_id, change))
    assert ("Footer", "text") == (changed["attributes"]["name"], changed["attributes"]["definition"]["type"])
    assert "color:red" in rendered(klaviyo, template_id)["html"]
    found = data(templates.get_universal_content(copied["id"]))["attributes"]
    assert "<b>Old</b>" == found["definition"]["data"]["content"]
    templates.delete_universal_content(content_id)
    assert [copied["id"]] == ids_of(templates.get_all_universal_content())
    assert "color:red" in rendered(klaviyo, template_id)["html"]


def test_the_sdk_finds_universal_content(klaviyo: KlaviyoAPI) -> None:
    """By name, type and time, sorted, in pages, with a part of the definition."""
    templates = klaviyo.Templates
    made = [made_content(klaviyo, block("x"), f"Block {number}") for number in range(5)]
    button = made_content(klaviyo, {"content_type": "block", "type": "button", "data": None}, "Button")
    assert [button] == ids_of(templates.get_all_universal_content(filter="equals(definition.type,'button')"))
    assert [made[2]] == ids_of(templates.get_all_universal_content(filter="any(name,['Block 2','None'])"))
    assert [*made, button] == every_id(templates.get_all_universal_content, sort="name", page_size=2)
    [first, *_] = data(
        templates.get_all_universal_content(fields_template_universal_content=["definition.data.content"], sort="name")
    )
    assert {"definition": {"data": {"content": "x"}}} == first["attributes"]


def test_the_sdk_uploads_images(klaviyo: KlaviyoAPI, tmp_path: Path) -> None:
    """From a file and from a data URI; both are served at their addresses, found, renamed and hidden."""
    images, file = klaviyo.Images, tmp_path / "red.png"
    file.write_bytes(picture())
    red = data(images.upload_image_from_file(str(file), hidden=True))
    assert ("red.png", "png", True) == tuple(red["attributes"][name] for name in ("name", "format", "hidden"))
    uri = f"data:image/png;base64,{base64.b64encode(picture('blue')).decode()}"
    blue = data(images.upload_image_from_url(body("image", {"import_from_url": uri, "name": "Blue"})))
    for one, content in ((red, picture()), (blue, picture("blue"))):
        with urllib.request.urlopen(one["attributes"]["image_url"]) as answer:
            assert content == answer.read()
    changed = data(images.update_image(red["id"], body("image", {"name": "Red", "hidden": False}, red["id"])))
    assert ("Red", False) == (changed["attributes"]["name"], changed["attributes"]["hidden"])
    assert [blue["id"]] == ids_of(images.get_images(filter="equals(name,'Blue')"))
    assert [red["id"], blue["id"]] == every_id(images.get_images, sort="-name", page_size=1)
    assert "Red" == data(images.get_image(red["id"], fields_image=["name"]))["attributes"]["name"]


def test_the_sdk_is_told_what_is_no_image(klaviyo: KlaviyoAPI, tmp_path: Path) -> None:
    """By address and by file."""
    file = tmp_path / "x.png"
    file.write_bytes(b"no image")
    with refused(400, "import_from_url"):
        klaviyo.Images.upload_image_from_url(body("image", {"import_from_url": "ftp://example.com/x.png"}))
    with refused(400, "not an image"):
        klaviyo.Images.upload_image_from_file(str(file))
    with refused(404, "404404"):
        klaviyo.Images.get_image("404404")
