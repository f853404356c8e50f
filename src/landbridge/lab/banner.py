"""What a person reads when the lab stands.

Rules this module keeps:
- Every line can be copied into a shell as it is.
- A tunnel that carries no packets is never announced as if it did, whatever its status: its
  reason is told instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.client import Api, Resource
from landbridge.lab import sites


@dataclass(frozen=True)
class Tried:
    """A connection as the API shows it, and whether a packet sent through it was answered."""

    connection: Resource
    carries: bool


UPDATE: Final = {
    "description": "New IPsec connection",
    "mtu": 1400,
    "dpd": {"action": "hold", "interval": 20, "timeout": 60},
}

STANDING: Final = """
landbridge is running at {base} and its tunnel is ACTIVE:

  {site_a} ({host_a}) = our router == IPsec == {peer} = {site_b} ({host_b})

Token (also in {token_file}):
  {token}

Look at it in a browser: sign in with the token
  {base}/console/

Watch packets go through the tunnel:
  ip netns exec {site_a} ping {host_b}

Change the live tunnel:
  curl -s -X PUT -H 'Content-Type: application/json' -H 'X-Auth-Token: {token}' -d '{body}' {url}

The same with the OpenStack client:
  openstack --os-auth-type admin_token --os-endpoint {base} --os-token {token} \\
    vpn ipsec site connection set --description 'New IPsec connection' {name}

Be the other side: edit its file, then load it
  {file}
  swanctl --load-all --clear --file {file} --uri {uri}

Logs: {state_dir}/landbridge.log, {state_dir}/agent. Ctrl-C takes all of it away but {state_dir}.
"""

WAITING: Final = """
landbridge is running at {base}, but no packet comes through the tunnel {name}.
It is {status}: {reason}

If one side was changed in an earlier run, change the other as well, or begin anew without
{state_dir}. Logs: {state_dir}/landbridge.log, {state_dir}/agent; the other side's in
{peer_dir}.
Token (also in {token_file}), for the API and for {base}/console/:
  {token}

Ctrl-C takes all of it away but {state_dir}.
"""

KEPT: Final = """
Taken away: namespaces, bridges, charons and filters. Kept for the next run, in {state_dir}:
the database, its key, tokens, logs and the peer's swanctl.conf. To begin anew: {how}
"""


def kept(state_dir: Path) -> str:
    """What is said at the end. In a clone's own directory ``make clean`` removes it."""
    makefile = state_dir.parent / "Makefile"
    is_clones = state_dir.name == ".landbridge" and makefile.exists()
    return KEPT.format(state_dir=state_dir, how="make clean" if is_clones else f"rm -r {state_dir}")


def text(api: Api, tried: Tried, state_dir: Path) -> str:
    template = STANDING if tried.carries else WAITING
    return template.format(**_words(api, tried.connection, state_dir))


def why(connection: Resource) -> str:
    """The connection's reason in words, as the API tells it."""
    told = [connection["status_reason"], connection["status_message"]]
    return ": ".join(filter(None, told)) or "no reason is known"


def _words(api: Api, connection: Resource, state_dir: Path) -> dict[str, object]:
    peer = sites.peer_of(state_dir)
    return {
        "base": api.base,
        "token": api.token,
        "token_file": state_dir / "admin-token",
        "state_dir": state_dir,
        "name": connection["name"],
        "status": connection["status"],
        "reason": why(connection),
        "body": json.dumps({"ipsec_site_connection": UPDATE}),
        "url": f"{api.base}/v2.0/vpn/ipsec-site-connections/{connection['id']}",
        "site_a": sites.SITE_A,
        "host_a": sites.SITE_A_HOST,
        "site_b": sites.SITE_B,
        "host_b": sites.SITE_B_HOSTS["demo"],
        "peer": sites.PEER_B,
        "peer_dir": peer.directory,
        "file": peer.directory / "swanctl.conf",
        "uri": peer.uri,
    }
