"""Counts connections: in all, and by client address.

Rules this module keeps:
- An address is an IPv4 address or an IPv6 /64, within which a host chooses its addresses.
- Proxies have many clients behind one address: only the total limit applies to them.
- A refused connection is told the reason, unless too many refusals are being sent already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from landbridge import errors

BEING_TOLD: Final = 64  # connections at a time
_OWN_BITS: Final = 64  # bits of an IPv6 address that identify the network


class ConnectionLimits:
    """The connections of one process."""

    def __init__(self, most: int, most_per_address: int, proxies: Iterable[str] = ()) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._proxies = tuple(map(ip_network, proxies))
        self._of: Counter[str] = Counter()
        self._all = 0
        self._told = 0

    def __len__(self) -> int:
        return self._all

    def enter(self, place: str) -> errors.ApiError | None:
        """Count one more from `place` (see `place_of`); returns the reason for a refusal, or
        None."""
        if self._all >= self._most:
            return errors.ServiceUnavailable(
                f"There are {self._most} connections, which is the limit ([limits] connections)."
            )
        if place and self._of[place] >= self._most_per_address:
            return errors.TooManyRequests(
                f"There are {self._most_per_address} connections from {place}, which is the limit "
                "for one address ([limits] connections_per_address): use them again, or close some."
            )
        self._all += 1
        self._of[place] += 1
        return None

    def leave(self, place: str) -> None:
        self._all -= 1
        self._of[place] -= 1
        if not self._of[place]:
            del self._of[place]

    def begin_telling(self) -> bool:
        """False: too many refusals are being sent already."""
        if self._told >= BEING_TOLD:
            return False
        self._told += 1
        return True

    def end_telling(self) -> None:
        self._told -= 1

    def admit(self, host: str | None) -> Admission:
        """Count a connection from `host`, or say why not."""
        place = self.place_of(host)
        error = self.enter(place)
        if error is None:
            return Admission(None, False, lambda: self.leave(place))
        if self.begin_telling():
            return Admission(error, True, self.end_telling)
        return Admission(error, False, lambda: None)

    def place_of(self, host: str | None) -> str:
        """The key that a host's address is counted under; empty: no limit applies."""
        try:
            address = ip_address((host or "").partition("%")[0])
        except ValueError:  # a Unix socket
            return ""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._proxies):
            return ""
        if isinstance(address, IPv6Address):
            return str(ip_network((int(address) >> _OWN_BITS << _OWN_BITS, _OWN_BITS)))
        return str(address)


class Admission:
    """What became of a connection: `error` is why it is refused, or None. `is_told`: it is sent the
    reason."""

    def __init__(
        self, error: errors.ApiError | None, is_told: bool, leave: Callable[[], None]
    ) -> None:
        self.error = error
        self.is_told = is_told
        self._leave: Callable[[], None] | None = leave

    def refuse(self, error: errors.ApiError) -> None:
        """One that holds a place, which it keeps until it has been told."""
        if self.error is None:
            self.error, self.is_told = error, True

    def leave(self) -> None:
        """The connection is gone. A second time does nothing."""
        if self._leave is not None:
            self._leave()
            self._leave = None
