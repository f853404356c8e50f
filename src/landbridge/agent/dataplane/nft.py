"""The one seam to nft, in whichever network namespace.

Rules this module keeps:
- What is given is one transaction: all of it or nothing. Nothing to do runs nothing.
- nft's complaint leaves as `GatewayError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from landbridge.agent.dataplane.commands import ProgramFailed, run
from landbridge.agent.dataplane.netlink import NAMESPACES
from landbridge.agent.errors import GatewayError


async def apply(namespace: str, commands: Sequence[Any]) -> None:
    """Have nft take `commands`, as its JSON has them. Raises: GatewayError."""
    if commands:
        place = f"--net={NAMESPACES / namespace}"
        transaction = msgspec.json.encode({"nftables": commands})
        try:
            await run("nsenter", place, "nft", "-j", "-f", "-", stdin=transaction)
        except ProgramFailed as error:
            words = "; ".join(error.complaint.splitlines())
            raise GatewayError(
                f"nft does not take the packet filter of namespace {namespace}: {words}"
            ) from error
