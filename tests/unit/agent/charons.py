"""A charon that holds what the test says, lists it and counts what it is asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from landbridge.agent.charon.process import Charon
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.tunnels.desired import Target
from landbridge.vici import Message
from landbridge.vici.protocol import Packet
from tests.unit.vici.daemon import Wire, daemon


class FakeCharon(Charon):
    """`up`: the targets that are established, by tunnel id. `asked`: commands that were taken, a
    list of everything as ``list-sas`` and of one as ``list-sas NAME``. `refuses`: of a command and
    its message, the words of a refusal; empty: it is taken."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "no namespace", Backend.LIBIPSEC)
        self.up: dict[str, Target] = {}
        self.asked: Counter[str] = Counter()
        self.refuses: Callable[[str, Message], str] = lambda _command, _message: ""
        self.begun = 0  # how often the router's task has begun to serve
        self._listeners: list[Wire] = []

    async def ensure(self) -> bool:
        self.begun += 1
        return True

    def change(self, targets: Iterable[Target], *, up: bool) -> None:
        """All of them go up or down, then each is told of in an event."""
        told = list(targets)
        for each in told:
            if up:
                self.up[each.tunnel_id] = each
            else:
                self.up.pop(each.tunnel_id, None)
        for wire in self._listeners:
            for each in told:
                event: Message = {"up": "yes" if up else "no", **_sa(each)}
                wire.write(Packet.EVENT, event, name="child-updown")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        Path(self.socket).parent.mkdir(parents=True, exist_ok=True)
        async with daemon(Path(self.socket)) as accepted, asyncio.TaskGroup() as group:
            accepting = group.create_task(self._accept(accepted, group))
            try:
                yield
            finally:
                accepting.cancel()
                for task in self._serving:
                    task.cancel()

    async def _accept(self, accepted: asyncio.Queue[Wire], group: asyncio.TaskGroup) -> None:
        self._serving: list[asyncio.Task[None]] = []
        while True:
            wire = await accepted.get()
            self._serving.append(group.create_task(self._serve(wire)))

    async def _serve(self, wire: Wire) -> None:
        while True:
            try:
                kind, name, message = await wire.next()
            except asyncio.IncompleteReadError:
                return
            if kind is Packet.CMD_REQUEST:
                self._answer(wire, name, message)
            else:
                if name == "child-updown":
                    self._listeners.append(wire)
                wire.write(Packet.EVENT_CONFIRM)
            await wire.drain()

    def _answer(self, wire: Wire, command: str, message: Message) -> None:
        which = message.get("ike") if command == "list-sas" else None
        self.asked[f"{command} {which}" if which else command] += 1
        if command == "list-sas":
            for each in self.up.values():
                if which in (None, each.name):
                    wire.write(Packet.EVENT, _sa(each), name="list-sa")
        words = self.refuses(command, message)
        wire.write(
            Packet.CMD_RESPONSE,
            {"success": "no", "errmsg": words} if words else {"success": "yes"},
        )


def _sa(target: Target) -> Message:
    number = str(int(target.tunnel_id.replace("-", "")[:8], 16))
    child = target.children[0]
    return {
        target.name: {
            "uniqueid": number,
            "version": "2",
            "state": "ESTABLISHED",
            "remote-host": target.peer_address,
            "established": "9",
            "child-sas": {
                f"{child.name}-{number}": {
                    "name": child.name,
                    "uniqueid": number,
                    "state": "INSTALLED",
                    "local-ts": [pair.local for pair in child.pairs],
                    "remote-ts": [pair.remote for pair in child.pairs],
                    "spi-in": "1",
                    "spi-out": "2",
                }
            },
        }
    }
