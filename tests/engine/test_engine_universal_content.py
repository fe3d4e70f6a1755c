"""A flow's messages show universal content as it is when they are written."""

from __future__ import annotations

from typing import Any, cast

from engine_shop import EngineShop, definition, email
from headrace.engine.blocks import load_shown
from headrace.engine.setup import choose_providers
from headrace.storage.database import Database
from headrace.storage.universal_content import create_content, update_content

FOOTER = '<p>Hi {{ first_name }}</p><div data-klaviyo-universal-block="FOOT">&nbsp;</div>'


def html_block(content: str, **options: Any) -> dict[str, Any]:
    """Return the definition of a block of HTML."""
    return {"content_type": "block", "type": "html", "data": {"content": content, "display_options": options}}


async def opened(database: Database) -> EngineShop:
    """Return a shop that keeps every message."""
    return await EngineShop.open(database, providers=choose_providers(database))


async def made(shop: EngineShop, content_id: str, block: dict[str, Any]) -> None:
    """Make a block with an id."""
    async with shop.database.transaction() as transaction:
        await create_content(transaction, shop.account.account_id, content_id, "Footer", block, await shop.now())


async def changed(shop: EngineShop, content_id: str, block: dict[str, Any]) -> None:
    """Change a block."""
    async with shop.database.transaction() as transaction:
        await update_content(transaction, shop.account.account_id, content_id, None, block, await shop.now())


async def written(shop: EngineShop) -> list[tuple[str, str]]:
    """Return HTML and text of every message in their order."""
    rows = await shop.database.fetch("SELECT html, text FROM inbox_message ORDER BY number")
    return [(row["html"], row["text"]) for row in rows]


async def started(shop: EngineShop, html: str) -> None:
    """Make a flow that sends one mail with this HTML at once."""
    metric = await shop.metric("Ordered")
    await shop.flow(definition(metric, email("Thanks", await shop.template(html))))


async def test_a_changed_block_is_in_the_next_message(database: Database) -> None:
    """In HTML and text, with the person's own values; the message's template is a copy and names it still."""
    shop = await opened(database)
    await made(shop, "FOOT", html_block("<p>Old street, {{ first_name }}</p>"))
    await started(shop, FOOTER)
    await shop.event("Ordered", "ann")
    await shop.drain()
    await changed(shop, "FOOT", html_block("<p>New <a href='https://shop.example.com'>street</a></p>"))
    await shop.event("Ordered", "bob")
    await shop.drain()
    (old_html, old_text), (new_html, new_text) = await written(shop)
    assert ["Old street" in one for one in (old_html, old_text, new_html, new_text)] == [True, True, False, False]
    assert "/t/c/" in new_html.split("data-klaviyo-universal-block")[1].split("street")[0]
    assert "New street" in new_text


async def test_blocks_of_other_accounts_and_none_are_not_shown(database: Database) -> None:
    """The element stays as it was, and the message goes out."""
    shop = await opened(database)
    async with database.transaction() as transaction:
        await create_content(transaction, "OTHER1", "FOOT", "Footer", html_block("theirs"), await shop.now())
    await started(shop, FOOTER)
    await shop.event("Ordered", "ann")
    await shop.drain()
    assert ["theirs" in html for html, _ in await written(shop)] == [False]


async def test_a_block_is_shown_to_those_whom_its_condition_means(database: Database) -> None:
    """And repeated for what the event brought."""
    shop = await opened(database)
    repeat = {"repeat_for": "event.goods", "item_alias": "item"}
    await made(shop, "FOOT", html_block("({{ item }})", visible_check="event.goods", content_repeat=repeat))
    await started(shop, FOOTER)
    await shop.event("Ordered", "ann", properties={"goods": ["A", "B"]})
    await shop.event("Ordered", "bob")
    await shop.drain()
    assert [True, False] == ["(A)(B)" in html for html, _ in await written(shop)]
    assert [True, False] == ["(" in html for html, _ in await written(shop)]


class Counting:
    """A database that counts what it is asked."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked = 0

    async def fetch(self, query: Any, *args: Any) -> list[Any]:
        """Pass a question on."""
        self.asked += 1
        return await self.database.fetch(query, *args)


async def test_templates_and_their_blocks_are_read_in_two_statements(database: Database) -> None:
    """However many there are; in one where no template names a block."""
    shop = await opened(database)
    for name in ("FOOT", "HEAD"):
        await made(shop, name, html_block(name))
    plain = [await shop.template("<p>Hello</p>") for _ in range(3)]
    naming = [await shop.template(FOOTER + FOOTER.replace("FOOT", "HEAD")) for _ in range(3)]
    counts = []
    for ids in (plain, naming, plain + naming, []):
        counting = Counting(database)
        await load_shown(cast(Database, counting), shop.account.account_id, ids)
        counts.append(counting.asked)
    assert [1, 2, 2, 0] == counts
