"""Two of charon's lines that only together tell a cause, joined into one; pure.

Rules this module keeps:
- What is joined is still charon's words, with one word of ours at the end that says what the
  comparison showed; `landbridge.agent.charon.log_patterns` has the patterns for it.
- Proposals are compared as sets of algorithms; groups of a key exchange are told by their names
  (IANA's registry as charon writes it).
"""

from __future__ import annotations

import re
from typing import Final

_GROUP: Final = re.compile(r"^(?:MODP|ECP|CURVE|BRAINPOOL)")
_RECEIVED: Final = "received proposals: "
_CONFIGURED: Final = "configured proposals: "
ONLY_GROUPS: Final = "only groups differ"
ALGORITHMS: Final = "algorithms differ"
_LOOKED: Final = re.compile(r"matching \S+?(?:\[(?P<ours>.*?)\])?\.\.\.[^\s\[]+\[(?P<theirs>.*)\]$")
_ANYBODY: Final = frozenset({"", "%any"})


def is_received(line: str) -> bool:
    return line.startswith(_RECEIVED)


def is_configured(line: str) -> bool:
    return line.startswith(_CONFIGURED)


def proposals(received: str, configured: str) -> str:
    """``received proposals: THEIRS; configured proposals: OURS; WHAT DIFFERS``."""
    theirs, ours = received.removeprefix(_RECEIVED), configured.removeprefix(_CONFIGURED)
    same = _without_groups(theirs) & _without_groups(ours)
    return f"{received}; {configured}; {ONLY_GROUPS if same else ALGORITHMS}"


def _without_groups(text: str) -> frozenset[frozenset[str]]:
    return frozenset(
        frozenset(word for word in proposal.split("/") if not _GROUP.match(word))
        for proposal in text.split(", ")
    )


def is_search(line: str) -> bool:
    return line.startswith("looking for ") and " configs matching " in line


def is_fruitless(line: str) -> bool:
    return line in ("no matching peer config found", "no peer config found")


def search(searched: str, fruitless: str) -> str:
    """``no peer config found; looking for peer configs matching A[ours]...B[theirs]``."""
    return f"{fruitless}; {searched}"


def identities(line: str, local_id: str, peer_id: str) -> str:
    """Of a line that `search` joined: which identity it is that does not fit, if one does not."""
    found = _LOOKED.search(line)
    if found is None:
        return line
    words = line.partition(";")[0]
    ours, theirs = found["ours"] or "", found["theirs"] or ""
    if ours not in _ANYBODY and not _same(ours, local_id):
        return f"{words}; it calls us '{ours}'"
    if theirs not in _ANYBODY and not _same(theirs, peer_id):
        return f"{words}; it calls itself '{theirs}'"
    return words


def _same(said: str, configured: str) -> bool:
    """charon leaves the ``@`` of a name away."""
    return said.removeprefix("@").lower() == configured.removeprefix("@").lower()
