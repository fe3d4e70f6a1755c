"""The account that a key belongs to. Follows reference 7.8 (strings are never null)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from headrace.api.resources.shown_people import ContactInformation
from headrace.jsonapi.operation import XS, Call, Operation, Table
from headrace.jsonapi.resource import Attribute, Resource, Row
from headrace.jsonapi.shapes import get, listing
from headrace.storage.tables import account

ADDRESS = {
    "address1": "street_address",
    "address2": "street_address2",
    "city": "city",
    "region": "region",
    "country": "country",
    "zip": "zip_code",
}
"""Parts of the street address: the API's name and that of the template variable `organization`."""

_CONTACT = ("default_sender_email", "default_sender_name", "organization_name", "street_address", "website_url")


def _contact(row: Row) -> dict[str, Any]:
    organization: Mapping[str, Any] = row["organization"]
    return {
        "default_sender_name": row["sender_label"],
        "default_sender_email": row["sender_email"],
        "website_url": organization.get("url") or "",
        "organization_name": organization.get("name") or row["name"],
        "street_address": {shown: organization.get(kept) or "" for shown, kept in ADDRESS.items()},
    }


def _is_test(row: Row) -> bool:
    return bool(row["clock"] != 0)


ACCOUNT = Resource(
    type="account",
    path="/api/accounts/{id}",
    attributes=(
        Attribute("test_account", bool, _is_test),
        Attribute(
            "contact_information",
            ContactInformation,
            _contact,
            subfields=tuple(
                f"contact_information.{name}" for name in (*_CONTACT, *(f"street_address.{part}" for part in ADDRESS))
            ),
        ),
        Attribute("industry", str, lambda row: row["industry"] or ""),
        Attribute("timezone", str),
        Attribute("preferred_currency", str, lambda row: row["currency"]),
        Attribute("public_api_key", str, lambda row: row["account_id"]),
        Attribute("locale", str),
    ),
    id=lambda row: str(row["account_id"]),
)


def _own(call: Call[Any, Any]) -> Select[Any]:
    return select(account).where(account.c.account_id == call.ctx.account_id)


ACCOUNTS = Table(_own, account.c.account_id)

OPERATIONS = (
    Operation(
        id="get_accounts",
        method="GET",
        path="/api/accounts",
        shape=listing,
        tag="Accounts",
        summary="The account of the key, as a list of one",
        scopes=("accounts:read",),
        tier=XS,
        resource=ACCOUNT,
        table=ACCOUNTS,
        sparse=("account",),
    ),
    Operation(
        id="get_account",
        method="GET",
        path="/api/accounts/{id}",
        shape=get,
        tag="Accounts",
        summary="The account of the key",
        scopes=("accounts:read",),
        tier=XS,
        resource=ACCOUNT,
        table=ACCOUNTS,
        sparse=("account",),
    ),
)
RESOURCES = (ACCOUNT,)
