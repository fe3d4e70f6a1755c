"""What a template may use up: turns of loops, characters, time. Source: DESIGN section 8, "Template limits".

A limit inside one call of the C library cannot be enforced, so the filters that make text longer are capped themselves
(`filters/sizes.py`), every filter's result is measured, loops are counted and the deadline is checked at each node.
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.clock import stopwatch
from headrace.templates.problems import RenderProblem, TemplateProblem

CHECK_EVERY = 16
"""Values or loop turns written between two looks at the deadline."""


CONSTRUCTS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))
MOST_LOOKING = 50_000_000
"""Characters that may be looked at for ends that are missing, about a second's work."""


def check_cost(source: str) -> None:
    """Raise `TemplateProblem` for a source in which so much is opened and never closed that reading it takes forever.

    Whoever reads constructs looks for the end of each, as far as the line goes (or the text, for what is made from it);
    each tag of HTML is looked for likewise.
    """
    for opening, closing in CONSTRUCTS:
        if sum(_looking(line, opening, closing) for line in source.split("\n")) > MOST_LOOKING:
            raise TemplateProblem(f"too many {opening} are never closed by {closing}")
        if _looking(source, opening, closing) > MOST_LOOKING:
            raise TemplateProblem(f"too many {opening} are never closed by {closing}")


def check_markup(html: str) -> None:
    """Raise `TemplateProblem` for HTML in which so many tags never end that reading it takes forever."""
    unclosed = sum(">" not in piece for piece in html.split("<")[1:]) + _unended(html, "<!--", "-->")
    unclosed += _unended(html, "<![", "]>") + _unended(html, "<?", ">")
    if unclosed * len(html) > MOST_LOOKING // 4:
        raise TemplateProblem("too many < are never closed by >")


def _looking(text: str, opening: str, closing: str) -> int:
    """Return about how many characters are looked at in vain: by each opening behind the last end, all the rest."""
    rest = text[text.rfind(closing) + 1 :] if closing in text else text
    return rest.count(opening) * len(rest)


def _unended(text: str, opening: str, closing: str) -> int:
    return text.count(opening, text.rfind(closing) + 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one render may use. `seconds` is machine time.

    Our choice: an e-mail client clips a message at about 100 KB, so two million characters is generous.
    """

    source_characters: int = 2_000_000
    loop_turns: int = 20_000
    output_characters: int = 2_000_000
    value_characters: int = 1_000_000
    list_items: int = 100_000
    seconds: float = 2.0


class Budget:
    """What is left of the limits during one render."""

    __slots__ = ("_characters", "_deadline", "_turns", "_writes", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._turns = 0
        self._characters = 0
        self._writes = 0
        self._deadline = stopwatch() + limits.seconds

    def write(self, characters: int) -> None:
        """Count characters of output and check the deadline; raises `RenderProblem`."""
        self._characters += characters
        if self._characters > self.limits.output_characters:
            raise RenderProblem(f"the template writes more than {self.limits.output_characters} characters")
        self._writes += 1
        if self._writes % CHECK_EVERY == 0 and stopwatch() > self._deadline:
            raise RenderProblem(f"the template takes longer than {self.limits.seconds} seconds")

    def turns(self, count: int) -> None:
        """Count the turns of a loop that is about to start; raises `RenderProblem`."""
        self._turns += count
        if self._turns > self.limits.loop_turns:
            raise RenderProblem(f"the loops of the template take more than {self.limits.loop_turns} turns")

    def measure(self, value: object, name: str) -> None:
        """Check the size of a filter's result; raises `RenderProblem`."""
        if type(value) is str or isinstance(value, str):
            if len(value) > self.limits.value_characters:
                raise RenderProblem(f"the filter {name} makes more than {self.limits.value_characters} characters")
        elif isinstance(value, list | tuple | dict) and len(value) > self.limits.list_items:
            raise RenderProblem(f"the filter {name} makes more than {self.limits.list_items} items")
