"""Where answers are unlike the published descriptions on purpose, one by one, each with its reason.

What is here: the table. What is not: that `links.next` and `links.prev` may be null (`published`), and that attributes
may be missing where only some were asked for (`held_answers`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerated:
    """Mistakes that are none: where the whole text of one matches, at paths that match."""

    mistake: str
    reason: str
    path: str = ".*"

    def covers(self, path: str, mistake: str) -> bool:
        """Tell whether a mistake in an answer at a path is one of these."""
        return bool(re.fullmatch(self.mistake, mistake) and re.fullmatch(self.path, path))


TOLERATED = (
    Tolerated(
        r"/links/related is not known",
        "JSON:API gives a relationship's document `related` beside `self`; nobody is misled by it",
        path=r".*/relationships/.*",
    ),
    Tolerated(
        r"/included/\d+/relationships is not known",
        "the descriptions show included resources without relationships; a caller may follow them all the same",
    ),
    Tolerated(
        r"/included/\d+/attributes is not known",
        "a resource that has no attributes shows an empty object, which JSON:API allows",
        path=r"/api/events/.*",
    ),
    Tolerated(
        r"/links is not known",
        "ids that come in pages need links to the next, which the oldest description forgets",
        path=r"/api/.*/relationships/(profiles|flow-actions|flow-messages)/?",
    ),
    Tolerated(
        r".*/attributes/(tracking_options|send_options|render_options) is null",
        "the public overview shows null for the options that an action does not have",
    ),
    Tolerated(
        r".*/subscriptions/sms/marketing/(consent_timestamp|method|last_updated) is null",
        "nobody has a time and method of a consent that was never given; later descriptions say so too",
    ),
    Tolerated(
        r"/data/id is not known",
        "`id` is a field of reports that may be asked for, though the description of the answer lacks it",
        path=r"/api/(flow|segment)-(values|series)-reports/?",
    ),
    Tolerated(
        r"/links/(next|prev) is not known",
        "reports come in pages too, and a caller must find the next",
        path=r"/api/flow-(values|series)-reports/?",
    ),
    Tolerated(
        r"/links(/next|/prev)? is not known",
        "aggregates come in pages too, in every revision",
        path=r"/api/metric-aggregates/?",
    ),
    Tolerated(
        r"/data/relationships/flow-action/data is null",
        "messages of a deleted flow can still be read, and their action is gone",
        path=r"/api/flow-messages/.*",
    ),
    Tolerated(
        r"/data(/\d+)?/relationships/template/data is null",
        "a message may have no template yet, and says so",
        path=r"/api/flow-.*",
    ),
    Tolerated(
        r"/data(/\d+)?/relationships/conversation is not known",
        "a conversation can be included, and only the relationship tells whose it is",
        path=r"/api/profiles.*",
    ),
    Tolerated(
        r".*/attributes/badge_options is not known",
        "shown in 2025-07-15 alone, which lies between two descriptions; the official SDK of that revision has it",
    ),
    Tolerated(
        r".*/definition/.*/filter/(start|end|date) is '\d{4}-\d{2}-\d{2}', not a moment",
        "a day is legal where a moment is asked for, and is shown as it was given",
    ),
)


def tolerated(path: str, mistake: str) -> bool:
    """Tell whether a mistake in an answer at a path is one that is made on purpose."""
    return any(one.covers(path, mistake) for one in TOLERATED)
