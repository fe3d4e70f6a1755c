"""Every answer that a test receives from the API is held against what is published for the revision it asked for.

It is held against our own description too, which is always at hand (`conformance/own_schema`).

What is here: what stands before each application that a test makes, what is kept of an answer, and what is a mistake
in it. What is not: how a value is compared with a schema (`published`). The hook is in `conftest.py`: a mistake fails
the test that received it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableSequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx
from starlette.applications import Starlette

from conformance.own_schema import check_own
from headrace.api.revisions import HEADER, NEWEST, served_revision
from headrace.errors import Problem
from published import LATEST, METHODS, REVISIONS, Comparison, description, path_of
from tolerated import tolerated

HELD = ("/api/", "/client/")
"""Where the published operations are; the rest is Headrace's own."""
OWN = (*HELD, "/headrace/")
"""Where answers are kept."""
FAR = date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and what it was an answer to: `revision` is the header as it came, `query` the query string."""

    method: str
    path: str
    status: int
    body: bytes = b""
    media_type: str = ""
    revision: str | None = None
    query: str = ""

    @property
    def served(self) -> str | None:
        """The revision that it was served as, None for one that is refused."""
        try:
            return served_revision(self.revision, FAR) if self.revision else NEWEST
        except Problem:
            return None

    @property
    def document(self) -> Any:
        """The body as JSON, None where it is empty."""
        return json.loads(self.body) if self.body else None


def mistakes_of(answer: Answer) -> list[str]:
    """Return what is wrong with an answer; nothing where no description is at hand or none speaks of it.

    The newest revision is held against the latest description, to which it may add. A revision between two
    descriptions may be as the older or as the newer one is: it is wrong only where it differs from both.
    """
    served = answer.served
    if description(LATEST) is None or answer.method.lower() not in METHODS or not answer.path.startswith(HELD):
        return []
    if answer.status >= 400:
        return _mistakes_of_refusal(answer)
    if served is None:
        return [f"a request of the revision {answer.revision!r} was answered {answer.status}"]
    if served in REVISIONS:
        return _mistakes_by(answer, served, strict=True)
    if served > LATEST:
        return _mistakes_by(answer, LATEST, strict=False) if path_of(LATEST, answer.method, answer.path) else []
    return _mistakes_between(answer, served)


def _mistakes_between(answer: Answer, served: str) -> list[str]:
    older = max(one for one in REVISIONS if one < served)
    newer = min(one for one in REVISIONS if one > served)
    by_newer = _mistakes_by(answer, newer, strict=True)
    by_older = {_place(one) for one in _mistakes_by(answer, older, strict=True)} if by_newer else set()
    return [one for one in by_newer if _place(one) in by_older]


def _place(mistake: str) -> str:
    return mistake.partition(" is ")[0]


def _mistakes_by(answer: Answer, revision: str, *, strict: bool) -> list[str]:
    """Return where a good answer differs from a description."""
    path = path_of(revision, answer.method, answer.path)
    if path is None:
        return ["the operation is not known"]
    promised = description(revision)["paths"][path][answer.method.lower()]["responses"].get(str(answer.status))
    if promised is None:
        return [f"the status {answer.status} is not promised"]
    content = promised.get("content")
    if not content:
        return [] if not answer.body else ["the body is not promised"]
    if not answer.body:
        return ["the body is empty"]
    [(media_type, media)] = content.items()
    found = _comparison(revision, answer, strict=strict).mistakes(answer.document, media["schema"])
    return [*_of_media(answer, media_type), *(one for one in found if not tolerated(answer.path, one))]


def _of_media(answer: Answer, promised: str) -> list[str]:
    return [] if answer.media_type == promised else [f"the media type is {answer.media_type}, not {promised}"]


def _comparison(revision: str, answer: Answer, *, strict: bool) -> Comparison:
    schemas = description(revision)["components"]["schemas"]
    return Comparison(schemas, strict=strict, sparse="fields" in answer.query)


def _mistakes_of_refusal(answer: Answer) -> list[str]:
    """Return what is wrong with an answer that reports errors; they are alike in every description."""
    parts = description(LATEST)["components"]
    kind = "ClientError" if answer.status < 500 else "ServerError"
    [media] = parts["responses"][kind]["content"].values()
    if not answer.body:
        return ["the body is empty"]
    return Comparison(parts["schemas"]).mistakes(answer.document, media["schema"])


def mistakes_by_ours(answer: Answer) -> list[str]:
    """Return where an answer differs from our own description of the revision that served it."""
    if answer.served is None:
        return []
    sparse = "fields" in answer.query
    found = check_own(answer.path, answer.method, answer.status, answer.document, revision=answer.served, sparse=sparse)
    return [f"{one} (by our own description)" for one in found]


@dataclass
class Findings:
    """What was wrong with the answers so far: request -> mistakes."""

    mistakes: dict[str, list[str]] = field(default_factory=dict)

    def add(self, answer: Answer) -> None:
        """Hold one answer against the descriptions."""
        found = [*mistakes_of(answer), *mistakes_by_ours(answer)]
        if found:
            request = f"{answer.method} {answer.path} {answer.status} ({answer.revision})"
            self.mistakes.setdefault(request, []).extend(found)

    def take(self) -> dict[str, list[str]]:
        """Return what was wrong and forget it."""
        found, self.mistakes = self.mistakes, {}
        return {request: list(dict.fromkeys(mistakes)) for request, mistakes in found.items()}


class Held(Starlette):
    """The application's own class with every answer of it held against the descriptions."""

    findings = Findings()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on; what is answered is looked at before its end is sent."""
        if scope["type"] != "http" or not scope["path"].startswith(OWN):
            await super().__call__(scope, receive, send)
            return
        start: dict[str, Any] = {}
        parts: MutableSequence[bytes] = []

        async def keep(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    self.findings.add(_answer(scope, start, b"".join(parts)))
            await send(message)

        await super().__call__(scope, receive, keep)


def hold(response: httpx.Response) -> None:
    """Hold an answer of another process; to be given to a client as what is called for every response."""
    response.read()
    request = response.request
    media_type = response.headers.get("content-type", "").partition(";")[0]
    revision, query = request.headers.get(HEADER), request.url.query.decode("latin-1")
    Held.findings.add(
        Answer(request.method, request.url.path, response.status_code, response.content, media_type, revision, query)
    )


def _answer(scope: Mapping[str, Any], start: Mapping[str, Any], body: bytes) -> Answer:
    media_type = dict(_decoded(start["headers"])).get("content-type", "").partition(";")[0]
    revision = dict(_decoded(scope["headers"])).get(HEADER)
    query = scope["query_string"].decode("latin-1")
    return Answer(scope["method"], scope["path"], start["status"], body, media_type, revision, query)


def _decoded(headers: Any) -> Iterator[tuple[str, str]]:
    return ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
