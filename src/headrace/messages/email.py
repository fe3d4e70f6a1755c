"""E-mail: subject, sender, bodies with tracked links, pixel and unsubscribe link.

Links that are literal in the template are found when it is compiled; a message only fills in tokens (DESIGN section 8,
"Mail speed"). Source: reference 2.2, 4.5, 4.6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from headrace.messages import body, plaintext, utm
from headrace.messages.desk import ADDRESS, Desk, make_desk, tracking
from headrace.messages.links import Target, preparer, tracked_text
from headrace.messages.rendered import (
    INVALID_FROM,
    MISSING_EMAIL,
    SYNTAX_ERROR,
    RenderedEmail,
    RenderFailed,
    RenderRequest,
    TemplateBody,
    Workshop,
)
from headrace.templates import Surroundings, Template, TemplateProblem, compile

Prepare = Callable[[str], Target | None]


@dataclass(frozen=True, slots=True)
class CompiledEmail:
    """The bodies of a message, compiled for one public address and one set of UTM parameters."""

    html: Template | None
    text: Template | None
    shows_preview: bool
    values_bring_markup: bool
    prepare: Prepare


def render_email(request: RenderRequest, workshop: Workshop) -> RenderedEmail | RenderFailed:
    """Return an e-mail with its headers, tracked links, pixel and unsubscribe link, or why there is none."""
    if not request.profile.email:
        return RenderFailed(MISSING_EMAIL, f"profile {request.profile.profile_id} has no e-mail address")
    if request.template is None:
        return RenderFailed(SYNTAX_ERROR, f"message {request.ids.message_id} has no template")
    try:
        return _email(make_desk(request, workshop), request.template, request.profile.email)
    except TemplateProblem as problem:
        return RenderFailed(SYNTAX_ERROR, f"message {request.ids.message_id}: {problem}")


def _email(desk: Desk, template: TemplateBody, to: str) -> RenderedEmail | RenderFailed:
    message, account = desk.request.message, desk.request.account
    subject = desk.line("subject_line")
    preview = desk.line("preview_text")
    from_email = desk.line("from_email", account.sender_email)
    addresses = {name: _addresses(desk.line(name)) for name in ("reply_to_email", "cc_email", "bcc_email")}
    if not ADDRESS.fullmatch(from_email):
        return RenderFailed(INVALID_FROM, f"{from_email!r} is not an e-mail address")
    for address in (to, *(address for each in addresses.values() for address in each)):
        if not ADDRESS.fullmatch(address):
            return RenderFailed(SYNTAX_ERROR, f"{address!r} is not an e-mail address")
    html, text = _bodies(desk, template, subject, preview, bool(message.get("transactional")))
    return RenderedEmail(
        to=to,
        subject=subject,
        preview=preview,
        html=html,
        text=text,
        from_email=from_email,
        from_label=desk.line("from_label", account.sender_label or account.name),
        reply_to=", ".join(addresses["reply_to_email"]),
        cc=addresses["cc_email"],
        bcc=addresses["bcc_email"],
        headers=(
            ("List-Unsubscribe", f"<{desk.around.unsubscribe_url}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
    )


def _addresses(line: str) -> tuple[str, ...]:
    return tuple(address.strip() for address in line.split(",") if address.strip())


def _bodies(desk: Desk, template: TemplateBody, subject: str, preview: str, transactional: bool) -> tuple[str, str]:
    parameters, finish = tracking(desk, "email", subject)
    compiled = compiled_email(desk.workshop, template, parameters)
    around = replace(desk.around, html=True, preview_text=preview, link=finish)
    html = _html(desk, compiled, around, preview, transactional)
    text = _text(desk, compiled, replace(around, html=False), transactional, html)
    return html, text


def compiled_email(workshop: Workshop, template: TemplateBody, parameters: utm.Parameters) -> CompiledEmail:
    """Return the compiled bodies of a template row, from the cache when they are there; raises `TemplateProblem`."""
    key = ("email", template.html, template.text, workshop.public_url, parameters)
    compiled: CompiledEmail = workshop.cache.get(key, lambda: _compile(template, workshop.public_url, parameters))
    return compiled


def _compile(template: TemplateBody, public_url: str, parameters: utm.Parameters) -> CompiledEmail:
    prepare = preparer(public_url, parameters)
    html = template.html or ""
    return CompiledEmail(
        html=compile(html, prepare=prepare) if html else None,
        text=compile(template.text) if template.text else _derived(html),
        shows_preview="render_variable" in html,
        values_bring_markup="safe" in html and not template.text,
        prepare=prepare,
    )


def _derived(html: str) -> Template | None:
    """Return the text part made from the HTML; None when its constructs do not fit, so that each message derives."""
    try:
        return compile(plaintext.text_source(html))
    except TemplateProblem:
        return None


def _html(desk: Desk, compiled: CompiledEmail, around: Surroundings, preview: str, transactional: bool) -> str:
    if compiled.html is None:
        return ""
    html = compiled.html.render(desk.variables, around)
    if preview and not compiled.shows_preview:
        html = body.with_preview(html, preview)
    end = body.open_pixel(desk.links.pixel())
    if not transactional and around.unsubscribe_url not in html:
        end = body.unsubscribe_footer(around.unsubscribe_url) + end
    return body.with_end(html, end)


def _text(desk: Desk, compiled: CompiledEmail, around: Surroundings, transactional: bool, html: str) -> str:
    if compiled.text is None:
        return plaintext.text_source(html)
    text = plaintext.tidy(compiled.text.render(desk.variables, around))
    if compiled.values_bring_markup:
        text = plaintext.without_tags(text)
    if not transactional and around.unsubscribe_url not in text:
        text += body.unsubscribe_line(around.unsubscribe_url)
    return tracked_text(text, compiled.prepare, around.link)
