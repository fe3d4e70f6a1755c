"""A template rendered with whatever variables its author wants to see it with.

What is here: the parts of a template, rendered as a message's would be, but for what belongs to one message: links are
not tracked, and nothing is added. What is not: where it is done (`preview_child`, a process of its own that may be
killed) and asked for (`preview_pool`). Follows the published operation render_template and DESIGN section 8.

Our choice: the tags that write a person's own links (unsubscribe and the like) write "#", as there is no person.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from headrace.messages import plaintext
from headrace.templates import Surroundings, TemplateProblem, compile

NOWHERE = "#"

Job = Mapping[str, Any]
"""What is to be rendered: html, text and amp (sources or null), context, now (ISO 8601), zone and currency."""
Answer = dict[str, Any]
"""The parts html, text and amp; or what is wrong as `problem`, and with which part as `part`."""


def answer(job: Job) -> Answer:
    """Return the rendered parts of a job, or its problem."""
    part = "html"
    try:
        html = _rendered(job, job["html"], html=True)
        part = "text"
        text = _text(job, html)
        part = "amp"
        amp = None if job["amp"] is None else _rendered(job, job["amp"], html=True)
    except TemplateProblem as problem:
        return {"part": part, "problem": str(problem)}
    return {"html": html, "text": text, "amp": amp}


def _rendered(job: Job, source: str | None, *, html: bool) -> str:
    return compile(source).render(job["context"], _around(job, html=html)) if source else ""


def _text(job: Job, html: str) -> str:
    """Return the text part: the template's own, else what a message would derive from its HTML."""
    if job["text"]:
        return plaintext.tidy(_rendered(job, job["text"], html=False))
    source = job["html"] or ""
    try:
        template = compile(plaintext.text_source(source))
    except TemplateProblem:
        return plaintext.text_source(html)
    text = plaintext.tidy(template.render(job["context"], _around(job, html=False)))
    return plaintext.without_tags(text) if "safe" in source else text


def _around(job: Job, *, html: bool) -> Surroundings:
    return Surroundings(
        now=datetime.fromisoformat(job["now"]),
        zone=ZoneInfo(job["zone"]),
        html=html,
        currency=job["currency"],
        unsubscribe_url=NOWHERE,
        preferences_url=NOWHERE,
        web_view_url=NOWHERE,
    )
