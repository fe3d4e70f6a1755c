"""Whatever is sent as a form, the answer is its fields or a problem."""

from __future__ import annotations

from contextlib import suppress

import httpx
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Problem
from headrace.jsonapi.forms import File, parse_form

BOUNDARY = b"edge"
PIECES = st.sampled_from([
    b"--edge", b"--edge--", b"\r\n", b"\n", b"-", b"--", b"\x00", b"\xff", b":", b";", b'"', b"=", b"x",
    b"Content-Disposition: form-data; name=", b'Content-Disposition: form-data; name="a"; filename="b"', b"edge",
])  # fmt: skip


@given(st.lists(PIECES, max_size=40).map(b"".join))
def test_nothing_makes_a_form_fail(raw: bytes) -> None:
    """Only problems are raised."""
    with suppress(Problem):
        for name, value in parse_form(raw, BOUNDARY).items():
            assert isinstance(name, str)
            assert isinstance(value, str | File)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\%'), min_size=1, max_size=20
)


@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=5))
def test_files_come_as_they_were_sent(files: dict[str, bytes]) -> None:
    """Whatever is in them, under the names they were given."""
    sent = {name: (f"{number}.png", content) for number, (name, content) in enumerate(files.items())}
    request = httpx.Request(
        "POST",
        "http://headrace.test",
        files=sent or {"x": ("0", b"")},
        headers={"Content-Type": "multipart/form-data; boundary=edge"},
    )
    found = parse_form(request.read(), BOUNDARY)
    expected = {name: File(file, content) for name, (file, content) in sent.items()} or {"x": File("0", b"")}
    assert expected == found
