"""Any VICI message, for the property tests here and against the oracle."""

from __future__ import annotations

from hypothesis import strategies as st

from landbridge.vici import Message

names = st.text(max_size=12)
values = st.text(max_size=40)
messages: st.SearchStrategy[Message] = st.recursive(
    st.dictionaries(names, values, max_size=4),
    lambda inner: st.dictionaries(
        names, st.one_of(values, st.lists(values, max_size=3), inner), max_size=4
    ),
    max_leaves=8,
)
