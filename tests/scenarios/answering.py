"""A provider of webhooks that keeps them in the inbox and answers what a scenario says.

{status: 200, body: {...}} is an answer; {error: timed out} stands for none, after every attempt was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headrace.channels.port import Envelope, Provider, Refusal, Refused, Result, Sent
from headrace.channels.webhook.answer import unanswered


class AnsweringWebhooks:
    """Answers in turn, and for ever with the last answer."""

    name = "answering"
    honors_idempotency_key = True

    def __init__(self, inbox: Provider, answers: Sequence[Mapping[str, Any]]) -> None:
        self._inbox = inbox
        self._answers = list(answers) or [{"status": 200}]

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Keep the webhooks and answer them."""
        return [self._answer(result) for result in await self._inbox.send_many(envelopes)]

    def _answer(self, kept: Result) -> Result:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if "error" in answer:
            return Refused(answer["error"], Refusal.CONTENT, unanswered(answer["error"]))
        output = {"status": answer.get("status", 200), "body": answer.get("body"), "error": None}
        if output["status"] >= 400:
            return Refused(f"answered {output['status']}", Refusal.CONTENT, output)
        assert isinstance(kept, Sent)
        return replace(kept, output=output)

    async def close(self) -> None:
        """Nothing to let go of."""
