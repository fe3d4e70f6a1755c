"""Groupings and filters of a flow report."""

import pytest

from headrace.jsonapi.filters import parse_filter
from headrace.model import Channel
from headrace.reports.grouping import DEFAULT, GROUPINGS, Groups
from headrace.storage.report_names import Names
from headrace.storage.report_query import Key

NAMES = Names(
    flows={"FLOW01": "Abandoned Cart"},
    messages={"MESS01": "First reminder", "VARI01": "Blue button"},
    tags={"FLOW01": (("t1", "cart"), ("t2", "revenue"))},
)
EMAIL = Key("FLOW01", "MESS01", "VARI01", "", Channel.EMAIL)
PUSH = Key("FLOW02", "MESS02", "", "", Channel.PUSH)
SMS = Key("FLOW03", "MESS03", "", "mms", Channel.SMS)


def groups_of(key: Key, *group_by: str, where: str = "") -> list[tuple[str | None, ...]]:
    """Return the groups of a key."""
    return list(Groups(group_by, parse_filter(where), NAMES).of(key))


def test_by_default_a_row_is_a_message_on_a_channel() -> None:
    """Flow, message and channel, with the channel's name as the API writes it."""
    assert groups_of(PUSH, *DEFAULT) == [("FLOW02", "MESS02", "push-notification")]


def test_every_attribute_can_be_grouped_by() -> None:
    """All ten, for a flow with a tag of each name."""
    asked = [name for name in GROUPINGS if name not in ("tag_id", "tag_name")]
    (group,) = groups_of(EMAIL, *asked)
    assert dict(zip(asked, group, strict=True)) == {
        "flow_id": "FLOW01",
        "flow_message_id": "MESS01",
        "flow_message_name": "First reminder",
        "flow_name": "Abandoned Cart",
        "send_channel": "email",
        "text_message_format": None,
        "variation": "VARI01",
        "variation_name": "Blue button",
    }


def test_what_has_no_value_is_null() -> None:
    """No variation, no name and no tag are null; a text message shows its format."""
    asked = ("flow_name", "variation", "variation_name", "text_message_format", "tag_id")
    assert groups_of(SMS, *asked) == [(None, None, None, "mms", None)]


def test_a_flow_is_in_the_group_of_each_of_its_tags() -> None:
    """Grouped by tag, two tags make two rows, id and name together."""
    assert groups_of(EMAIL, "flow_id", "tag_name", "tag_id") == [("FLOW01", "cart", "t1"), ("FLOW01", "revenue", "t2")]


@pytest.mark.parametrize(
    ("where", "taken"),
    [
        ('equals(flow_id,"FLOW01")', True),
        ('equals(flow_id,"FLOW02")', False),
        ('contains-any(send_channel,["email","sms"])', True),
        ('contains-any(send_channel,["sms"])', False),
        ('equals(flow_name,"Abandoned Cart")', True),
        ('contains-any(tag_name,["cart","other"])', True),
        ('contains-any(tag_name,["other"])', False),
        ('contains-all(tag_id,["t1","t2"])', True),
        ('contains-all(tag_id,["t1","t3"])', False),
        ('and(equals(flow_id,"FLOW01"),equals(send_channel,"sms"))', False),
    ],
)
def test_a_filter_takes_a_key_or_leaves_it(where: str, taken: bool) -> None:
    """Every operator, on scalars and on tags."""
    assert bool(groups_of(EMAIL, "flow_id", where=where)) is taken
