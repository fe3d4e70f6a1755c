"""Flows as files: the legacy document, import and export in both spellings."""

from __future__ import annotations

import copy
import re
from typing import Any

import orjson
import pytest
from api_client import NOW, Api
from flow_samples import cart_flow

from headrace.errors import Problems
from headrace.flows.spelling import from_camel
from headrace.storage.flow_files import Imported, export_flow, import_flow, missing_for
from headrace.storage.templates import load_templates

IDS = re.compile(r'(?<=["/])([A-Za-z0-9]{6}|[0-9]{3,18})(?=["/?])')


def shop_file() -> dict[str, Any]:
    """Return a flow file in the legacy spelling, with every action type that the overview prints."""
    split = {"conditionGroups": [{"conditions": [{"type": "profile-sample", "percentage": 50}]}]}
    ordered = {
        "type": "profile-metric",
        "metricId": "OrdMet",
        "measurement": "count",
        "measurementFilter": {"type": "numeric", "operator": "equals", "value": 0},
        "timeframeFilter": {"type": "date", "operator": "flow-start"},
        "metricFilters": None,
    }
    member = {"type": "profile-group-membership", "isMember": True, "groupIds": ["NewsLe"], "timeframeFilter": None}
    actions = [
        {
            "id": "501",
            "type": "conditional-split",
            "links": {"nextIfTrue": "502", "nextIfFalse": None},
            "data": {"profileFilter": {"conditionGroups": [{"conditions": [member]}]}},
        },
        {
            "id": "502",
            "type": "time-delay",
            "links": {"next": "503"},
            "data": {
                "unit": "hours",
                "value": 2,
                "secondaryValue": 0,
                "timezone": "profile",
                "delayUntilTime": None,
                "delayUntilWeekdays": ["monday", "sunday"],
            },
        },
        {
            "id": "503",
            "type": "conditional-split",
            "links": {"nextIfTrue": "504", "nextIfFalse": "505"},
            "data": {"profileFilter": split},
        },
        {
            "id": "504",
            "type": "send-email",
            "links": {"next": None},
            "data": {"message": email_message(), "status": "live"},
        },
        {
            "id": "505",
            "type": "send-sms",
            "links": {"next": None},
            "data": {"message": text_message(), "status": "draft"},
        },
    ]
    definition = {
        "triggers": [{"type": "metric", "id": "CarMet", "triggerFilter": None}],
        "profileFilter": {"conditionGroups": [{"conditions": [ordered]}]},
        "actions": actions,
        "entryActionId": "501",
    }
    attributes = {
        "name": "Cart",
        "status": "live",
        "archived": False,
        "created": "2024-01-02T03:04:05+00:00",
        "updated": "2024-01-02T03:04:06+00:00",
        "triggerType": "Metric",
        "definition": definition,
    }
    base = "http://shop.test/ux-api/flows/Fl0wId"
    relationships = {
        camel: {"links": {"self": f"{base}/relationships/{name}/", "related": f"{base}/{name}/"}}
        for camel, name in (("flowActions", "flow-actions"), ("tags", "tags"))
    }
    data = {
        "type": "flow",
        "id": "Fl0wId",
        "attributes": attributes,
        "relationships": relationships,
        "links": {"self": f"{base}/"},
    }
    return {"data": data, "links": {"self": f"{base}?additional-fields[flow]=definition"}}


def email_message() -> dict[str, Any]:
    """Return an e-mail with every key that the legacy document shows."""
    return {
        "fromEmail": "shop@example.com",
        "fromLabel": "Shop",
        "replyToEmail": None,
        "ccEmail": None,
        "bccEmail": None,
        "subjectLine": "Your cart",
        "previewText": "",
        "templateId": "TmplId",
        "smartSendingEnabled": False,
        "transactional": False,
        "addTrackingParams": False,
        "customTrackingParams": None,
        "additionalFilters": None,
        "name": "E-mail 1",
        "id": "Mail01",
    }


def text_message() -> dict[str, Any]:
    """Return a text message with every key that the legacy document shows."""
    return {
        "body": "Your cart?",
        "imageId": None,
        "dynamicImage": None,
        "shortenLinks": True,
        "includeContactCard": False,
        "addOrgPrefix": True,
        "addInfoLink": True,
        "addOptOutLanguage": False,
        "smartSendingEnabled": True,
        "smsQuietHoursEnabled": True,
        "transactional": False,
        "addTrackingParams": False,
        "customTrackingParams": None,
        "additionalFilters": None,
        "name": "SMS #1",
        "id": "Text01",
    }


def without_ids(document: Any) -> str:
    """Return a document as text in which everything that looks like an id is blotted out, keys in their order."""
    return IDS.sub("~", orjson.dumps(document).decode())


async def load(api: Api, document: Any, **options: Any) -> Imported:
    """Import a document into the account of the test."""
    services = api.services
    return await import_flow(services.database, api.account.account_id, services.ids, NOW, document, **options)


@pytest.mark.parametrize("spelling", ["camel", "snake"])
async def test_an_imported_flow_exports_equal(api: Api, spelling: Any) -> None:
    """What was imported in either spelling is exported equal, ids aside and keys in their order."""
    document = shop_file() if spelling == "camel" else snake_file()
    made = await load(api, document, create_missing=True)
    exported = await export_flow(
        api.services.database, api.account.account_id, made.flow_id, spelling=spelling, base_url="http://shop.test"
    )
    assert without_ids(exported) == without_ids(document)


