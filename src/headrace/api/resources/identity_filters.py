"""Filters that find people by what names them but is no identifier of theirs: a link's identity, a device's token.

What is not here: the filters by identifiers (`profiles`). Source: reference 4.5 (`_kx`) and the operations'
descriptions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false, select

from headrace.api.state import State
from headrace.jsonapi.context import Context
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.filters import Comparison
from headrace.messages.tokens import Kind
from headrace.storage import tables as t


def _named_by_link(context: Context[State], one: Comparison) -> ColumnElement[bool]:
    """Return the clause for whom the `_kx` of a followed link names: nobody, where it is none of this account's."""
    said = context.state.services.signer.read(str(one.value))
    if said is None or said.kind is not Kind.IDENTITY or said.account_id != context.account_id:
        return false()
    return t.profile.c.profile_id == said.profile_id


def _holding(context: Context[Any], one: Comparison) -> ColumnElement[bool]:
    values = list(one.value) if isinstance(one.value, tuple) else [one.value]
    row = t.push_token.c
    owners = select(row.profile_id).where(row.account_id == context.account_id, row.token.in_(values))
    return t.profile.c.profile_id.in_(owners)


BY_LINK = Filterable("string", ("equals",), clause=_named_by_link)
BY_PUSH_TOKEN = Filterable("string", ("any", "equals"), clause=_holding)
