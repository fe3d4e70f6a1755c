"""What one message is written with: its request, its variables, its links and how they are tracked.

What is here: what the renderers of all channels share. What is not: any channel's own fields (`email`, `sms`, `push`,
`whatsapp`, `webhook`, `alert`). Source: reference 4.5, 4.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from headrace.messages import context, utm
from headrace.messages.links import Links, Target
from headrace.messages.rendered import RenderRequest, Workshop
from headrace.messages.tokens import unpadded
from headrace.templates import Surroundings, Template, compile

ADDRESS = re.compile(r"[!#-'*+./0-9=?A-Z^-~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""An address that can be written into a header as it is."""
VIEW = "web_view"
"""What the names of all tags have that write the link to the message in a browser."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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
        return self.one_line(str(self.request.message.get(name) or fallback))

    def one_line(self, source: str) -> str:
        """Return a source rendered as one line; raises `TemplateProblem`."""
        text = self.text(source) if source else ""
        if text.isprintable() and "  " not in text:  # as nearly every line is
            return text.strip()
        return " ".join(CONTROL.sub(" ", text).split())

    def text(self, source: str) -> str:
        """Return a source rendered as plain text; raises `TemplateProblem`."""
        if "{" not in source:
            return source.replace("\x00", "")  # which nobody can store
        template: Template = self.workshop.cache.get(("line", source), lambda: compile(source))
        return template.render(self.variables, self.around)


def make_desk(request: RenderRequest, workshop: Workshop) -> Desk:
    """Return the desk of a message to a person, with that person's own links."""
    links = Links(workshop.signer, workshop.public_url, request.ids)
    unsubscribe = links.unsubscribe()
    variables = context.variables(request.account, request.profile, request.event)
    around = Surroundings(
        now=request.now,
        zone=ZoneInfo(request.account.timezone),
        html=False,
        currency=request.account.currency,
        unsubscribe_url=unsubscribe,
        preferences_url=f"{unsubscribe}?preferences",
        web_view_url=links.view() if _shows_view(request) else "",
    )
    return Desk(request, workshop, links, variables, around)


def _shows_view(request: RenderRequest) -> bool:
    """Return whether the message may show a link to itself; signing one that nobody sees takes a while."""
    template = request.template
    bodies = (template.html, template.text) if template else ()
    sources = (*bodies, *request.message.values())
    return any(VIEW in one for one in sources if type(one) is str)


def tracking(desk: Desk, channel: str, subject: str = "") -> tuple[utm.Parameters, Callable[[Target], str]]:
    """Return the UTM parameters known when the template is compiled, and what finishes a link per message."""
    wanted = utm.chosen(desk.request.message, desk.request.utm_defaults)
    filled = utm.filled(wanted, _utm_facts(desk.request, channel, subject)) if wanted else ()
    if not utm.per_person(wanted):
        return filled, desk.links.click
    return (), partial(_finished, desk.links, filled)


def _finished(links: Links, parameters: utm.Parameters, target: Target) -> str:
    url = utm.added(target.url.decode(), parameters).encode()
    return links.click(Target(url, unpadded(url)))


def _utm_facts(request: RenderRequest, channel: str, subject: str) -> utm.UtmFacts:
    return utm.UtmFacts(
        flow_id=request.ids.flow_id,
        flow_name=request.flow_name,
        message_id=request.ids.message_id,
        message_name=request.message_name or str(request.message.get("name") or ""),
        message_type=channel,
        email_subject=subject,
        profile_id=request.profile.profile_id,
        profile_external_id=request.profile.external_id or "",
    )