def snake_file() -> dict[str, Any]:
    """Return the same flow as the API's own document."""
    document = from_camel(shop_file())
    data = document["data"]
    base = "http://shop.test/api/flows/Fl0wId"
    data["relationships"] = {
        name: {"links": {"self": f"{base}/relationships/{name}", "related": f"{base}/{name}"}}
        for name in ("flow-actions", "tags")
    }
    data["links"] = {"self": base}
    document["links"] = {"self": f"{base}?additional-fields[flow]=definition"}
    return dict(document)


async def test_an_import_names_everything_that_is_lacking(api: Api) -> None:
    """Without create_missing, each metric, list and template that the account lacks is a problem of its own."""
    with pytest.raises(Problems) as caught:
        await load(api, shop_file())
    text = "\n".join(problem.detail for problem in caught.value.problems)
    assert [one for one in ("CarMet", "OrdMet", "NewsLe", "TmplId") if one not in text] == []
    assert await api.services.database.fetch_value("SELECT count(*) FROM flow") == 0


async def test_what_is_lacking_is_listed_with_its_places(api: Api) -> None:
    """missing_for tells the ids by kind, each with the pointers where the file names it."""
    missing = await missing_for(api.services.database, api.account.account_id, shop_file())
    assert (set(missing.metric_ids), set(missing.group_ids)) == ({"CarMet", "OrdMet"}, {"NewsLe"})
    assert missing.template_ids == {"TmplId": ("/data/attributes/definition/actions/3/data/message/template_id",)}


async def test_create_missing_makes_things_with_the_ids_of_the_file(api: Api) -> None:
    """Ids that no account uses yet are kept."""
    made = await load(api, shop_file(), create_missing=True)
    assert {("metric", "CarMet"), ("metric", "OrdMet"), ("list or segment", "NewsLe"), ("template", "TmplId")} == {
        (one.kind, one.made_id) for one in made.made
    }


async def test_a_segment_without_rules_rests(api: Api) -> None:
    """A segment that an import makes is inactive, so that not everybody joins what asks nothing."""
    document = shop_file()
    document["included"] = [{"type": "segment", "id": "NewsLe", "attributes": {"name": "Readers"}}]
    await load(api, document, create_missing=True)
    [shown] = (await api.get("/api/segments")).json()["data"]
    attributes = shown["attributes"]
    assert ("Readers", False, False) == (attributes["name"], attributes["is_active"], attributes["is_processing"])


async def test_included_things_are_found_or_made_by_name(api: Api) -> None:
    """A file that carries names is linked to the account's own metric, and its template keeps its content."""
    own = (await api.services.metrics.ids(api.account.account_id, ["Added to Cart"]))["Added to Cart"]
    document = shop_file()
    document["included"] = [
        {"type": "metric", "id": "CarMet", "attributes": {"name": "Added to Cart"}},
        {"type": "template", "id": "TmplId", "attributes": {"name": "Cart mail", "html": "<b>Hi</b>"}},
    ]
    made = await load(api, document, create_missing=True)
    exported = await export_flow(api.services.database, api.account.account_id, made.flow_id, spelling="snake")
    definition = exported["data"]["attributes"]["definition"]
    copied = definition["actions"][3]["data"]["message"]["template_id"]
    rows = await load_templates(api.services.database, api.account.account_id, [copied])
    assert definition["triggers"][0]["id"] == own
    assert (rows[copied]["name"], rows[copied]["html"]) == ("Cart mail", "<b>Hi</b>")


async def test_a_broken_file_leaves_nothing_behind(api: Api) -> None:
    """A link to an action that does not exist is refused before anything is made."""
    document = copy.deepcopy(shop_file())
    document["data"]["attributes"]["definition"]["actions"][1]["links"]["next"] = "999"
    with pytest.raises(Problems):
        await load(api, document, create_missing=True)
    assert await api.services.database.fetch_value("SELECT count(*) FROM metric") == 0


async def test_the_legacy_document_of_an_api_flow_shows_every_key(api: Api) -> None:
    """A flow made over the API with few keys is shown with all of them, null or at their defaults."""
    flow_id = await cart_flow(api)
    answer = await api.get(f"/flow/{flow_id}.json", revision=None)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    actions = document["data"]["attributes"]["definition"]["actions"]
    assert shape_of(document) == shape_of(shop_file())
    assert [set(email_message()), set(text_message())] == [set(one["data"]["message"]) for one in actions[2:]]


def shape_of(document: dict[str, Any]) -> list[Any]:
    """Return the keys of a flow document on its outer levels."""
    data = document["data"]
    return [
        list(document),
        list(data),
        list(data["attributes"]),
        list(data["relationships"]),
        sorted(data["attributes"]["definition"]),
    ]


async def test_the_legacy_document_needs_a_key(api: Api) -> None:
    """The document is as private as the API."""
    flow_id = await cart_flow(api)
    answer = await api.http.get(f"/flow/{flow_id}.json")
    assert answer.status_code == 401


async def test_the_legacy_document_of_an_unknown_flow_is_not_found(api: Api) -> None:
    """An id that names no flow is a 404."""
    assert (await api.get("/flow/NOPE01.json")).status_code == 404
