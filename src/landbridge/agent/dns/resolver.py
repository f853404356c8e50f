"""From a peer's name to its addresses: the host's hosts file first, then its DNS servers.

Rules this module keeps:
- Names are resolved where the agent runs, in the host's namespace with the host's
  configuration, never in a router's: a router's uplink need not have a DNS server.
- Nothing blocks: DNS is asked from the event loop, with a deadline; both files are small and
  read anew with each question, so a changed one counts at once.
- Foreign exceptions end here as `NotResolvable`, in words that do not change from one
  question to the next.
"""

from __future__ import annotations

import ipaddress
import time
from pathlib import Path
from typing import Final, Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver

from landbridge.model.fields import Model

PATIENCE: Final = 5.0  # seconds for one question, all servers together
SHORTEST_TTL: Final = 1.0  # seconds
LONGEST_TTL: Final = 3600.0
HOSTS_TTL: Final = 10.0  # the hosts file has none
RECORDS: Final = {4: "A", 6: "AAAA"}


class Answer(Model, frozen=True, kw_only=True):
    """`addresses` in the server's order, at least one; to be asked again after `ttl` seconds."""

    addresses: tuple[str, ...]
    ttl: float


class NotResolvable(Exception):
    """What the resolver answered, for a person."""


class Lookup(Protocol):
    async def __call__(self, name: str, version: int) -> Answer:
        """The addresses of `name` of that IP version. Raises `NotResolvable`."""


class SystemLookup:
    """As the host resolves names; other files are for tests."""

    def __init__(
        self,
        resolv_conf: Path = Path("/etc/resolv.conf"),
        hosts: Path = Path("/etc/hosts"),
    ) -> None:
        self._resolv_conf = resolv_conf
        self._hosts = hosts

    async def __call__(self, name: str, version: int) -> Answer:
        if listed := self._listed(name, version):
            return Answer(addresses=listed, ttl=HOSTS_TTL)
        servers = ""
        try:
            resolver = dns.asyncresolver.Resolver(str(self._resolv_conf))
            servers = ", ".join(str(server) for server in resolver.nameservers)
            found = await resolver.resolve(name, RECORDS[version], lifetime=PATIENCE, search=True)
        except (dns.exception.DNSException, OSError) as error:
            raise NotResolvable(_words(error, version, servers)) from error
        ttl = found.expiration - time.time()  # the least of all records on the way
        return Answer(
            addresses=tuple(str(record) for record in found),
            ttl=min(max(ttl, SHORTEST_TTL), LONGEST_TTL),
        )

    def _listed(self, name: str, version: int) -> tuple[str, ...]:
        try:
            text = self._hosts.read_text(errors="replace")
        except OSError:
            return ()
        return in_hosts(text, name, version)


def in_hosts(text: str, name: str, version: int) -> tuple[str, ...]:
    """The addresses that a hosts file (hosts(5)) gives a name; pure."""
    wanted, found = name.rstrip(".").lower(), []
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if wanted in (each.lower() for each in names) and _version(address) == version:
            found.append(address)
    return tuple(dict.fromkeys(found))


def _version(address: str) -> int | None:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return None


def _words(error: Exception, version: int, servers: str) -> str:
    match error:
        case dns.resolver.NXDOMAIN():
            return f"DNS ({servers}) answers that there is no such name"
        case dns.resolver.NoAnswer():
            return f"DNS ({servers}) has no IPv{version} address of that name"
        case dns.resolver.LifetimeTimeout():
            return f"no answer from DNS ({servers}) within {PATIENCE:g} s"
        case dns.resolver.NoNameservers():
            return f"DNS ({servers}) refuses or fails to answer"
        case dns.resolver.NoResolverConfiguration():
            return "the gateway's host has no DNS server configured"
        case _:
            return f"the gateway's resolver fails: {error}"
