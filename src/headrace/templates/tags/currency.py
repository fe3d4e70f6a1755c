"""The tag that writes an amount in a currency. Source: reference 4.6 (the name). Our choice: the forms below.

`{% currency_format value %}` uses the account's currency, a second argument names another. A currency without a sign
here is written as its code and a space. What is not a number is written unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from django.template.base import Node

from headrace.templates.filters.sizes import decimal_of
from headrace.templates.nodes import shown
from headrace.templates.tags.arguments import values

SIGNS = {
    "USD": "$", "CAD": "$", "AUD": "$", "NZD": "$", "MXN": "$", "SGD": "$", "HKD": "$", "EUR": "€", "GBP": "£",
    "JPY": "¥", "CNY": "¥", "INR": "₹", "KRW": "₩", "BRL": "R$", "ZAR": "R", "ILS": "₪", "PHP": "₱", "TRY": "₺",
}  # fmt: skip
WIDE = Context(prec=120)
"""Holds any amount that `decimal_of` reads."""
WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "TWD"})


class CurrencyNode(Node):  # type: ignore[misc]
    """Writes an amount of money."""

    child_nodelists = ()

    def __init__(self, amount: Any, currency: Any) -> None:
        self.amount = amount
        self.currency = currency

    def render(self, context: Any) -> str:
        """Return the amount with sign, thousands and decimals."""
        value = self.amount.resolve(context)
        number = decimal_of(value)
        if number is None:
            return shown(value, context)
        code = str(self.currency.resolve(context)) if self.currency else ""
        return shown(money(number, code or context.surroundings.currency), context)


def money(amount: Decimal, currency: str) -> str:
    """Return an amount such as `$1,234.50`, `-€3.00` or `CHF 3.00`."""
    code = currency.upper()[:3]
    places = 0 if code in WITHOUT_CENTS else 2
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, WIDE)
    sign = SIGNS.get(code, f"{code} ")
    return f"{'-' if rounded < 0 else ''}{sign}{abs(rounded):,.{places}f}"


def _currency_format(parser: Any, token: Any) -> CurrencyNode:
    arguments = values(parser, token, at_most=2, at_least=1)
    return CurrencyNode(arguments[0], arguments[1] if len(arguments) > 1 else None)


TAGS: Mapping[str, Callable[..., Any]] = {"currency_format": _currency_format}
