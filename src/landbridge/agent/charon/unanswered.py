"""Which of our messages a peer leaves without an answer, told by charon's lines about one IKE_SA.

Rules this module keeps:
- charon names a message that it sends again by its number only; which exchange that was, and with
  which payloads, stood in the line of when it was made. Both are joined into one line.
- What is joined is still charon's words, with words of ours at the end that say what was received
  meanwhile; `landbridge.agent.charon.silences` has the table of what that tells.
- What is remembered is bounded. Of what was sent before we listened nothing is joined.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final, NamedTuple

#: Words of ours.
UNANSWERED: Final = "unanswered: "
HEARD_SINCE: Final = "; heard since"
UNHEARD: Final = "; nothing from port 4500"
CHILD_BEFORE: Final = "; had a CHILD_SA"
_NAT_PORT: Final = "4500"
_MADE: Final = re.compile(
    r"^generating (?P<exchange>\w+) (?P<kind>request|response) (?P<number>\d+) "
    r"\[(?P<payloads>.*)\]$"
)
_FRAGMENT: Final = re.compile(r"^ *(?:EF\(|FRAG\()")
_AGAIN: Final = re.compile(
    r"retransmit \d+ of (?P<kind>request|response) (?:with )?message ID (?P<number>\d+)"
)
_GIVEN_UP: Final = "giving up after "
_RECEIVED: Final = re.compile(r"^received packet: from \S+\[(?P<port>\d+)\]")
_MOST_KEPT: Final = 16  # with IKEv1 there may be a Quick Mode for each pair of networks at once


class _Message(NamedTuple):
    """`received`: packets before it."""

    words: str
    received: int


class Unanswered:
    """What one IKE_SA has sent, as far as it may still wait for an answer."""

    def __init__(self) -> None:
        self._sent: OrderedDict[tuple[str, str], _Message] = OrderedDict()
        self._again: _Message | None = None
        self._response = ""
        self._received = 0
        self._ports: set[str] = set()

    def hear(self, line: str) -> None:
        if (packet := _RECEIVED.match(line)) is not None:
            self._received += 1
            self._ports.add(packet["port"])
        elif (made := _MADE.match(line)) is not None and not _FRAGMENT.match(made["payloads"]):
            self._keep(made["exchange"], made["kind"], made["number"], made["payloads"])
        elif (again := _AGAIN.search(line)) is not None:
            self._again = self._sent.get((again["kind"], again["number"]))

    def joined(self, line: str, *, child: bool) -> str:
        """A line on silence with the message that it is about. `child`: there has been one, or
        it is not known that there has not."""
        if self._again is None or not (_AGAIN.search(line) or line.startswith(_GIVEN_UP)):
            return line
        words = f"{line}; {UNANSWERED}{self._again.words}"
        words += HEARD_SINCE if self._received > self._again.received else ""
        words += CHILD_BEFORE if child else ""
        return words + ("" if _NAT_PORT in self._ports else UNHEARD)

    def after_response(self, line: str) -> str:
        """`line`, with the last response that we have sent."""
        return f"{line}; {UNANSWERED}{self._response}" if self._response else line

    @property
    def asked_for_child(self) -> bool:
        """Whether the last request is one for a CHILD_SA with IKEv1."""
        last = next(reversed(self._sent.values()), None)
        return last is not None and last.words.startswith("QUICK_MODE request")

    def _keep(self, exchange: str, kind: str, number: str, payloads: str) -> None:
        message = _Message(f"{exchange} {kind} [{payloads}]", self._received)
        self._sent[kind, number] = message
        self._sent.move_to_end((kind, number))
        if len(self._sent) > _MOST_KEPT:
            self._sent.popitem(last=False)
        if kind == "response":
            self._response = message.words
