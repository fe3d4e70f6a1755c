"""Re-entry: whether a person who was in the flow may enter it again. Source: reference 1.4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from headrace.conditions.parsing import Model

UNITS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


class ReentryModel(Model):
    """The criteria as a document writes them: alltime and 1 is never again, alltime and 0 always."""

    duration: Annotated[int, Field(ge=0, le=1_000_000)]
    unit: Literal["day", "hour", "week", "alltime"]

    def compile(self) -> Reentry:
        """Return the compiled criteria. Our choice: alltime with any number but 0 is never again."""
        if self.unit == "alltime":
            return ALWAYS if self.duration == 0 else NEVER
        return Reentry(self.duration * UNITS[self.unit])


@dataclass(frozen=True, slots=True)
class Reentry:
    """How long after the last entry the next one is allowed; None is never."""

    after: timedelta | None

    def allows(self, last_entered_at: datetime | None, now: datetime) -> bool:
        """Tell whether somebody who last entered at `last_entered_at`, None for nobody yet, may enter at `now`."""
        if last_entered_at is None:
            return True
        return self.after is not None and now - last_entered_at >= self.after


ALWAYS = Reentry(timedelta(0))
NEVER = Reentry(None)


def default_for(trigger_type: str | None) -> Reentry:
    """Return the criteria of a flow that states none: never again for lists and segments, always for the rest."""
    return NEVER if trigger_type in ("list", "segment") else ALWAYS
