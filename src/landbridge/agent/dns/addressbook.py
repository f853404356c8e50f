"""The addresses of peers that are given by name, of one router, and when to look them up again.

Rules this module keeps:
- A name is asked for again when its time to live is over, and sooner when a tunnel to it
  fails, at first after `SPACING` seconds, then less and less often while the answer stays the
  same; each name waits by itself.
- The last known address is kept for as long as DNS is away or says nothing.
- A tunnel stays with its address as long as the answer has it, in whatever order: an answer
  that goes round moves no tunnel. One that is down moves on to the answer's next address
  after `TURN` seconds, by itself: others with the same name stay.
- Forgetting everything costs one question per name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from landbridge.agent.dns.resolver import Answer, Lookup, NotResolvable
from landbridge.backoff import Backoff
from landbridge.impact.peers import why_never
from landbridge.model.fields import Model
from landbridge.model.status import Reason, ReasonCode
from landbridge.model.tunnel import Tunnel

SPACING: Final = 3.0  # seconds
TURN: Final = 15.0  # seconds that an address of several gets
_LONGEST_PAUSE: Final = 30.0

Key = tuple[str, int]  # the name, and the IP version that is wanted
log = structlog.get_logger(__name__)


class Place(Model, frozen=True, kw_only=True):
    """Where a peer is. `address` None: not known yet, or, with a `failure`, not to be found.
    With both, the address is the last one that was known."""

    address: str | None
    failure: str = ""


@dataclass
class _Name:
    addresses: tuple[str, ...] = ()
    failure: str = ""
    doubted: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Follower:
    key: Key
    address: str | None = None
    since: float = 0.0


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class AddressBook:
    """`moved` is called with each tunnel whose `Place` has changed."""

    def __init__(
        self,
        moved: Callable[[str], None],
        lookup: Lookup,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._moved = moved
        self._lookup = lookup
        self._clock = clock
        self._names: dict[Key, _Name] = {}
        self._followers: dict[str, _Follower] = {}
        self._changed = asyncio.Event()

    def place(self, tunnel_id: str, tunnel: Tunnel | None) -> Place:
        """Where the tunnel's peer is now; a name is followed from here on."""
        if tunnel is None or is_address(tunnel.peer_address):
            self._leave(tunnel_id)
            return Place(address=tunnel.peer_address if tunnel else None)
        key = _key(tunnel)
        follower = self._followers.get(tunnel_id)
        if follower is None or follower.key != key:
            self._leave(tunnel_id)
            follower = self._followers[tunnel_id] = _Follower(key)
            if key not in self._names:
                self._names[key] = _Name()
                self._changed.set()
            self._settle(follower, turn=False)
        return Place(address=follower.address, failure=self._names[key].failure)

    def assume(self, tunnel_id: str, address: str) -> None:
        """An SA of the tunnel tells where its peer was; good until the name is known."""
        follower = self._followers.get(tunnel_id)
        if follower is not None and follower.address is None:
            follower.address, follower.since = address, self._clock()
            self._moved(tunnel_id)

    def doubt(self, tunnel_id: str, *, down: bool) -> None:
        """The tunnel fails (`down`: it carries nothing): ask whether its peer has moved."""
        follower = self._followers.get(tunnel_id)
        if follower is None:
            return
        name = self._names[follower.key]
        if not name.failure:  # then it is being asked for anyhow
            name.doubted.set()
        if down and self._settle(follower, turn=True):
            self._moved(tunnel_id)

    async def run(self) -> None:
        """Keeps asking until cancelled; what is known stays."""
        asking: dict[Key, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for key in asking.keys() - self._names.keys():
                    asking.pop(key).cancel()
                for key in self._names.keys() - asking.keys():
                    asking[key] = group.create_task(self._keep(key), name=f"resolve {key[0]}")
                await self._changed.wait()

    async def _keep(self, key: Key) -> None:
        name = self._names[key]
        refusals = Backoff(first=SPACING, limit=_LONGEST_PAUSE)
        doubts = Backoff(first=SPACING, limit=_LONGEST_PAUSE)
        while True:
            name.doubted.clear()
            asked, before = self._clock(), name.addresses
            pause = await self._ask(key, name, refusals)
            if name.addresses != before:
                doubts.reset()
            try:
                async with asyncio.timeout(pause):
                    await name.doubted.wait()
            except TimeoutError:
                doubts.reset()
            else:
                await asyncio.sleep(min(doubts.next(), pause) - (self._clock() - asked))

    async def _ask(self, key: Key, name: _Name, backoff: Backoff) -> float:
        """One question; the seconds until the next."""
        before = name.failure
        try:
            answer = possible(await self._lookup(*key))
        except NotResolvable as error:
            name.failure, pause = str(error), backoff.next()
            if name.failure != before:
                log.warning("name not resolvable", name=key[0], reason=name.failure)
        else:
            backoff.reset()
            name.addresses, name.failure, pause = answer.addresses, "", answer.ttl
        for tunnel_id, follower in tuple(self._followers.items()):
            if follower.key == key:
                moves = self._settle(follower, turn=False)
                if moves or name.failure != before:
                    self._moved(tunnel_id)
        return pause

    def _settle(self, follower: _Follower, *, turn: bool) -> bool:
        """Choose among the known addresses. Whether that is another one."""
        known, now = self._names[follower.key].addresses, self._clock()
        turn = turn and now - follower.since >= TURN
        address = choose(follower.address, known, turn=turn)
        if address == follower.address:
            return False
        follower.address, follower.since = address, now
        return True

    def _leave(self, tunnel_id: str) -> None:
        follower = self._followers.pop(tunnel_id, None)
        if follower and all(other.key != follower.key for other in self._followers.values()):
            del self._names[follower.key]
            self._changed.set()


def possible(answer: Answer) -> Answer:
    """Without the addresses where no peer can be; pure. Raises: `NotResolvable`."""
    left = tuple(address for address in answer.addresses if why_never(address) is None)
    if not left:
        first = answer.addresses[0]
        raise NotResolvable(f"it leads to {first}, {why_never(first)}: no peer can be there")
    return msgspec.structs.replace(answer, addresses=left)


def choose(present: str | None, known: tuple[str, ...], *, turn: bool) -> str | None:
    """Which of the known addresses; pure. `turn`: another than the present one, if possible."""
    if not known:
        return present
    if present not in known:
        return known[0]
    if not turn:
        return present
    ordered = sorted(known)
    return ordered[(ordered.index(present) + 1) % len(ordered)]


def _key(tunnel: Tunnel) -> Key:
    version = 6 if ":" in tunnel.local_address else 4
    return tunnel.peer_address.rstrip(".").lower(), version


def unresolved(name: str, place: Place) -> Reason:
    if not place.failure:
        return Reason(code=ReasonCode.CONNECTING, message=f"Looking up {name}.")
    further = f"; trying its last known address {place.address}" if place.address else ""
    return Reason(
        code=ReasonCode.NAME_NOT_RESOLVABLE,
        message=f"The peer address {name} cannot be resolved: {place.failure}{further}.",
    )
