"""The text part that is made from HTML templates."""

from __future__ import annotations

import pytest

from headrace.messages.plaintext import text_source


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>One</p><p>Two &amp; three</p>", "One\n\nTwo & three"),
        ("<a href='{{ url }}'>{{ words }}</a>", "{{ words }} ({{ url }})"),
        ("<a href='https://x'><img alt='Logo' src='y'></a>", "Logo (https://x)"),
        ("<a href='https://x'>https://x</a>", "https://x"),
        ("<head><style>{{ css }}</style>{% today '%Y' as y %}</head>{{ y }}", "{% today '%Y' as y %}{{ y }}"),
        (
            "{% if a %}<td {% if b %}class='{{ c }}'{% endif %}>x</td>{% endif %}",
            "{% if a %}{% if b %}{% endif %}\nx\n{% endif %}",
        ),
        ("<img alt='{% current_year %}'><script>if (a < b) {}</script>x", "x"),
        ("<!-- {% if a %} {{ b }} {% endif %} -->x", "{% if a %}{% endif %}x"),
        ("&#123;% load x %} &#123;{ y }}", "{ % load x %} { { y }}"),
    ],
)
def test_html_becomes_text_with_the_same_constructs(html: str, expected: str) -> None:
    """Words, links and the structure of the template stay; markup and hidden values go."""
    squeezed = "\n".join(line.strip() for line in text_source(html).split("\n"))
    assert expected == squeezed
