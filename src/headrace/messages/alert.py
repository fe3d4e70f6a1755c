"""Internal alerts: an e-mail about a person to those of the shop's own people who confirmed their address.

It tracks nothing: links stay as they are, there is no pixel and nothing to unsubscribe from.
Source: reference 2 (send-internal-alert). Our choice: the first confirmed address is the recipient and the others get
copies; a template that writes links to unsubscribe, to preferences or to a web view is not sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from headrace.messages import plaintext
from headrace.messages.desk import ADDRESS, Desk, make_desk
from headrace.messages.rendered import (
    INVALID_FROM,
    NO_RECIPIENTS,
    SYNTAX_ERROR,
    RenderedEmail,
    RenderFailed,
    RenderRequest,
    TemplateBody,
    Workshop,
)
from headrace.templates import Template, TemplateProblem, compile

FOREIGN = re.compile(r"{%-?\s*((?:unsubscribe|manage_preferences|web_view)(?:_link)?)\b")
"""Tags that belong to messages to customers."""
FOREIGN_VALUE = re.compile(r"\bfeeds\.")


@dataclass(frozen=True, slots=True)
class CompiledAlert:
    """The bodies of an alert, compiled; `text` is None where each message makes it from its HTML."""

    html: Template | None
    text: Template | None


def render_alert(request: RenderRequest, workshop: Workshop) -> RenderedEmail | RenderFailed:
    """Return an alert, or why there is none: nobody confirmed, no sender, a template that fails."""
    to = recipients(request)
    if not to:
        return RenderFailed(NO_RECIPIENTS, f"nobody named by message {request.ids.message_id} confirmed their address")
    if request.template is None:
        return RenderFailed(SYNTAX_ERROR, f"message {request.ids.message_id} has no template")
    try:
        return _alert(make_desk(request, workshop), request.template, to)
    except TemplateProblem as problem:
        return RenderFailed(SYNTAX_ERROR, f"message {request.ids.message_id}: {problem}")


def recipients(request: RenderRequest) -> tuple[str, ...]:
    """Return those of the message's addresses that were confirmed, each once, in their order."""
    given = dict.fromkeys(str(address).strip() for address in request.message.get("to_emails") or ())
    return tuple(one for one in given if one.lower() in request.recipients and ADDRESS.fullmatch(one))


def _alert(desk: Desk, template: TemplateBody, to: tuple[str, ...]) -> RenderedEmail | RenderFailed:
    account = desk.request.account
    from_email = desk.line("from_email", account.sender_email)
    if not ADDRESS.fullmatch(from_email):
        return RenderFailed(INVALID_FROM, f"{from_email!r} is not an e-mail address")
    html, text = _bodies(desk, template)
    return RenderedEmail(
        to=to[0],
        subject=desk.line("subject_line"),
        preview="",
        html=html,
        text=text,
        from_email=from_email,
        from_label=desk.line("from_label", account.sender_label or account.name),
        cc=to[1:],
    )


def _bodies(desk: Desk, template: TemplateBody) -> tuple[str, str]:
    key: Any = ("alert", template.html, template.text)
    compiled: CompiledAlert = desk.workshop.cache.get(key, lambda: _compile(template))
    html = compiled.html.render(desk.variables, replace(desk.around, html=True)) if compiled.html else ""
    if compiled.text:
        return html, plaintext.tidy(compiled.text.render(desk.variables, desk.around))
    return html, plaintext.text_source(html)


def _compile(template: TemplateBody) -> CompiledAlert:
    for source in (template.html or "", template.text or ""):
        if found := FOREIGN.search(source):
            raise TemplateProblem(f"the tag {found[1]} does not belong into an internal alert")
        if FOREIGN_VALUE.search(source):
            raise TemplateProblem("web feeds do not belong into an internal alert")
    html = compile(template.html) if template.html else None
    return CompiledAlert(html, compile(template.text) if template.text else None)
