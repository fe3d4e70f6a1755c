"""The person does not want marketing e-mail. Source: reference 4.3, 4.4.

Somebody who never subscribed may be mailed; somebody who unsubscribed gets transactional mail only.
"""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Person Suppressed"


def check(facts: SendFacts) -> Skipped | None:
    """Skip marketing e-mail to somebody who unsubscribed."""
    if facts.subscription != "UNSUBSCRIBED" or facts.transactional:
        return None
    return Skipped(REASON)
