"""Who encrypts on this host: the kernel where it has ESP, charon itself where it has not.

Rules this module keeps:
- The kernel is asked (`landbridge.agent.dataplane.xfrm`), in an empty namespace that is gone
  afterwards.
- A refusal is an answer: only "yes" chooses `kernel-netlink`, and where the operator has asked for
  it, anything else ends the agent.
"""

from __future__ import annotations

from landbridge.agent.dataplane import xfrm
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.netlink import translated, within_new
from landbridge.agent.errors import GatewayError


async def choose_backend(setting: str) -> Backend:
    """The backend for every charon of this agent: as configured, or what the probe finds.

    Raises:
        GatewayError: no network namespace can be made (not root), or the kernel is to encrypt and
            cannot.
    """
    if setting == "libipsec":
        return Backend.LIBIPSEC
    with translated("probe the kernel for ESP (is the agent running as root?)"):
        has_esp = await within_new(_kernel_takes_esp)
    if setting == "netlink" and not has_esp:
        raise GatewayError(
            "[agent] kernel = netlink, but this kernel has no ESP; load esp4 and esp6, or set it to"
            " auto or libipsec"
        )
    return Backend.NETLINK if has_esp else Backend.LIBIPSEC


def _kernel_takes_esp() -> bool:
    try:
        xfrm.add(xfrm.ESP)
    except OSError:  # no ESP, or no XFRM at all: EPROTONOSUPPORT
        return False
    return True
