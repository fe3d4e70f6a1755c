"""The filters, one file per kind of value; `headrace.templates.language` lists them.

A filter takes the value and at most one argument. One with the attribute `needs_surroundings` gets the `Surroundings`
first; one with `takes_none` sees null as it is. Filters are forgiving: text that is no number counts as 0, a missing
member is empty, because a message must not fail on a person's data. Source: reference 4.6.
"""
