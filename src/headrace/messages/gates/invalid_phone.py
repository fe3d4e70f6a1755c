"""The person's phone number cannot be one. Source: reference 1.8, 4.4."""

from __future__ import annotations

import re

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Phone Number is Not Valid"
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def check(facts: SendFacts) -> Skipped | None:
    """Skip a message to a number that is not written as a plus sign, a country's code and the rest, digits only.

    Our choice: no more than its form is looked at; whether the number is in use, the provider tells.
    """
    number = facts.profile.phone_number if facts.profile else None
    return None if number and E164.fullmatch(number) else Skipped(REASON, {"phone_number": number})
