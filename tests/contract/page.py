"""docs/differences.md, made from the tables of differences:

python -m tests.contract.page > docs/differences.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.contract import differences, inventory_differences

PAGE: Final = Path(__file__).parents[2] / "docs" / "differences.md"

_HEAD: Final = """\
# Differences from OpenStack Networking

Made from the tables that the tests compare by (`tests/contract`); do not edit. The reference is
release 29.0.0 of `neutron` and `neutron-vpnaas`. What it answered stands in the recordings beside
the tables, and every test run sends the same requests to landbridge: what differs and has no line
here is a defect. `make oracle` sets that release up and asks it again.
"""
_INVENTORY: Final = """\
## Networks, subnets, ports, routers

What VPN services need of Networking is built: networks, subnets, ports, routers with interfaces,
a gateway and routes, tags of all resources, quotas, filters, paging. Not built are security groups
and floating IPs (landbridge runs no machines that they would be for), subnet pools and address
scopes, quality of service, trunks, port bindings and DHCP (`enable_dhcp` is kept and shown),
availability zones, flavors, distributed and highly available routers (a router has one gateway,
and another one takes it over), RBAC policies (`shared` and `router:external` remain).
"""


_WORDS = """
## Messages

An error has the reference's type and words. Where these leave out the limit that was missed, the
values that there are, or who uses the object, that follows: `IKEPolicy ... is in use by existing
IPsecSiteConnection and can't be updated or deleted: by ipsec_site_connection 'office' (ID) and 2
more.` Objects of another project are counted, not named. It is so in these messages (`*`: any
text):
"""


def page() -> str:
    return "\n".join([*_inventory(), *_vpn(), *_words()])


def _words() -> Iterator[str]:
    yield _WORDS
    yield from (f"- {_code(pattern.replace('[[]', '['))}" for pattern in differences.TELLS_MORE)
    yield ""


def _inventory() -> Iterator[str]:
    yield f"{_HEAD}\n{_INVENTORY}"
    yield "### Attributes that answers do not have\n"
    yield from _table(("Attribute", "Why"), inventory_differences.NOT_BUILT.items(), code=True)
    yield "\n### Attributes with other values\n"
    shown = inventory_differences.OTHERWISE | inventory_differences.SHOWN_OTHERWISE
    yield from _table(("Attribute", "Why"), shown.items(), code=True)
    yield "\n### Requests that are answered otherwise\n"
    rows = ((line.asked, line.ours, line.reason) for line in inventory_differences.DIFFERENCES)
    yield from _table(("What is asked", "landbridge", "Why"), rows)


def _vpn() -> Iterator[str]:
    yield "\n## VPN resources\n"
    rows = ((line.reason, _answers(line), ", ".join(map(_code, line.cases)))
            for line in differences.DIFFERENCES)  # fmt: skip
    yield from _table(("Difference and reason", "landbridge", "Cases of the recording"), rows)
    yield ""


def _answers(line: differences.Difference) -> str:
    if line.status is not None:
        return f"{line.status} {line.type or ''}".strip()
    return "other values" if "*" in line.ignores else ", ".join(map(_code, line.ignores))


def _table(
    head: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, code: bool = False
) -> Iterator[str]:
    yield _row(head)
    yield _row("---" for _ in head)
    for first, *rest in rows:
        yield _row([_code(first) if code else first, *rest])


def _code(text: str) -> str:
    return f"`{text}`"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
