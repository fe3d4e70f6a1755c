"""Rendering a template over the API with variables of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from api_client import Api

from headrace.errors import Unavailable
from headrace.messages.preview_pool import MOST_WAITING, Previews
from headrace.model import Account
from headrace.storage.accounts import create_account

JOB = {"text": None, "amp": None, "context": {}, "now": "2026-11-20T12:00:00+00:00", "zone": "UTC", "currency": "USD"}
ENDLESS = '{% for a in "' + "x" * 10_000 + '" %}' + "{{ a|md5_hash|sha_256|sha_1 }}" * 40 + "{% endfor %}"


@pytest_asyncio.fixture(autouse=True)
async def processes(api: Api) -> AsyncIterator[None]:
    """End the processes that rendered."""
    yield
    await api.services.previews.close()


async def made(api: Api, **attributes: Any) -> str:
    """Make a template and return its id."""
    content = {"name": "Cart", "editor_type": "CODE", **attributes}
    answer = await api.post("/api/templates", {"data": {"type": "template", "attributes": content}})
    return str(answer.json()["data"]["id"])


def wanted(template_id: str, **context: Any) -> dict[str, Any]:
    """Return the body that asks for a template with these variables."""
    return {"data": {"type": "template", "id": template_id, "attributes": {"context": context}}}


async def test_a_template_is_rendered_with_the_variables_of_the_body(api: Api) -> None:
    """HTML is escaped, the text is derived as for sending, AMP is rendered, and what is missing is empty."""
    html = "<h1>Hi {{ name }}{{ nothing }}</h1><p>{% if vip %}VIP{% else %}{{ item.title }}{% endif %}</p>"
    template_id = await made(api, html=html, amp="<p>{{ name }}</p>")
    answer = await api.post("/api/template-render", wanted(template_id, name="A & B", item={"title": "Socks"}))
    resource = answer.json()["data"]
    assert (201, template_id) == (answer.status_code, resource["id"])
    assert {
        "name": "Cart",
        "editor_type": "CODE",
        "html": "<h1>Hi A &amp; B</h1><p>Socks</p>",
        "text": "Hi A & B\n\nSocks",
        "amp": "<p>A &amp; B</p>",
        "created": "2026-11-20T12:00:00+00:00",
        "updated": "2026-11-20T12:00:00+00:00",
    } == resource["attributes"]


async def test_a_template_with_a_text_of_its_own_keeps_it(api: Api) -> None:
    """The text part is rendered unescaped, and what is stored stays as it was."""
    template_id = await made(api, html="<p>{{ name }}</p>", text="Dear {{ name }}")
    answer = await api.post("/api/template-render", wanted(template_id, name="A & B"))
    assert "Dear A & B" == answer.json()["data"]["attributes"]["text"]
    stored = await api.get(f"/api/templates/{template_id}")
    assert "Dear {{ name }}" == stored.json()["data"]["attributes"]["text"]


async def test_links_of_a_person_lead_nowhere(api: Api) -> None:
    """There is no person, so unsubscribing and the like are shown without an address."""
    template_id = await made(api, html="{% unsubscribe 'Out' %} {% web_view_link %}")
    answer = await api.post("/api/template-render", wanted(template_id))
    assert '<a href="#">Out</a> #' == answer.json()["data"]["attributes"]["html"]


async def test_only_the_fields_asked_for_are_shown(api: Api) -> None:
    """`fields[template]` chooses among the rendered parts."""
    template_id = await made(api, html="<p>{{ x }}</p>")
    answer = await api.post("/api/template-render?fields[template]=text", wanted(template_id, x=1))
    assert {"text": "1"} == answer.json()["data"]["attributes"]


async def test_a_template_that_fails_on_the_context_is_a_clear_mistake(api: Api) -> None:
    """Loops that take too many turns with these variables are a 400 that points at the context."""
    template_id = await made(api, html="{% for a in many %}{% for b in many %}x{% endfor %}{% endfor %}")
    answer = await api.post("/api/template-render", wanted(template_id, many=list(range(1000))))
    error = answer.json()["errors"][0]
    assert (400, {"pointer": "/data/attributes/context"}) == (answer.status_code, error["source"])
    assert f"The html of the template {template_id} cannot be rendered" in error["detail"]
    assert "turns" in error["detail"]


async def test_a_template_of_another_account_is_not_found(api: Api) -> None:
    """An id of somebody else is a 404, as is one that nobody has."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    template_id = await made(api, html="<p>secret</p>")
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], other)}"}
    answers = [
        await api.post("/api/template-render", wanted(template_id), headers=headers),
        await api.post("/api/template-render", wanted("Xx9999")),
    ]
    assert [404, 404] == [one.status_code for one in answers]
    assert "secret" not in answers[0].text


@pytest.mark.parametrize("attributes", [{}, {"context": None}, {"context": [1]}, {"context": {}, "more": 1}])
async def test_a_body_without_a_context_is_refused(api: Api, attributes: dict[str, Any]) -> None:
    """The context is an object."""
    template_id = await made(api, html="x")
    body = {"data": {"type": "template", "id": template_id, "attributes": attributes}}
    assert 400 == (await api.post("/api/template-render", body)).status_code


async def test_a_preview_that_takes_too_long_is_killed_and_others_go_on(api: Api) -> None:
    """The process is ended at the deadline, this one stays free meanwhile, and the next preview gets a new process."""
    hasty = Previews(patience=0.1)
    slow = asyncio.create_task(hasty.render({**JOB, "html": ENDLESS}))
    turns = 0
    while not slow.done():
        turns += 1
        await asyncio.sleep(0.005)
    assert {"part": "html", "problem": "it takes longer than 0.1 seconds"} == await slow
    assert turns > 10
    await hasty.close()
    patient = Previews()
    assert {"html": "ok", "text": "ok", "amp": None} == await patient.render({**JOB, "html": "ok"})
    await patient.close()


async def test_a_preview_that_needs_too_much_memory_is_a_mistake_and_others_go_on(api: Api) -> None:
    """The process that ran out of memory is replaced."""
    previews = Previews(patience=60)
    html = "{% with " + " ".join(f"a{number}=big|upper" for number in range(900)) + " %}x{% endwith %}"
    found = await previews.render({**JOB, "html": html, "context": {"big": "x" * 900_000}})
    assert "it needs more than 512 MB of memory" == found["problem"]
    assert "ok" == (await previews.render({**JOB, "html": "ok"}))["html"]
    await previews.close()


async def test_many_previews_share_two_processes(api: Api) -> None:
    """Each gets its own answer."""
    previews = Previews()
    found = await asyncio.gather(*(previews.render({**JOB, "html": f"n{number}"}) for number in range(20)))
    assert [f"n{number}" for number in range(20)] == [one["html"] for one in found]
    await previews.close()


async def test_a_process_that_was_killed_meanwhile_is_replaced(api: Api) -> None:
    """Whoever asks next does not notice."""
    previews = Previews()
    await previews.render({**JOB, "html": "first"})
    previews._idle[0].kill()
    assert "second" == (await previews.render({**JOB, "html": "second"}))["html"]
    await previews.close()


async def test_too_many_that_wait_are_told_to_come_again(api: Api) -> None:
    """The hundred before them are answered."""
    previews = Previews()
    found = await asyncio.gather(
        *(previews.render({**JOB, "html": "x"}) for _ in range(MOST_WAITING + 5)), return_exceptions=True
    )
    assert [MOST_WAITING, 5] == [len([one for one in found if isinstance(one, kind)]) for kind in (dict, Unavailable)]
    await previews.close()
