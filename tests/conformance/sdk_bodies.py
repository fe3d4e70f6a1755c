"""What tests send and read by the official SDK: bodies as plain data, and short cuts for what every test makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import ApiException


def document(answer: Any) -> dict[str, Any]:
    """Return an answer, which the SDK's models have checked, as plain data.

    Where only some fields were asked for, the SDK checks nothing and gives plain data itself.
    """
    plain: dict[str, Any] = answer if isinstance(answer, dict) else answer.to_dict()
    return plain


def data(answer: Any) -> Any:
    """Return the primary data of an answer."""
    return document(answer)["data"]


def ids_of(answer: Any) -> list[str]:
    """Return the ids of a list's rows."""
    return [str(one["id"]) for one in data(answer)]


def every_id(page: Callable[..., Any], *args: Any, **options: Any) -> list[str]:
    """Follow `links.next` through all pages and return the ids as they come."""
    answer = document(page(*args, **options))
    found = [str(one["id"]) for one in answer["data"]]
    while following := answer["links"].get("next"):
        answer = document(page(*args, **options, page_cursor=following))
        found += [str(one["id"]) for one in answer["data"]]
    return found


def body(type_: str, attributes: Any = None, id_: str | None = None, **rest: Any) -> dict[str, Any]:
    """Return the body of one resource; `rest` is what stands beside its attributes."""
    resource = {"type": type_, **rest}
    if attributes is not None:
        resource["attributes"] = attributes
    return {"data": resource if id_ is None else {**resource, "id": id_}}


def profile(**attributes: Any) -> dict[str, Any]:
    """Return the body of a profile."""
    return body("profile", attributes)


def named(type_: str, *ids: str) -> dict[str, Any]:
    """Return the body that names resources."""
    return {"data": [{"type": type_, "id": one} for one in ids]}


def made_profile(klaviyo: KlaviyoAPI, email: str, **attributes: Any) -> str:
    """Make a profile and return its id."""
    return str(data(klaviyo.Profiles.create_profile(profile(email=email, **attributes)))["id"])


def made_list(klaviyo: KlaviyoAPI, name: str = "VIP", *members: str) -> str:
    """Make a list with members and return its id."""
    list_id = str(data(klaviyo.Lists.create_list(body("list", {"name": name})))["id"])
    if members:
        klaviyo.Lists.add_profiles_to_list(list_id, named("profile", *members))
    return list_id


def has_property(name: str, value: str) -> dict[str, Any]:
    """Return the condition that a custom property has a value."""
    asked = {"type": "string", "operator": "equals", "value": value}
    return {"type": "profile-property", "property": f"properties['{name}']", "filter": asked}


def groups(*conditions: dict[str, Any]) -> dict[str, Any]:
    """Return the definition that asks for all of these conditions."""
    return {"condition_groups": [{"conditions": [one]} for one in conditions]}


def made_segment(klaviyo: KlaviyoAPI, name: str, *conditions: dict[str, Any]) -> str:
    """Make a segment of people for whom all conditions hold and return its id."""
    attributes = {"name": name, "definition": groups(*conditions)}
    return str(data(klaviyo.Segments.create_segment(body("segment", attributes)))["id"])


def made_flow(klaviyo: KlaviyoAPI, kind: str, group_id: str) -> str:
    """Make a flow that a list or segment starts and return its id."""
    wait = {"unit": "hours", "value": 1, "secondary_value": 0, "timezone": "profile"}
    action = {"temporary_id": "wait", "type": "time-delay", "links": {"next": None}, "data": wait}
    definition = {"triggers": [{"type": kind, "id": group_id}], "profile_filter": None}
    definition |= {"actions": [action], "entry_action_id": "wait"}
    return str(data(klaviyo.Flows.create_flow(body("flow", {"name": "Welcome", "definition": definition})))["id"])


def made_tag(klaviyo: KlaviyoAPI, name: str) -> str:
    """Make a tag and return its id."""
    return str(data(klaviyo.Tags.create_tag(body("tag", {"name": name})))["id"])


@contextmanager
def refused(status: int, *words: str) -> Iterator[None]:
    """Expect that the call inside is answered by a status and an error that has these words."""
    with pytest.raises(ApiException) as caught:
        yield
    text = str(caught.value.body)
    assert (status, []) == (caught.value.status, [word for word in words if word not in text]), text
