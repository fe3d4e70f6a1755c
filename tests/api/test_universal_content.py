"""Universal content over the API, and templates that show it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from api_client import Api

from headrace.model import Account
from headrace.storage.accounts import create_account

PATH = "/api/template-universal-content"
TYPE = "template-universal-content"
HTML = {"content_type": "block", "type": "html", "data": {"content": "<p>Old</p>", "display_options": {}}}


@pytest_asyncio.fixture(autouse=True)
async def processes(api: Api) -> AsyncIterator[None]:
    """End the processes that rendered."""
    yield
    await api.services.previews.close()


def html_block(content: str, **options: Any) -> dict[str, Any]:
    """Return the definition of a block of HTML."""
    return {**HTML, "data": {"content": content, "display_options": options}}


def text_block(**styles: Any) -> dict[str, Any]:
    """Return the definition of a block of text."""
    return {**HTML, "type": "text", "data": {"content": "Hi", "display_options": {}, "styles": styles}}


def new(definition: Any, name: str = "Footer") -> dict[str, Any]:
    """Return the body that makes a block."""
    return {"data": {"type": TYPE, "attributes": {"name": name, "definition": definition}}}


async def made(api: Api, definition: Any, name: str = "Footer") -> str:
    """Make a block and return its id."""
    answer = await api.post(PATH, new(definition, name))
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


async def changed(api: Api, content_id: str, **attributes: Any) -> httpx.Response:
    """Change a block."""
    return await api.patch(f"{PATH}/{content_id}", {"data": {"type": TYPE, "id": content_id, "attributes": attributes}})


async def template(api: Api, html: str) -> str:
    """Make a template and return its id."""
    attributes = {"name": "Mail", "editor_type": "USER_DRAGGABLE", "html": html}
    answer = await api.post("/api/templates", {"data": {"type": "template", "attributes": attributes}})
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


async def rendered(api: Api, template_id: str, **context: Any) -> str:
    """Return the HTML of a template with these variables."""
    body = {"data": {"type": "template", "id": template_id, "attributes": {"context": context}}}
    return str((await api.post("/api/template-render", body)).json()["data"]["attributes"]["html"])


def naming(content_id: str) -> str:
    """Return the element that shows a block."""
    return f'<div data-klaviyo-universal-block="{content_id}">&nbsp;</div>'


async def test_a_block_is_made_read_changed_and_deleted(api: Api) -> None:
    """What is absent from a change stays."""
    answer = await api.post(PATH, new(HTML))
    resource = answer.json()["data"]
    assert (201, TYPE) == (answer.status_code, resource["type"])
    assert {
        "name": "Footer",
        "definition": HTML,
        "created": "2026-11-20T12:00:00+00:00",
        "updated": "2026-11-20T12:00:00+00:00",
        "screenshot_status": "never_generated",
        "screenshot_url": "",
    } == resource["attributes"]
    content_id = resource["id"]
    assert resource == (await api.get(f"{PATH}/{content_id}")).json()["data"]
    renamed = (await changed(api, content_id, name="Imprint")).json()["data"]["attributes"]
    assert ("Imprint", HTML) == (renamed["name"], renamed["definition"])
    other = (await changed(api, content_id, definition=text_block(color="red"))).json()["data"]["attributes"]
    assert ("Imprint", text_block(color="red")) == (other["name"], other["definition"])
    assert [204, 404] == [(await api.delete(f"{PATH}/{content_id}")).status_code for _ in range(2)]


@pytest.mark.parametrize("kind", ["button", "drop_shadow", "horizontal_rule", "image", "spacer"])
async def test_blocks_whose_data_is_null_are_kept(api: Api, kind: str) -> None:
    """They show nothing."""
    content_id = await made(api, {"content_type": "block", "type": kind, "data": None})
    assert naming(content_id).replace("&nbsp;", "") == await rendered(api, await template(api, naming(content_id)))


async def test_a_button_is_kept_with_all_it_has(api: Api) -> None:
    """As newer revisions spell it, and shown."""
    data = {
        "content": "Buy",
        "properties": {"href": "https://shop.example.com"},
        "display_options": {"visibility": {"check": "first_name"}},
        "styles": {"color": "#fff", "border_radius": 5},
    }
    definition = {"content_type": "block", "type": "button", "data": data}
    content_id = await made(api, definition)
    found = (await api.get(f"{PATH}/{content_id}")).json()["data"]["attributes"]
    assert definition == found["definition"]
    template_id = await template(api, naming(content_id))
    assert "Buy</a>" in await rendered(api, template_id, first_name="Ann")
    assert "Buy</a>" not in await rendered(api, template_id)


async def test_templates_show_what_a_block_is_at_present(api: Api) -> None:
    """Rendered with the block's change, while the template itself names it still; copies do, too."""
    content_id = await made(api, html_block("<p>Hi {{ name }}</p>"))
    template_id = await template(api, naming(content_id))
    body = {"data": {"type": "template", "id": template_id, "attributes": {"name": "Copy"}}}
    copied = (await api.post("/api/template-clone", body)).json()["data"]["id"]
    first = await rendered(api, copied, name="Ann")
    await changed(api, content_id, definition=html_block("<p>Bye {{ name }}</p>"))
    assert ["<p>Hi Ann</p>" in first, "<p>Bye Ann</p>" in await rendered(api, copied, name="Ann")] == [True, True]
    stored = (await api.get(f"/api/templates/{template_id}")).json()["data"]["attributes"]["html"]
    assert naming(content_id) == stored


