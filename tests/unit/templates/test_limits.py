"""What templates may not do: constructs that are refused, limits that hold."""

from __future__ import annotations

import pytest

from headrace.templates import Limits, LruCache, RenderProblem, TemplateProblem, compile


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a\n{{ x|default: 'y' }}", "line 2: {{ x|default: 'y' }}: there must be no space after the colon of a filter"),
        ("{% load x %}", "line 1: {% load x %}: the tag load is not allowed, because it reaches outside the template"),
        ("{% catalog x %}", "line 1: {% catalog x %}: the tag catalog is not supported"),
        ("{% if x %}{% elsif y %}{% endif %}", "line 1: {% elsif y %}: the tag elsif does not exist; use elif"),
        ("{{ x|nofilter }}", "line 1: {{ x|nofilter }}: Invalid filter: 'nofilter'"),
        ("{{ x|random }}", "line 1: {{ x|random }}: Invalid filter: 'random'"),
        ("{% if %}", "line 1: {% if %}: Unexpected end of expression in if tag"),
    ],
)
def test_a_wrong_construct_is_named_with_its_line(source: str, expected: str) -> None:
    """A template that cannot be compiled says where and why."""
    with pytest.raises(TemplateProblem) as caught:
        compile(source)
    assert expected == str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% url 'x' %}",
        "{% static 'x' %}",
        "{% csrf_token %}",
        "{% debug %}",
        "{% if x %}",
        "{{ x._y }}",
        "{{ x.__class__ }}",
        "{{ _('x') }}",
        "{{ }}",
        "{% today '%Y' %}",
        "{% render_variable other %}",
        "{% if a %}" * 5000,
        "{% if a %}" * 5000 + "{% endif %}" * 5000,
    ],
)
def test_unsafe_and_broken_templates_are_refused(source: str) -> None:
    """What reaches outside the template, or is not well formed, does not compile."""
    with pytest.raises(TemplateProblem):
        compile(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x'|rjust:999999999 }}",
        "{{ 'x'|center:'999999999' }}",
        "{{ 1|stringformat:'999999999d' }}",
        "{{ 1|floatformat:999999999 }}",
        "{{ 'a'|resplit:'(a+)+$' }}",
        "{% today '%999999999d' as x %}",
        "{% with a='xxxxxxxxxxxxxxxxxxxx' %}" + "{% with a=a|append:a %}" * 30 + "{{ a }}" + "{% endwith %}" * 31,
        "{% with a='x'|rjust:9999 %}{{ a|find_replace:' |                                                   '"
        "|find_replace:' |                                                                         ' }}{% endwith %}",
        "{% for a in 'x'|rjust:9999 %}{% for b in 'x'|rjust:9999 %}{% endfor %}{% endfor %}",
        "{% for a in 'x'|rjust:9999 %}{{ 'x'|rjust:9999 }}{% endfor %}",
        "{% for a in 'x'|rjust:9999 %}" + "x" * 1000 + "{% endfor %}",
        "{% current_day %}",
    ],
)
def test_a_template_cannot_use_up_the_machine(source: str) -> None:
    """Sizes, turns and characters are limited; a limit ends the render with a problem."""
    with pytest.raises(RenderProblem):
        compile(source).render({})


def test_a_deadline_ends_a_slow_template() -> None:
    """The deadline is looked at while values are written."""
    slow = compile("{% for a in 'x'|rjust:9999 %}{{ a }}{% endfor %}", limits=Limits(seconds=0.0))
    with pytest.raises(RenderProblem, match="takes longer"):
        slow.render({})


@pytest.mark.parametrize("source", ["{{" * 50_000, "{%" * 50_000, "{#" * 50_000, "{{ x }}" + "{{" * 50_000])
def test_a_source_that_opens_and_never_closes_is_refused_at_once(source: str) -> None:
    """Looking for the end of each construct would take minutes, and nothing can interrupt it."""
    with pytest.raises(TemplateProblem, match="never closed"):
        compile(source)


def test_a_long_line_of_closed_constructs_and_a_long_mail_are_compiled() -> None:
    """What is closed is looked at once."""
    assert "1" * 5_000 == compile("{{ x }}" * 5_000).render({"x": 1})
    assert compile("{ { {{ x }} {\n" * 20_000).render({"x": 1}).startswith("{ { 1 {")


@pytest.mark.parametrize(
    "made", ["0|stringformat:'c'", "'%00'|urldecode", "'AA=='|base64_decode", "55296|stringformat:'c'"]
)
def test_what_nobody_can_store_is_left_out(made: str) -> None:
    """A NUL or half a character that a filter makes would fail the whole batch in which the message is stored."""
    assert "añb" == compile("a{{ n }}{{ " + made + " }}b").render({"n": "ñ"})


def test_a_source_that_is_too_long_is_refused() -> None:
    """The size of a template is limited."""
    with pytest.raises(TemplateProblem, match="at most 10"):
        compile("x" * 11, limits=Limits(source_characters=10))


def test_the_cache_keeps_the_last_values_only() -> None:
    """The least recently used value is made anew."""
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    cache: LruCache[str] = LruCache(2)
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, lambda name=name: make(name))  # type: ignore[misc]
    assert ["a", "b", "c", "b"] == made
    assert 2 == len(cache)
