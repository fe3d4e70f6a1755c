"""The account does not send to the country of the person's phone number. Source: reference 1.8, 4.4."""

from __future__ import annotations

from headrace.conditions.filters.phone import country_of
from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Phone Number in Country Not Supported"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a text message to a country that is not among those of the settings.

    Our choice: without that setting every country is served; with it, a number whose country cannot be told is not.
    """
    supported = facts.settings.sms_countries
    if supported is None or facts.profile is None or facts.profile.phone_number is None:
        return None
    country = country_of(facts.profile.phone_number)
    return None if country in supported else Skipped(REASON, {"country": country})
