"""The one seam to nft, in whichever network namespace.

Rules this module keeps:
- What is given is one transaction: all of it or nothing. Nothing to do runs nothing.
- nft's complaint leaves as `GatewayError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from landbridge.agent.host.commands import run
from landbridge.agent.host.netlink import NAMESPACES


async def apply(namespace: str, commands: Sequence[Any]) -> None:
    """Have nft take `commands`, as its JSON has them. Raises: GatewayError."""
    if commands:
        await _nft(namespace, "-j", "-f", "-", stdin=msgspec.json.encode({"nftables": commands}))


async def apply_text(namespace: str, text: str) -> None:
    """The same in nft's own language, for what nft 1.0 has no JSON for (``typeof`` sets, raw
    payloads against them). Raises: GatewayError."""
    if text:
        await _nft(namespace, "-f", "-", stdin=text.encode())


async def _nft(namespace: str, *options: str, stdin: bytes) -> None:
    await run("nsenter", f"--net={NAMESPACES / namespace}", "nft", *options, stdin=stdin)
