"""What can be wrong with a template: found when it is compiled, or only when it is rendered."""

from __future__ import annotations


class TemplateProblem(ValueError):
    """A template that cannot be compiled; the message names the line and the construct."""

    def __init__(self, message: str, line: int | None = None) -> None:
        message = message.removesuffix(".")  # Django ends some of its sentences, and whoever tells them ends them too
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class RenderProblem(TemplateProblem):
    """A template that fails on these values, or uses up its limits."""
