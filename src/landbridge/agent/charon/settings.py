"""charon's own configuration file, one per router; pure.

Rules this module keeps:
- It holds values of ours only: paths below the state directory, numbers, plugin names. Nothing
  that a user typed, no secret, no connection: those go through VICI.
- Logs stay at level 1: higher ones print key material, and VICI of 5.9.8 deadlocks with them.
- Death is declared by the agent (`plan`): charon's own retransmissions only have to last longer
  than any patience of ours, at most `RETRANSMIT_LIMIT` seconds apart, so that a peer that comes
  back is noticed soon.
- Aggressive mode with a PSK is answered where an IKE policy asks for it: charon refuses it as
  responder unless told otherwise for the whole daemon; each connection still says its mode.
- Lines of the log have milliseconds: strongSwan 5.9 knows `time_add_ms`, 6 `time_precision`.
- DH exponents are as long as a group's strength asks for (NIST SP 800-56A, 5.6.1.1), not as the
  group itself: a peer sends on a new SA while its keys are still computed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from landbridge.agent.dataplane.dataplane import Backend

RETRANSMIT_TIMEOUT: Final = 1.0  # seconds to the first retransmission
RETRANSMIT_BASE: Final = 1.6
RETRANSMIT_LIMIT: Final = 4
RETRANSMIT_TRIES: Final = 250  # about a quarter of an hour
THREADS: Final = 32

_CRYPTO: Final = (
    "random nonce openssl aes sha1 sha2 hmac cmac xcbc ctr ccm gcm gmp curve25519 kdf pubkey pem"
)
#: kernel-libipsec needs kernel-netlink beside it for addresses and routes.
_KERNEL: Final = {
    Backend.LIBIPSEC: "kernel-libipsec kernel-netlink",
    Backend.NETLINK: "kernel-netlink",
}
_TEMPLATE: Final = """\
charon-systemd {{
  load_modular = no
  load = {crypto} {kernel} socket-default vici
  threads = {threads}
  install_routes = no
  install_virtual_ip = no
  retransmit_timeout = {timeout}
  retransmit_base = {base}
  retransmit_limit = {limit}
  retransmit_tries = {tries}
  half_open_timeout = 30
  dh_exponent_ansi_x9_42 = no
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {{
    vici {{
      socket = unix://{socket}
    }}
  }}
  journal {{
    default = -1
  }}
  filelog {{
    landbridge {{
      path = {log}
      default = 1
      append = yes
      flush_line = yes
      time_format = %Y-%m-%dT%H:%M:%S
      time_add_ms = yes
      time_precision = ms
      ike_name = yes
    }}
  }}
}}
"""


def strongswan_conf(directory: Path, backend: Backend) -> str:
    """The file's text. `directory` is the router's own; see `landbridge.agent.charon.process`."""
    return _TEMPLATE.format(
        crypto=_CRYPTO,
        kernel=_KERNEL[backend],
        threads=THREADS,
        timeout=RETRANSMIT_TIMEOUT,
        base=RETRANSMIT_BASE,
        limit=RETRANSMIT_LIMIT,
        tries=RETRANSMIT_TRIES,
        socket=directory / "vici",
        log=directory / "charon.log",
    )
