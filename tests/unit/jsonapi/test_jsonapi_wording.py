"""What is said of a value that has the wrong kind, length or size."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from headrace.jsonapi.problems import from_validation


class Body(BaseModel):
    """One field of each kind."""

    text: str = Field("abc", min_length=3, max_length=4)
    name: str = Field("a", min_length=1)
    rows: list[int] = Field([1], min_length=1, max_length=2)
    yes: bool = True
    count: int = Field(1, ge=1, le=9)
    share: float = Field(0.5, gt=0, lt=1)
    more: dict[str, int] = {}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": 5}, '"text" is 5: it must be text.'),
        ({"text": "a"}, '"text" is "a": it must have at least 3 characters.'),
        ({"text": "abcde"}, '"text" is "abcde": it must have at most 4 characters.'),
        ({"name": ""}, '"name" is "": it must have at least 1 character.'),
        ({"rows": 5}, '"rows" is 5: it must be a list.'),
        ({"rows": []}, '"rows" has 0 in it: it must have at least 1 entry.'),
        ({"rows": [1, 2, 3]}, '"rows" has 3 in it: it must have at most 2 entries.'),
        ({"yes": "maybe"}, '"yes" is "maybe": it must be true or false.'),
        ({"count": "x"}, '"count" is "x": it must be a whole number.'),
        ({"count": 1.5}, '"count" is 1.5: it must be a whole number.'),
        ({"count": 0}, '"count" is 0: it must be 1 or greater.'),
        ({"count": 10}, '"count" is 10: it must be 9 or less.'),
        ({"share": "x"}, '"share" is "x": it must be a number.'),
        ({"share": 0}, '"share" is 0: it must be greater than 0.0.'),
        ({"share": 1}, '"share" is 1: it must be less than 1.0.'),
        ({"more": []}, '"more" is []: it must be an object.'),
    ],
)
def test_a_rule_is_told_in_words_of_json(given: dict[str, Any], told: str) -> None:
    """The sentence names the field, its value and the rule, and speaks of no language's types."""
    with pytest.raises(ValidationError) as error:
        Body.model_validate(given)
    assert [told] == [one.detail for one in from_validation(error.value, given).problems]