async def test_a_deleted_block_becomes_a_part_of_the_templates_that_show_it(api: Api) -> None:
    """With what it showed last; templates that do not name it are not touched."""
    gone, stays = await made(api, html_block("<p>Last {{ name }}</p>")), await made(api, html_block("<p>Other</p>"))
    template_id = await template(api, naming(gone) + naming(stays))
    mentions = await template(api, f"<p>{gone}</p>")
    await api.delete(f"{PATH}/{gone}")
    stored = (await api.get(f"/api/templates/{template_id}")).json()["data"]["attributes"]["html"]
    assert f"<div><p>Last {{{{ name }}}}</p></div>{naming(stays)}" == stored
    assert f"<p>{gone}</p>" == (await api.get(f"/api/templates/{mentions}")).json()["data"]["attributes"]["html"]


async def test_a_block_is_copied(api: Api) -> None:
    """Under a name of its own, or the same."""
    content_id = await made(api, HTML)

    async def copied(**attributes: Any) -> dict[str, Any]:
        body = {"data": {"type": TYPE, "id": content_id, "attributes": attributes}}
        answer = await api.post(f"{PATH}-clone", body)
        assert 201 == answer.status_code
        shown: dict[str, Any] = answer.json()["data"]["attributes"]
        return shown

    assert ["Footer", "New"] == [(await copied())["name"], (await copied(id=content_id, name="New"))["name"]]
    assert HTML == (await copied())["definition"]
    missing = await api.post(f"{PATH}-clone", {"data": {"type": TYPE, "id": "none", "attributes": {}}})
    older = await api.post(f"{PATH}-clone", {"data": {"type": TYPE, "id": "none"}}, revision="2026-07-15")
    assert [404, 400] == [missing.status_code, older.status_code]


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        (html_block("{% if x %}"), "/data/attributes/definition/data/content"),
        (html_block("x", visible_check="a =="), "/data/attributes/definition/data/display_options/visible_check"),
        (
            html_block("x", visible_check="a %}{% if b"),
            "/data/attributes/definition/data/display_options/visible_check",
        ),
        (
            html_block("x", visibility={"check": "a =="}),
            "/data/attributes/definition/data/display_options/visibility/check",
        ),
        (
            html_block("x", content_repeat={"repeat_for": "a b c", "item_alias": "one"}),
            "/data/attributes/definition/data/display_options/content_repeat/repeat_for",
        ),
        (text_block(color="{{ x|nothing }}"), "/data/attributes/definition/data"),
    ],
)
async def test_a_block_that_is_no_template_is_refused(api: Api, definition: Any, pointer: str) -> None:
    """With a pointer to the part that is wrong, on creation and on change."""
    content_id = await made(api, HTML)
    answers = [await api.post(PATH, new(definition)), await changed(api, content_id, definition=definition)]
    assert [(400, pointer)] * 2 == [
        (one.status_code, one.json()["errors"][0]["source"].get("pointer")) for one in answers
    ]


