"""What templates write: variables, tags and filters."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from headrace.templates import Surroundings, compile

AROUND = Surroundings(
    now=datetime(2026, 3, 18, 2, 0, tzinfo=UTC),
    zone=ZoneInfo("America/New_York"),
    unsubscribe_url="https://m.example.com/t/u/x",
    preferences_url="https://m.example.com/t/u/x?preferences",
    web_view_url="https://m.example.com/t/v/x",
    preview_text="Look & see",
)
CONTEXT = {
    "first_name": "<Ann>",
    "person": {"first_name": "<Ann>", "Favorite Color": "red", "tags": ["a", "b"], "nothing": None, "age": "41"},
    "event": {
        "items": [{"url": "u1", "price": 2}, {"url": "u2", "price": 3}],
        "at": "2016-02-11T16:46:08-05:00",
        "$value": 1234.5,
    },
}


def written(source: str) -> str:
    """Render a template with the usual context."""
    return compile(source).render(CONTEXT, AROUND)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hi {{ first_name }}", "Hi &lt;Ann&gt;"),
        ("{{ person.nothing }}|{{ person.missing.deeper }}|{{ nobody }}", "||"),
        ("{{ person|lookup:'Favorite Color' }}", "red"),
        ("{{ event.items.1.url }}", "u2"),
        ("{{ event|lookup:'items'|lookup:'0'|lookup:'url' }}", "u1"),
        ("{{ missing|default:'there' }}", "there"),
        ("{{ person.tags|join:' < ' }}", "a < b"),
        ("{{ first_name|safe }}", "<Ann>"),
        ("{{ first_name|safe|upper }}", "&lt;ANN&gt;"),
        ("{{ person.clear }}{{ person.tags.pop }}{{ first_name.upper }}", ""),
    ],
)
def test_variables(source: str, expected: str) -> None:
    """A variable is looked up in mappings and lists only, escaped, and empty when it is missing or null."""
    assert expected == written(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for i in event.items %}{{ forloop.counter }}{{ i.url }} {% endfor %}", "1u1 2u2 "),
        ("{% for i in nothing %}x{% empty %}none{% endfor %}", "none"),
        ("{% if person.missing %}a{% elif person.tags %}b{% else %}c{% endif %}", "b"),
        ("{% if person.age|multiply:1 > 40 %}yes{% endif %}", "yes"),
        ("{% with p=event.items.0.price %}{{ p }}{% endwith %}", "2"),
        (
            "{% regroup event.items by price as g %}{% for x in g %}{{ x.grouper }}{{ x.list|length }};{% endfor %}",
            "21;31;",
        ),
        ("{% for k, v in person.items %}{% if forloop.first %}{{ k }}{% endif %}{% endfor %}", "first_name"),
        ("{% unsubscribe %}", '<a href="https://m.example.com/t/u/x">Unsubscribe</a>'),
        ("{% unsubscribe 'Bye' %}", '<a href="https://m.example.com/t/u/x">Bye</a>'),
        ("{% unsubscribe_link %}", "https://m.example.com/t/u/x"),
        ("{% manage_preferences_link %}", "https://m.example.com/t/u/x?preferences"),
        ("{% web_view_link %}", "https://m.example.com/t/v/x"),
        ("{% render_variable preview_text %}", "Look &amp; see"),
        ("{% current_year %}-{% current_month %}-{% current_day %}", "2026-3-17"),
        ("{% current_weekday %} {% current_month_name %}", "Tuesday March"),
        ("{% today '%Y-%m-%d' as d %}{{ d }} {{ d|days_later:5|format_date_string|date:'M d' }}", "2026-03-17 Mar 22"),
        ("{% now 'Y' %}", "2026"),
        ("{% currency_format event|lookup:'$value' %}", "$1,234.50"),
        ("{% currency_format event|lookup:'$value' 'JPY' %}", "¥1,235"),
        ("{% currency_format 'about 3' %}", "about 3"),
        ("{% currency_format '1e30' 'chf' %}", "CHF 1,000,000,000,000,000,000,000,000,000,000.00"),
    ],
)
def test_tags(source: str, expected: str) -> None:
    """Tags write what the reference says; times are those of the account's zone."""
    assert expected == written(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 'hello'|append:' world' }}", "hello world"),
        ("{{ 'world'|prepend:'hello ' }}", "hello world"),
        ("{{ 'Hi, there,'|find_replace:',|-' }}", "Hi- there-"),
        ("{{ 'a-b-c'|replace_last:'-|+' }}", "a-b+c"),
        ("{{ 'a-b-c'|remove_first:'-' }}", "ab-c"),
        ("{{ 'a b  c'|resplit:'\\s+'|join:',' }}", "a,b,c"),
        ("{{ 'ab'|base64_encode }} {{ 'YWI='|base64_decode }}", "YWI= ab"),
        ("{{ 'a b/c'|urlencode }} {{ 'a b/c'|urlencode_plus }}", "a%20b/c a+b%2Fc"),
        ("{{ 'x'|md5_hash }}", "9dd4e461268c8034f5c8564e155c67a6"),
        ("{{ 'hello you'|truncate:6 }}", "hello…"),
        ("{{ '5.01'|ceil }} {{ 5.9|floor }} {{ 5.123|round_up:2 }} {{ 2.5|round }}", "6.0 5.0 5.13 3.0"),
        ("{{ 1.1|floatsub:1 }} {{ 1|plus:1.1 }} {{ '10'|divide:'2' }} {{ 'x'|multiply:2 }}", "0.1 2.1 5.0 0.0"),
        ("{{ 1|divide:0 }} {{ 5|remainder:2 }} {{ '.25'|percentize:2 }}", "0.0 1.0 25.00%"),
        ("{{ 1|at_least:5.0 }} {{ 1|at_most:-1.0 }} {{ -1.2|abs }} {{ 3|gt:2 }}", "5.0 -1.0 1.2 True"),
        ("{{ 5.0003|floatformat:2 }} {{ -0.001|floatformat:2 }} {{ '7.5'|floatformat }}", "5.00 0.00 7.5"),
        ("{{ person.tags|list_to_string }} {{ person.tags|count }}", "a and b 2"),
        ("{{ event.items|list_where:'price=3'|map:'url'|first }}", "u2"),
        ("{{ event.items|dictfilter:'price>2'|length }}", "1"),
        ("{{ event.items|map:'price'|sum_list }} {{ event.items|sort:'url'|last|lookup:'url' }}", "5.0 u2"),
        ("{{ event.at|format_date_string|date:'F d, o g:i A' }}", "February 11, 2016 4:46 PM"),
        ("{{ event.at|date:'Y' }}|{{ 'soon'|format_date_string|date:'Y' }}", "|"),
        ("{{ '2026-03-01'|weeks_since }}", "2"),
        ("{{ missing|missing_image:'https://x/y.png' }}", "https://x/y.png"),
        ("{{ '//x.com/'|httpsize|trim_slash }}", "https://x.com"),
        ("{{ person.tags|yesno:'y,n' }} {{ event.items|length|pluralize }}", "y s"),
    ],
)
def test_filters(source: str, expected: str) -> None:
    """Filters calculate what the reference's list names, and forgive values that do not fit."""
    assert expected == written(source)


