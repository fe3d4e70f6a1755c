"""What `--scopes` may say: `full`, `read-only`, or a list of scopes that operations ask for."""

from __future__ import annotations

from headrace.api.auth import EVERYTHING
from headrace.api.resources import OPERATIONS
from headrace.errors import CommandError

OWN = "headrace:"
"""Scopes of Headrace's own operations; a read-only key does not get them unasked."""


def expand(text: str) -> tuple[str, ...]:
    """Return the scopes that `text` names; raises `CommandError` for one that no operation asks for."""
    known = {scope for operation in OPERATIONS for scope in operation.scopes}
    if text.strip() == "full":
        return (EVERYTHING,)
    if text.strip() == "read-only":
        return tuple(sorted(one for one in known if one.endswith(":read") and not one.startswith(OWN)))
    wanted = [scope.strip() for scope in text.split(",") if scope.strip()]
    if not wanted:
        raise CommandError("--scopes is empty; say full, read-only or a list such as flows:read,events:write")
    for scope in wanted:
        if scope not in known:
            raise CommandError(f"there is no scope {scope!r}; there are full, read-only, {', '.join(sorted(known))}")
    return tuple(wanted)
