"""The door of `/client/*`: callers that anybody may be, because their browser tells everybody who they are.

What is here: from the query parameter `company_id` to the account, and the refusal of private keys. What is not: what
such a caller may do (`commands.client`, where the reasons stand) and the headers that let browsers call (`cors`).
Follows reference 7.4.

The public id is no secret: it stands in every page of a shop. So it is looked up by its plain value, and that an id is
unknown may be told, as may the time that this takes. It is remembered for a few seconds, like a key.

Our choice: a private key is refused wherever it stands, and its value is not repeated: whoever sends one from a page
has shown it to everybody and must learn so at the first try. Any other `Authorization` is passed over where
`company_id` is given: a proxy before a test installation may ask for one.
"""

from __future__ import annotations

from collections import OrderedDict

from starlette.requests import Request

from headrace.api.auth import CACHED_KEYS, CACHED_SECONDS
from headrace.api.state import Services
from headrace.clock import stopwatch
from headrace.errors import Invalid, NotAuthenticated, PermissionDenied
from headrace.jsonapi.operation import Operation
from headrace.storage.accounts import get_account
from headrace.storage.keys import PREFIX, Caller

PARAMETER = "company_id"
LONGEST_ID = 64
"""Characters of a public id that are looked up; those that are drawn have six."""


class PublicCallers:
    """Tells whose public id a request gives, remembering accounts for a few seconds."""

    __slots__ = ("_accounts", "_services")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._accounts: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def caller(self, request: Request, operation: Operation) -> Caller:
        """Return the account as a caller who may do this one operation.

        Raises `PermissionDenied` for a private key, `NotAuthenticated` without a `company_id` and `Invalid` for one
        that names no account. Source: the service answers 400 "invalid" to a wrong id.
        """
        authorization = request.headers.get("authorization", "")
        given = request.query_params.get(PARAMETER, "")
        _refuse_private(authorization, given)
        if not given:
            raise NotAuthenticated(
                f"The query parameter {PARAMETER} is missing; {operation.path} takes the account's public id by it, "
                "and no Authorization header.",
                parameter=PARAMETER,
            )
        return await self._find(given)

    async def _find(self, public_id: str) -> Caller:
        known = self._accounts.get(public_id)
        if known is not None and stopwatch() < known[0]:
            return known[1]
        sensible = len(public_id) <= LONGEST_ID and public_id.isascii() and public_id.isprintable()
        account = await get_account(self._services.database, public_id) if sensible else None
        if account is None:
            self._accounts.pop(public_id, None)
            raise Invalid(f'There is no account with the {PARAMETER} "{public_id[:LONGEST_ID]}".', parameter=PARAMETER)
        caller = Caller("", account, frozenset())
        self._remember(public_id, caller)
        return caller

    def _remember(self, public_id: str, caller: Caller) -> None:
        self._accounts[public_id] = (stopwatch() + CACHED_SECONDS, caller)
        self._accounts.move_to_end(public_id)
        while len(self._accounts) > CACHED_KEYS:
            self._accounts.popitem(last=False)


def _refuse_private(authorization: str, public_id: str) -> None:
    """Raise `PermissionDenied` for a private key in the header, or in place of the public id."""
    in_header = authorization.strip().rpartition(" ")[2].startswith(PREFIX)
    if in_header or public_id.startswith(PREFIX):
        where = "the header Authorization" if in_header else f"the query parameter {PARAMETER}"
        raise PermissionDenied(
            f"A private key was sent in {where}. /client/* takes the account's public id as {PARAMETER} and no key: "
            "a page shows its keys to everybody who visits it. Revoke this one.",
            parameter="Authorization" if in_header else PARAMETER,
        )
