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

from landbridge.impact.identities import reads_as

_GROUP: Final = re.compile(r"^(?:MODP|ECP|CURVE|BRAINPOOL)")
_RECEIVED: Final = "received proposals: "
_CONFIGURED: Final = "configured proposals: "
ONLY_GROUPS: Final = "only groups differ"
ALGORITHMS: Final = "algorithms differ"
_LOOKED: Final = re.compile(r"matching \S+?(?:\[(?P<ours>.*?)\])?\.\.\.[^\s\[]+\[(?P<theirs>.*)\]$")
_COMPARED: Final = re.compile(r"IDir '(?P<theirs>.*)' does not match to '(?P<wanted>.*)'$")
_UNKNOWN: Final = re.compile(
    r"no shared key found for '(?P<ours>.*?)'(?:\[\S*\])? - '(?P<theirs>.*?)'(?:\[|$)"
)
ONLY_TYPES: Final = "only types differ"
OTHER_ID: Final = "it is to be another"
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
    """Which identity it is that does not fit, in a line that names both ends' (`search` has
    joined it, or charon compares them itself); where they read alike, their types differ."""
    if (found := _LOOKED.search(line)) is not None:
        searched = line.partition(";")[0]
        misfit = _misfit(found["ours"] or "", found["theirs"] or "", local_id, peer_id)
        return f"{searched}; {misfit}" if misfit else searched
    compared, unknown = _COMPARED.search(line), _UNKNOWN.search(line)
    if unknown and _is_other(unknown["ours"], unknown["theirs"], local_id, peer_id):
        return f"{line}; {OTHER_ID}"
    alike = (compared and compared["theirs"] == compared["wanted"]) or (
        unknown and reads_as(peer_id, unknown["theirs"]) and reads_as(local_id, unknown["ours"])
    )
    return f"{line}; {ONLY_TYPES}" if alike else line


def _is_other(ours: str, theirs: str, local_id: str, peer_id: str) -> bool:
    """Whether the peer that we asked answers as another: we have a secret for the one only."""
    known = reads_as(local_id, ours) and theirs not in _ANYBODY
    return known and not reads_as(peer_id, theirs)


def _misfit(ours: str, theirs: str, local_id: str, peer_id: str) -> str:
    if ours not in _ANYBODY and not reads_as(local_id, ours):
        return f"it calls us '{ours}'"
    if theirs in _ANYBODY:
        return ""
    alike = f"; {ONLY_TYPES}" if reads_as(peer_id, theirs) else ""
    return f"it calls itself '{theirs}'{alike}"