@pytest.mark.parametrize(
    "definition",
    [
        None,
        {},
        {**HTML, "type": "video"},
        {**HTML, "content_type": "section"},
        {**HTML, "data": None},
        {**HTML, "data": {"content": "x"}},
        {**HTML, "more": 1},
        html_block("x", show_on="watch"),
        html_block("x", content_repeat={"repeat_for": "a", "item_alias": "no name"}),
        text_block(font_size="large"),
        text_block(border=1),
        html_block("x" * 100_001),
    ],
)
async def test_a_definition_that_is_none_is_refused(api: Api, definition: Any) -> None:
    """Types that cannot be made, and what the published ones do not have."""
    assert 400 == (await api.post(PATH, new(definition))).status_code


async def test_blocks_are_found_and_sorted(api: Api) -> None:
    """By id, name, type and time, a page at a time."""
    footer, header = await made(api, HTML, "Footer"), await made(api, text_block(), "Header")
    filters = {
        f"equals(id,'{footer}')": [footer],
        f"any(id,['{footer}','{header}'])": [footer, header],
        "equals(name,'Header')": [header],
        "any(name,['Header','None'])": [header],
        "equals(definition.type,'text')": [header],
        "equals(definition.type,'video')": [],
        "equals(definition.content_type,'block')": [footer, header],
        "greater-than(created,2026-11-20T12:00:01Z)": [],
        "less-or-equal(updated,2026-11-20T12:00:00Z)": [footer, header],
    }
    found = {one: (await api.get(PATH, params={"filter": one})).json()["data"] for one in filters}
    assert {one: sorted(ids) for one, ids in filters.items()} == {
        one: sorted(row["id"] for row in rows) for one, rows in found.items()
    }
    assert [header, footer] == [one["id"] for one in (await api.get(PATH, params={"sort": "-name"})).json()["data"]]
    page = (await api.get(PATH, params={"page[size]": 1, "sort": "name"})).json()
    assert [footer] == [one["id"] for one in page["data"]]
    assert [header] == [one["id"] for one in (await api.get(page["links"]["next"])).json()["data"]]


async def test_only_the_fields_asked_for_are_shown(api: Api) -> None:
    """Dotted names reach into the definition."""
    content_id = await made(api, text_block(color="red", font_size=3))
    fields = "name,definition.type,definition.data.styles.color"
    answer = await api.get(f"{PATH}/{content_id}", params={f"fields[{TYPE}]": fields})
    assert {"name": "Footer", "definition": {"type": "text", "data": {"styles": {"color": "red"}}}} == answer.json()[
        "data"
    ]["attributes"]


async def test_blocks_of_another_account_are_not_found(api: Api) -> None:
    """Neither to read, change, delete or copy, nor to show."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], other)}"}
    content_id = await made(api, HTML)
    body = {"data": {"type": TYPE, "id": content_id, "attributes": {}}}
    answers = [
        await api.get(f"{PATH}/{content_id}", headers=headers),
        await api.patch(f"{PATH}/{content_id}", body, headers=headers),
        await api.delete(f"{PATH}/{content_id}", headers=headers),
        await api.post(f"{PATH}-clone", body, headers=headers),
    ]
    assert [404] * 4 == [one.status_code for one in answers]
    assert [] == (await api.get(PATH, headers=headers)).json()["data"]


async def test_a_template_that_shows_too_many_blocks_is_refused(api: Api) -> None:
    """A hundred are put in, so more are a mistake."""
    attributes = {"name": "Mail", "editor_type": "CODE", "html": naming("AB") * 101}
    answer = await api.post("/api/templates", {"data": {"type": "template", "attributes": attributes}})
    assert (400, "/data/attributes/html") == (answer.status_code, answer.json()["errors"][0]["source"]["pointer"])
