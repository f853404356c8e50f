"""What was told of every cause, kept for each peer and data plane, and all of it as docs/causes.md.

Rules this module keeps:
- A run is kept in a file of its own, with the peer, the strongSwan and the kernel that it was made
  on; the page is made of those that are kept, whichever were made last and wherever.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from landbridge.agent.dataplane.dataplane import Backend
from landbridge.lab.peer import strongswan_version
from tests.environments.libreswan import libreswan
from tests.gateway.causelab import Told
from tests.gateway.faults import FAULTS, MAKERS, ROLES, VERSIONS, Maker, Role, Version

KEPT: Final = Path(__file__).with_name("causes")
PAGE: Final = Path(__file__).parents[2] / "docs" / "causes.md"
NAMES: Final = {Backend.NETLINK: "kernel ESP", Backend.LIBIPSEC: "kernel-libipsec"}
INTENTS: Final[dict[Role, str]] = {"initiator": "We initiate", "responder": "The peer initiates"}
HEAD: Final = """\
# Why a tunnel is down

Each cause injected for real on a foreign strongSwan and on a [Libreswan](#libreswan-as-the-peer),
for both IKE versions, with the gateway as initiator and as responder: the `status_reason` that the
gateway told, and the seconds from the fault to its being told on each data plane. Written by
`tests/gateway/test_causes.py`; what to do about each code is in [status.md](status.md).

Where the protocol does not show the cause to our side, the code is that of what it shows, and the
message names everything that it can be, most common first: an initiator is told
`AUTHENTICATION_FAILED` or `NO_PROPOSAL_CHOSEN` and nothing more, or nothing at all. So a peer with
another PSK that falls silent in IKEv1's main mode looks as one whose UDP port 4500 is filtered.
An empty cell: cannot happen in that role.

## strongSwan as the peer
"""
LIBRESWAN: Final = """\
## Libreswan as the peer

As many other daemons and appliances, it says nothing where strongSwan complains. It needs a kernel
with ESP for a CHILD_SA; where there is none it speaks IKE all the same. Not shown with it:

{hidden}
"""


class Cause(msgspec.Struct, frozen=True):
    """`seconds` until `code` was told, None: it was not; `words`: with it."""

    title: str
    version: Version
    role: Role
    code: str
    seconds: float | None
    words: str


class Run(msgspec.Struct, frozen=True):
    """`strongswan`: the gateway's. `version`: the peer's, where it is another daemon."""

    plane: Backend
    strongswan: str
    kernel: str
    causes: tuple[Cause, ...]
    peer: Maker = "strongSwan"
    version: str = ""

    @classmethod
    def of(cls, peer: Maker, plane: Backend, told: Iterable[Told]) -> Run:
        return cls(
            plane,
            strongswan_version(),
            f"Linux {platform.release()}",
            tuple(map(_cause, told)),
            peer,
            libreswan().version() if peer == "Libreswan" else "",
        )

    @property
    def file(self) -> Path:
        return _file(self.peer, self.plane)

    @property
    def made_with(self) -> str:
        peer = f"{self.peer} {self.version}, " if self.version else ""
        return f"{peer}strongSwan {self.strongswan}, {self.kernel}"

    def replaces(self, other: Run) -> bool:
        """Whether it is the same measurement, made again."""
        return _identity(self) == _identity(other)

    def keep(self) -> None:
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def kept() -> list[Run]:
    found = (_file(peer, plane) for peer in MAKERS for plane in NAMES)
    return [msgspec.json.decode(file.read_bytes(), type=Run) for file in found if file.exists()]


def page(runs: Sequence[Run]) -> str:
    parts = [HEAD, *_section([run for run in runs if run.peer == "strongSwan"])]
    if others := [run for run in runs if run.peer == "Libreswan"]:
        hidden = (f"- {each.title}: {each.unseen}" for each in FAULTS if each.unseen)
        parts += [LIBRESWAN.format(hidden=".\n".join(hidden) + "."), *_section(others)]
    return "\n".join(parts).rstrip() + "\n"


def _section(runs: Sequence[Run]) -> Iterator[str]:
    yield "The runs:\n"
    yield from (f"- {NAMES[run.plane]}: {run.made_with}" for run in runs)
    yield ""
    yield from _table(runs)
    yield from _said(runs)


def _file(peer: Maker, plane: Backend) -> Path:
    name = f"{plane}" if peer == "strongSwan" else f"{peer.lower()}-{plane}"
    return KEPT / f"{name}.json"


def _identity(run: Run) -> tuple[str, str, str, str]:
    return run.peer, run.version, run.plane, run.strongswan


def _table(runs: Sequence[Run]) -> Iterator[str]:
    names = [NAMES[run.plane] for run in runs]
    columns = ["What is wrong", "IKE"]
    for role in ROLES:
        columns += [INTENTS[role], *names]
    yield _line(columns)
    yield "|---" * len(columns) + "|"
    for fault in FAULTS:
        for version in VERSIONS:
            cells = [cell for role in ROLES for cell in _cells(runs, fault.title, version, role)]
            if any(cells):
                yield _line([fault.title, version, *cells])


def _cells(runs: Sequence[Run], title: str, version: Version, role: Role) -> list[str]:
    """The code, and the seconds of each run."""
    found = [_find(run, title, version, role) for run in runs]
    codes = {cause.code for cause in found if cause is not None}
    return [" ".join(f"`{code}`" for code in sorted(codes)), *map(_seconds, found)]


def _find(run: Run, title: str, version: Version, role: Role) -> Cause | None:
    wanted = (title, version, role)
    return next(
        (each for each in run.causes if (each.title, each.version, each.role) == wanted), None
    )


def _seconds(cause: Cause | None) -> str:
    if cause is None:
        return ""
    return f"{cause.seconds:.1f} s" if cause.seconds is not None else "not told"


def _said(runs: Sequence[Run]) -> Iterator[str]:
    yield "\n### What is said\n"
    for fault in FAULTS:
        causes = (each for run in runs for each in run.causes if each.title == fault.title)
        said = dict.fromkeys(f"- `{each.code}`: {each.words}" for each in causes)
        if not said:
            continue
        yield f"**{fault.title}**\n"
        yield "\n".join(said) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cause(told: Told) -> Cause:
    fault, version, role = told.seat.fault, told.seat.version, told.seat.role
    return Cause(fault.title, version, role, told.seat.code.value, told.seconds, _words(told))


def _words(told: Told) -> str:
    """The same for all seats of a fault."""
    seat = told.seat
    same = (
        (f"gw-{seat.number}.", "gw."),
        (f"peer-{seat.number}.", "peer."),
        (seat.address, "198.51.100.2"),
        (f"{seat.inside}.0/24", "10.2.0.0/24"),
    )
    words = re.sub(r"DNS \(\S+\)", "DNS (192.0.2.53)", told.message)
    for own, common in same:
        words = words.replace(own, common)
    return words
