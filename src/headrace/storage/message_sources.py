"""The lines of a flow's messages that are templates: subjects, previews, addresses, texts.

What is here: telling a mistake in one of them to whoever writes it. What is not: bodies of e-mails, which are templates
of their own (`templates`), and messages of channels that Headrace only stores. Follows reference 2.2 and 4.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import Invalid, Problem
from headrace.flows.walk import Document, PartAt, actions_of, message_of, nested_actions
from headrace.templates.problems import TemplateProblem
from headrace.templates.template import compile

LINES: Mapping[str, tuple[str, ...]] = {
    "send-email": (
        "subject_line",
        "preview_text",
        "from_email",
        "from_label",
        "reply_to_email",
        "cc_email",
        "bcc_email",
    ),
    "send-sms": ("body",),
}
"""By the type of an action, the fields of its message that are rendered."""


def flow_mistakes(definition: Mapping[str, Any], base: str) -> list[Problem]:
    """Return a problem for every line of a definition's messages that is not a template, pointers below `base`."""
    return [one for part in actions_of(definition) for one in action_mistakes(part.value, base + part.pointer)]


def action_mistakes(action: Document, base: str) -> list[Problem]:
    """Return what `flow_mistakes` does, for one action that stands at `base`."""
    found: list[Problem] = []
    for part in (PartAt("", action), *nested_actions(action)):
        message = message_of(part.value) or {}
        for name in LINES.get(str(part.value.get("type")), ()):
            problem = _mistake(message.get(name))
            if problem is not None:
                at = f"{base}{part.pointer}/data/message/{name}"
                found.append(Invalid(f'"{name}" is not a template: {problem}.', pointer=at))
    return found


def _mistake(source: Any) -> TemplateProblem | None:
    if not isinstance(source, str) or "{" not in source:
        return None
    try:
        compile(source)
    except TemplateProblem as problem:
        return problem
    return None
