"""The person must not be mailed, or does not want marketing e-mail. Source: reference 4.3, 4.4.

Somebody who never subscribed may be mailed; somebody who unsubscribed gets transactional mail only. Nothing at all goes
to an address that does not work, or to somebody who complained.
"""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Person Suppressed"
UNSUBSCRIBED = "UNSUBSCRIBED"
IGNORED_BY_TRANSACTIONAL = frozenset(("UNSUBSCRIBE", "USER_SUPPRESSED"))


def check(facts: SendFacts) -> Skipped | None:
    """Skip e-mail to somebody who unsubscribed or is suppressed, everywhere or on the list that the flow is for.

    Our choice: a suppression on a list does not hold in flows that are not for its members.
    """
    reasons = sorted({reason for reason, list_id in facts.suppressions if list_id in ("", facts.group_id)})
    if facts.transactional:
        reasons = [one for one in reasons if one not in IGNORED_BY_TRANSACTIONAL]
    unsubscribed = facts.subscription == UNSUBSCRIBED and not facts.transactional
    if not reasons and not unsubscribed:
        return None
    return Skipped(REASON, {"subscription": facts.subscription, "suppressions": reasons})
