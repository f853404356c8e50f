"""What a new CHILD_SA costs by group: on the screen, and as a section of ``docs/updates.md``."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.console import Console

from bench import report
from bench.groups import GROUPS, RATE, VERSIONS, Measured, Series
from bench.report import markdown
from landbridge.agent.charon.proposals import GROUPS as WORDS

COLUMNS = (
    "`pfs`",
    "charon's name",
    "IKEv1: ours",
    "IKEv1: the peer's",
    "IKEv2: ours",
    "IKEv2: the peer's",
    "sibling",
)
ABOUT = """\
## By Diffie-Hellman group

Lost by a new CHILD_SA at {rate:,.0f} packets a second: the median of {changes} changes of the \
IPsec policy, to which the peer agrees, with the group as its `pfs`, and the most of one, to which \
other work on the machine adds; of the sibling all of them together.

- **IKEv1 loses packets of ours.** Quick Mode's initiator, we, sends on the new SA from its third \
message on; the peer computes its keys and installs its SAs when it has that message. What comes \
to it before is lost: one run of packets, as long as the peer takes to compute (here a packet is a \
millisecond). The same is lost at each rekeying that we begin. Nothing that we can do costs less \
([decision 030](decisions/030-no-detour-for-first-packets.md)).
- **IKEv2 loses none of ours**: the peer answers when it has installed its SAs. It loses packets \
of its own, which it sends on the new SA while we compute.
- Where that matters: IKEv2, or with IKEv1 a `pfs` that is quick to compute.
"""


def show(console: Console, measured: Measured) -> None:
    title = f"Lost at {RATE:,.0f} packets a second, {measured.changes} changes: median, most"
    report.table(console, title, COLUMNS, _rows(measured))


def section(found: Sequence[tuple[str, Measured]]) -> str:
    """Of each data plane, by its name."""
    about = ABOUT.format(rate=RATE, changes=found[0][1].changes)
    tables = [f"\n### {plane}\n\n{markdown(COLUMNS, _rows(each))}" for plane, each in found]
    return "\n".join([about, *tables])


def _rows(measured: Measured) -> list[tuple[str, ...]]:
    return [
        _row(group, [each for each in measured.series if each.group == group]) for group in GROUPS
    ]


def _row(group: str, found: Sequence[Series]) -> tuple[str, ...]:
    by_version = {each.version: each for each in found}
    told = [
        _told(lost)
        for version in VERSIONS
        for lost in (by_version[version].ours, by_version[version].peers)
    ]
    return group, WORDS[group], *told, str(sum(sum(each.siblings) for each in found))


def _told(lost: Sequence[int]) -> str:
    return f"{median(lost):g}, {max(lost)}"
