"""From a Send outcome to a message: one function per channel, pure but for the cache that the caller owns.

What is here: e-mail and SMS, and the table of channels. What is not: whether to send (`gates`), transport (`channels`).
Source: reference 4.5, 4.6. Links that are literal in the template are found when it is compiled; a message only fills
in tokens (DESIGN section 8, "Mail speed").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from headrace.messages import body, context, plaintext, utm
from headrace.messages.links import Links, Target, preparer, tracked_text
from headrace.messages.rendered import (
    INVALID_FROM,
    MISSING_EMAIL,
    MISSING_PHONE,
    SYNTAX_ERROR,
    UNABLE_TO_SEND_SMS,
    Rendered,
    RenderedEmail,
    RenderedSms,
    RenderFailed,
    RenderRequest,
    TemplateBody,
    Workshop,
)
from headrace.messages.segments import encoding_of, segment_count
from headrace.messages.tokens import unpadded
from headrace.model.delivery import Channel
from headrace.templates import Surroundings, Template, TemplateProblem, compile

Prepare = Callable[[str], Target | None]

ADDRESS = re.compile(r"[!#-'*+./0-9=?A-Z^-~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""An address that can be written into a header as it is."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
OPT_OUT = "Text STOP to opt-out."
"""Source: reference 4.5."""


@dataclass(frozen=True, slots=True)
class CompiledEmail:
    """The bodies of a message, compiled for one public address and one set of UTM parameters."""

    html: Template | None
    text: Template | None
    shows_preview: bool
    values_bring_markup: bool
    prepare: Prepare


@dataclass(frozen=True, slots=True)
class Desk:
    """What one message is written with."""

    request: RenderRequest
    workshop: Workshop
    links: Links
    variables: Mapping[str, Any]
    around: Surroundings

    def line(self, name: str, fallback: str = "") -> str:
        """Return a one-line field of the message, rendered; line ends and runs of spaces become one space."""
        source = str(self.request.message.get(name) or fallback)
        if "{" in source:
            template: Template = self.workshop.cache.get(("line", source), lambda: compile(source))
            source = template.render(self.variables, self.around)
        return " ".join(CONTROL.sub(" ", source).split())


def render(channel: Channel, request: RenderRequest, workshop: Workshop) -> Rendered:
    """Return the message of a channel, or why there is none; a channel without a renderer is a bug."""
    return RENDERERS[channel](request, workshop)


def render_email(request: RenderRequest, workshop: Workshop) -> RenderedEmail | RenderFailed:
    """Return an e-mail with its headers, tracked links, pixel and unsubscribe link, or why there is none."""
    if not request.profile.email:
        return RenderFailed(MISSING_EMAIL, f"profile {request.profile.profile_id} has no e-mail address")
    if request.template is None:
        return RenderFailed(SYNTAX_ERROR, f"message {request.ids.message_id} has no template")
    try:
        return _email(_desk(request, workshop), request.template, request.profile.email)
    except TemplateProblem as problem:
        return RenderFailed(SYNTAX_ERROR, f"message {request.ids.message_id}: {problem}")


def render_sms(request: RenderRequest, workshop: Workshop) -> RenderedSms | RenderFailed:
    """Return a text message, or why there is none."""
    if not request.profile.phone_number:
        return RenderFailed(MISSING_PHONE, f"profile {request.profile.profile_id} has no phone number")
    try:
        text = _sms_text(_desk(request, workshop))
    except TemplateProblem as problem:
        return RenderFailed(UNABLE_TO_SEND_SMS, f"message {request.ids.message_id}: {problem}")
    if not text:
        return RenderFailed(UNABLE_TO_SEND_SMS, f"message {request.ids.message_id} has no text")
    return RenderedSms(request.profile.phone_number, text, segment_count(text), encoding_of(text))


RENDERERS: Mapping[Channel, Callable[[RenderRequest, Workshop], Rendered]] = {
    Channel.EMAIL: render_email,
    Channel.SMS: render_sms,
}


def _desk(request: RenderRequest, workshop: Workshop) -> Desk:
    links = Links(workshop.signer, workshop.public_url, request.ids)
    unsubscribe = links.unsubscribe()
    around = Surroundings(
        now=request.now,
        zone=ZoneInfo(request.account.timezone),
        html=False,
        currency=request.account.currency,
        unsubscribe_url=unsubscribe,
        preferences_url=f"{unsubscribe}?preferences",
        web_view_url=links.view(),
    )
    variables = context.variables(request.account, request.profile, request.event)
    return Desk(request, workshop, links, variables, around)


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
    parameters, finish = _tracking(desk, subject)
    compiled = compiled_email(desk.workshop, template, parameters)
    around = replace(desk.around, html=True, preview_text=preview, link=finish)
    html = _html(desk, compiled, around, preview, transactional)
    text = _text(desk, compiled, around, transactional, html)
    return html, text


def _tracking(desk: Desk, subject: str) -> tuple[utm.Parameters, Callable[[Target], str]]:
    """Return the UTM parameters known when the template is compiled, and what finishes a link per message."""
    wanted = utm.chosen(desk.request.message, desk.request.utm_defaults)
    filled = utm.filled(wanted, _utm_facts(desk.request, subject))
    if not utm.per_person(wanted):
        return filled, desk.links.click
    return (), partial(_finished, desk.links, filled)


def _finished(links: Links, parameters: utm.Parameters, target: Target) -> str:
    url = utm.added(target.url.decode(), parameters).encode()
    return links.click(Target(url, unpadded(url)))


def _utm_facts(request: RenderRequest, subject: str) -> utm.UtmFacts:
    is_sms = "body" in request.message
    return utm.UtmFacts(
        flow_id=request.ids.flow_id,
        flow_name=request.flow_name,
        message_id=request.ids.message_id,
        message_name=request.message_name or str(request.message.get("name") or ""),
        message_type="sms" if is_sms else "email",
        email_subject=subject,
        profile_id=request.profile.profile_id,
        profile_external_id=request.profile.external_id or "",
    )


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
    text = plaintext.tidy(compiled.text.render(desk.variables, replace(around, html=False)))
    if compiled.values_bring_markup:
        text = plaintext.without_tags(text)
    if not transactional and around.unsubscribe_url not in text:
        text += body.unsubscribe_line(around.unsubscribe_url)
    return tracked_text(text, compiled.prepare, around.link)


def _sms_text(desk: Desk) -> str:
    message = desk.request.message
    source = str(message.get("body") or "")
    template: Template = desk.workshop.cache.get(("line", source), lambda: compile(source))
    text = template.render(desk.variables, desk.around).strip()
    if not text:
        return ""
    if message.get("shorten_links", True):
        parameters, finish = _tracking(desk, "")
        text = tracked_text(text, preparer(desk.workshop.public_url, parameters), finish)
    prefix = f"{desk.request.account.name}: " if message.get("add_org_prefix", True) else ""
    ending = f" {OPT_OUT}" if message.get("add_opt_out_language") else ""
    return f"{prefix}{text}{ending}"