def test_plain_text_is_not_escaped() -> None:
    """Subjects and text parts hold values as they are."""
    plain = Surroundings(html=False, unsubscribe_url="https://u")
    assert "<Ann> Bye: https://u" == compile("{{ first_name }} {% unsubscribe 'Bye' %}").render(CONTEXT, plain)


def test_rendering_changes_nothing_that_it_was_given() -> None:
    """A tag that sets a variable writes into the render, not into the caller's mapping."""
    context: dict[str, object] = {}
    compile("{% today '%Y' as year %}{{ year }}").render(context, AROUND)
    assert {} == context


def test_a_literal_address_is_prepared_once_and_a_computed_one_per_render() -> None:
    """Links are found when the template is compiled; what variables contribute to is prepared when rendered."""
    prepared: list[str] = []

    def prepare(url: str) -> str | None:
        prepared.append(url)
        return url if url.startswith("http") else None

    source = (
        '<link href="https://x/s.css"><a class="{{ c }}" href="https://x/?a=1&amp;b=2">1</a>'
        "<a href='{{ event.items.0.url }}'>2</a><a href=\"mailto:a@x.com\">3</a>"
        '<a href="https://x/{% if c %}y{% else %}z{% endif %}">4</a>'
        '{% for i in event.items %}<a href="https://x/{{ i.url }}?q={{ c|default:"d" }}">5</a>{% endfor %}'
    )
    template = compile(source, prepare=prepare)
    literal = list(prepared)
    html = template.render({**CONTEXT, "c": "&"}, Surroundings(link=lambda url: f"<{url}>"))

    assert ["https://x/?a=1&b=2", "mailto:a@x.com"] == literal
    assert ["u1", "https://x/y", "https://x/u1?q=&", "https://x/u2?q=&"] == prepared[2:]
    assert (
        '<link href="https://x/s.css"><a class="&amp;" href="&lt;https://x/?a=1&amp;b=2&gt;">1</a>'
        "<a href='u1'>2</a><a href=\"mailto:a@x.com\">3</a>"
        '<a href="&lt;https://x/y&gt;">4</a>'
        '<a href="&lt;https://x/u1?q=&amp;&gt;">5</a><a href="&lt;https://x/u2?q=&amp;&gt;">5</a>'
    ) == html


@pytest.mark.parametrize("url", ["javascript:alert(1)", " Java\tScript:x", "data:text/html,x", "vbscript:x"])
def test_a_computed_address_cannot_run_in_the_page(url: str) -> None:
    """An address from a person's data that is a script is replaced."""
    template = compile('<a href="{{ url }}">x</a>', prepare=lambda address: None)
    assert '<a href="#">x</a>' == template.render({"url": url})
