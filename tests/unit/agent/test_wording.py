"""What a gateway says fits what the server takes, whatever a peer or charon has put into it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.link.text import written
from landbridge.model.fields import LONGEST_TEXT
from landbridge.model.status import (
    Reason,
    ReasonCode,
    Report,
    TunnelEvent,
    TunnelEventKind,
    TunnelState,
    TunnelStatus,
)

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.just("x" * 100_000)


def report(words: str) -> Report:
    why = Reason(code=ReasonCode.GATEWAY_ERROR, message=words)
    event = TunnelEvent(kind=TunnelEventKind.PEER_MOVED, at=1.0, message=words)
    status = TunnelStatus(
        id="t", revision=1, applied_revision=1, state=TunnelState.DOWN, reason=why,
        observed_at=1.0, events=(event,),
    )  # fmt: skip
    return Report(epoch=1, sequence=1, tunnels=(status,))


@given(ANY_TEXT)
def test_any_words_are_taken(words: str) -> None:
    [status] = msgspec.json.decode(written(report(words)), type=Report).tunnels
    assert status.reason
    told = status.reason.message
    assert told == status.events[0].message
    assert len(told) <= LONGEST_TEXT


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("plain\nlines", "plain\nlines"),
        ("a\0b", "a\ufffdb"),
        ("id \udcff", "id \ufffd"),
        ("\U0001f600", "\U0001f600"),
        ("x" * (LONGEST_TEXT + 1), "x" * (LONGEST_TEXT - 4) + " ..."),
    ],
)
def test_what_cannot_be_kept_is_replaced(words: str, told: str) -> None:
    [status] = msgspec.json.decode(written(report(words)), type=Report).tunnels
    assert status.reason
    assert status.reason.message == told
