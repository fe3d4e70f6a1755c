"""Finding the operation of a path: a tree over its segments, so that the number of operations does not matter.

What is here: the tree and its matching, with and without a slash at the end. What is not: methods' meaning and
answers (`serve`). A parameter is a whole segment or has fixed text around it (`{id}.json`). Follows DESIGN section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from headrace.jsonapi.operation import Operation

_PARAMETER = re.compile(r"([^{}]*)\{(\w+)\}([^{}]*)")


@dataclass(slots=True)
class Node:
    """One segment of the tree: what may follow it, and the operations that end at it, by method."""

    fixed: dict[str, Node] = field(default_factory=dict)
    parameters: dict[tuple[str, str, str], Node] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A path that exists: its operations by method, and the values of its parameters, decoded."""

    operations: Mapping[str, Operation]
    path: Mapping[str, str]

    @property
    def allow(self) -> str:
        """Return the methods as the `Allow` header lists them."""
        methods = {*self.operations, "OPTIONS"} | ({"HEAD"} if "GET" in self.operations else set())
        return ", ".join(sorted(methods))


def build_tree(operations: Iterable[Operation]) -> Node:
    """Return the tree of operations; raises `ValueError` when two have the same method and path."""
    root = Node()
    for operation in operations:
        node = root
        for segment in operation.path.strip("/").split("/"):
            node = _child(node, segment)
        if operation.method in node.operations:
            raise ValueError(f"{operation.method} {operation.path} is stated twice")
        node.operations[operation.method] = operation
    return root


def _child(node: Node, segment: str) -> Node:
    found = _PARAMETER.fullmatch(segment)
    if found is None:
        return node.fixed.setdefault(segment, Node())
    return node.parameters.setdefault((found[1], found[2], found[3]), Node())


def find(root: Node, raw_path: bytes) -> Match | None:
    """Return what a percent-encoded path leads to, or None; a fixed segment goes before a parameter."""
    try:
        segments = _segments(raw_path.strip(b"/"))
    except UnicodeDecodeError:
        return None
    node, path = root, dict[str, str]()
    for segment in segments:
        below = node.fixed.get(segment) or _by_parameter(node, segment, path)
        if below is None:
            return None
        node = below
    return Match(node.operations, path) if node.operations else None


def _segments(raw_path: bytes) -> list[str]:
    if b"%" not in raw_path:
        return raw_path.decode().split("/")
    return [unquote_to_bytes(part).decode() for part in raw_path.split(b"/")]


def _by_parameter(node: Node, segment: str, path: dict[str, str]) -> Node | None:
    """Return the node of the first parameter that takes the segment, its value put into `path`."""
    if "\x00" in segment:
        return None
    for (prefix, name, suffix), below in node.parameters.items():
        value = segment[len(prefix) : len(segment) - len(suffix)]
        if value and segment == f"{prefix}{value}{suffix}":
            path[name] = value
            return below
    return None
