"""Groupings and filters of a flow report: what each attribute is, per key of the roll-ups.

What is here: the attributes, which of them may be asked for, the allow-list of the filter, and both at work on keys.
What is not: the filter language (`headrace.jsonapi.filters`) and the names (`headrace.storage.report_names`).
Follows reference 6.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.filters import Comparison, Filter
from headrace.model import Channel
from headrace.storage.report_names import Names
from headrace.storage.report_query import Key

Groupings = dict[str, str | None]

REQUIRED = ("flow_id", "flow_message_id")
DEFAULT = ("flow_id", "flow_message_id", "send_channel")
SEND_CHANNELS = tuple(channel.send_channel for channel in (Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WHATSAPP))
TEXT_CHANNELS = frozenset({Channel.SMS, Channel.WHATSAPP})


def _format(key: Key, names: Names) -> str | None:
    return key.format or None if key.channel in TEXT_CHANNELS else None


SCALARS: Mapping[str, Callable[[Key, Names], str | None]] = {
    "flow_id": lambda key, names: key.flow_id,
    "flow_message_id": lambda key, names: key.message_id,
    "flow_message_name": lambda key, names: names.messages.get(key.message_id),
    "flow_name": lambda key, names: names.flows.get(key.flow_id),
    "send_channel": lambda key, names: key.channel.send_channel,
    "text_message_format": _format,
    "variation": lambda key, names: key.variation or None,
    "variation_name": lambda key, names: names.messages.get(key.variation, key.variation) or None,
}
"""Attribute -> its one value. Our choice: a variation is named like the message with its id, else by its id."""

TAGS = ("tag_id", "tag_name")
"""Attributes of which a flow may have several values."""

GROUPINGS = (*SCALARS, *TAGS)
"""Everything that a report may be grouped by."""

FILTERS: Mapping[str, Filterable] = {
    **{name: Filterable("string", ("equals", "contains-any"), once=True) for name in SCALARS},
    "send_channel": Filterable("enum", ("equals", "contains-any"), values=SEND_CHANNELS, once=True),
    **{name: Filterable("string", ("contains-any", "contains-all"), once=True) for name in TAGS},
}
"""The filter's allow-list: one filter per attribute, at most 100 items of a list."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Decides which keys take part, and which groups each belongs to."""

    group_by: Sequence[str]
    filter: Filter
    names: Names

    def of(self, key: Key) -> Iterator[tuple[str | None, ...]]:
        """Yield the groups of a key as the values of `group_by`; none when the filter refuses it.

        Grouped by tag, a flow with several tags is in several groups, one without any in the group null.
        """
        if not all(self._holds(one, key) for one in self.filter):
            return
        tags = self.names.tags.get(key.flow_id, ()) if set(TAGS) & set(self.group_by) else ()
        for tag_id, tag_name in tags or [(None, None)]:
            of_tag = {"tag_id": tag_id, "tag_name": tag_name}
            yield tuple(of_tag[name] if name in of_tag else SCALARS[name](key, self.names) for name in self.group_by)

    def _holds(self, one: Comparison, key: Key) -> bool:
        wanted = set(one.value) if isinstance(one.value, tuple) else {one.value}
        if one.field not in TAGS:
            return SCALARS[one.field](key, self.names) in wanted
        held = {tag[TAGS.index(one.field)] for tag in self.names.tags.get(key.flow_id, ())}
        return wanted <= held if one.operator == "contains-all" else bool(wanted & held)
