"""Watcher, manager, supervisors, lease and reporter, as the agent's main wires them, on virtual
time: whatever happens to server, host and agent, in any order.

Rules that hold after every event:
- One at most works on a router, runs its tunnels or takes it away.
- Nothing is taken away unless the server's history says that it is gone.
- Statuses arrive in order.
Once all is well again, what is desired is what runs, the server has the newest status of each
tunnel, and an agent that is told to stop leaves no task.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from landbridge.agent import main
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.names import hex12
from landbridge.agent.link.followed import Followed
from landbridge.agent.main import Agent
from landbridge.agent.routers import teardown
from landbridge.agent.routers.teardown import router_directories
from landbridge.config.settings import AgentSettings
from landbridge.model.router import Router
from landbridge.model.status import TunnelStatus
from landbridge.servertrust import SYSTEM
from tests.unit.agent.scriptedhost import (
    FakeCharon,
    FakeNamespaces,
    FakeRouterTask,
    ScriptedHost,
    Teardown,
)
from tests.unit.agent.scriptedserver import ScriptedServer
from tests.unit.agent.tunnels import tunnel
from tests.virtualtime import others, turns, virtual_time

LONG = 300.0  # seconds in which all that is tried again has been
ROUTERS = st.sampled_from(("r1", "r2", "r3"))
TUNNELS = st.sampled_from(("t1", "t2", "t3", "t4"))


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._runner = self._stack.enter_context(virtual_time())
        self._state = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._revisions = 0
        self._agent: asyncio.Task[None] | None = None
        self._forgetful = False  # whether an agent was killed before it had kept what it follows
        self._run(self._begin())

    async def _begin(self) -> None:
        self.server = ScriptedServer()
        self.host = ScriptedHost(lambda *which: self.server.gone[which])
        spaces = FakeNamespaces(self.host)
        put = self._stack.enter_context
        put(mock.patch.object(main, "Server", mock.Mock(return_value=self.server)))
        put(mock.patch.object(main, "Namespaces", mock.Mock(return_value=spaces)))
        put(mock.patch.object(main, "RouterTask", self._router_task))
        put(mock.patch.object(teardown, "Charon", lambda where, *_: FakeCharon(self.host, where)))

    def _router_task(self, router: Router, **parts: Any) -> FakeRouterTask:
        return FakeRouterTask(self.host, router, parts["report"], parts["report_router"])

    def _run(self, work: Any) -> None:
        self._runner.run(work)

    def _next_revision(self) -> int:
        self._revisions += 1
        return self._revisions

    # What is desired --------------------------------------------------------------------------

    @rule(id=ROUTERS)
    def router(self, id: str) -> None:
        wanted = Router(id=id, name="r", revision=self._next_revision(), admin_state_up=True,
                        uplink=None, inside=())  # fmt: skip
        self.server.put_router(wanted)

    @precondition(lambda self: self.server.wanted_routers)
    @rule(id=TUNNELS, which=st.integers(0, 2))
    def tunnel(self, id: str, which: int) -> None:
        """New, changed, or on another router than before."""
        routers = sorted(self.server.wanted_routers)
        revision = self._next_revision()
        self.server.put_tunnel(
            tunnel(id=id, router_id=routers[which % len(routers)], revision=revision)
        )

    @precondition(lambda self: self.server.wanted_tunnels)
    @rule(which=st.integers(0, 3))
    def tunnel_goes(self, which: int) -> None:
        tunnels = sorted(self.server.wanted_tunnels)
        self.server.delete_tunnel(tunnels[which % len(tunnels)])

    @precondition(lambda self: self.server.wanted_routers)
    @rule(which=st.integers(0, 2), router_first=st.booleans())
    def router_goes(self, which: int, router_first: bool) -> None:
        routers = sorted(self.server.wanted_routers)
        self.server.delete_router(routers[which % len(routers)], router_first=router_first)

    @precondition(lambda self: self.server.wanted_tunnels)
    @rule(which=st.integers(0, 3))
    def question(self, which: int) -> None:
        tunnels = sorted(self.server.wanted_tunnels)
        asked = self.server.wanted_tunnels[tunnels[which % len(tunnels)]]
        self.server.ask(asked, f"question {self._next_revision()}")

    # What happens to the server ------------------------------------------------------------------

    @rule(down=st.booleans())
    def server_goes_or_comes(self, down: bool) -> None:
        self.server.down = down

    @rule(delay=st.sampled_from((0.0, 0.3, 4.0, 9.0)))
    def server_is_slow(self, delay: float) -> None:
        self.server.delay = delay

    @rule()
    def server_starts_again(self) -> None:
        self.server.restart()

    @rule()
    def server_forgets_changes(self) -> None:
        self.server.forget_changes()

    @rule(foreign=st.booleans())
    def another_database(self, foreign: bool) -> None:
        self.server.foreign = foreign
        self.server.restart()

    @rule(held=st.booleans())
    def lease_goes_or_comes(self, held: bool) -> None:
        if held:
            self.server.take_lease_away()
        self.server.held = held

    # What happens to the host --------------------------------------------------------------------

    @rule(teardown=st.sampled_from(("works", "hangs", "fails")))
    def removals(self, teardown: Teardown) -> None:
        self.host.teardown = teardown

    @rule(makes=st.booleans())
    def namespaces_can_be_made(self, makes: bool) -> None:
        self.host.makes = makes

    @rule(id=ROUTERS)
    def namespace_is_deleted(self, id: str) -> None:
        self.host.namespaces.pop(id, None)

    @rule(id=ROUTERS)
    def task_crashes(self, id: str) -> None:
        if id in self.host.tasks:
            self.host.tasks[id].crash.set()

    # What happens to the agent -------------------------------------------------------------------

    @precondition(lambda self: self._agent is None)
    @rule()
    def agent_starts(self) -> None:
        (self._state / "agent").mkdir(exist_ok=True)
        token = self._state / "agent-token"
        agent = Agent(
            AgentSettings(
                server_url="http://server", trust=SYSTEM, gateway_id="g1",
                token_file=token,
                state_dir=self._state / "agent", bridges={}, update_deadline=0.0,
                metrics_bind="", kernel="libipsec", charon="/nowhere",
            ),
            Backend.LIBIPSEC,
        )  # fmt: skip

        async def start() -> None:
            self._agent = asyncio.create_task(agent.serve(), name="agent")

        self._run(start())

    @precondition(lambda self: self._agent is not None)
    @rule(at_once=st.booleans())
    def agent_ends(self, at_once: bool) -> None:
        """Told to stop, or (`at_once`) killed, which keeps nothing that was not on the disk."""
        followed = self._state / "agent" / "followed"
        kept = followed.read_bytes() if followed.exists() else None
        self._run(self._end())
        if at_once and kept is not None:
            followed.write_bytes(kept)
        elif at_once:
            followed.unlink(missing_ok=True)
            self._forgetful = True

    async def _end(self) -> None:
        assert self._agent is not None
        self._agent.cancel()
        await asyncio.wait([self._agent])
        assert self._agent.cancelled(), self._agent.exception()
        self._agent = None
        left = sorted(task.get_name() for task in others())
        assert left == []
        assert self.host.busy() == set()

    @rule(number=st.integers(1, 12))
    def turns(self, number: int) -> None:
        self._run(turns(number))

    @rule(seconds=st.sampled_from((0.05, 1.0, 5.0, 20.0, 100.0)))
    def time_passes(self, seconds: float) -> None:
        self._run(asyncio.sleep(seconds))

    # What holds -----------------------------------------------------------------------------------

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert self.host.wrong == []
        if self._agent is not None and self._agent.done():
            self._agent.result()

    @invariant()
    def statuses_come_in_order(self) -> None:
        newest: dict[str, float] = {}
        for report in self.server.reports:
            for status in report.tunnels:
                assert status.observed_at >= newest.get(status.id, 0.0)
                newest[status.id] = status.observed_at

    def teardown(self) -> None:
        try:
            if self._agent is None:
                self.agent_starts()
            self._run(self._calm())
            self.nothing_is_wrong()
            self.statuses_come_in_order()
            self._check(self._desired())
            self._run(self._end())
        finally:
            self._stack.close()

    async def _calm(self) -> None:
        """All is well again. An agent that has forgotten what it follows, or began with the wrong
        database, is told by an operator."""
        server, host = self.server, self.host
        server.down = server.foreign = server.held = False
        server.delay = 0.0
        host.makes, host.teardown = True, "works"
        host.calm.set()
        server.restart()
        await asyncio.sleep(LONG)
        followed = Followed(self._state / "agent")
        if (refused := followed.refused()) is not None:
            before = followed.position
            assert self._forgetful or (before is not None and before.database == "foreign")
            followed.accept(refused.database)
            await asyncio.sleep(LONG)

    def _desired(self) -> Mapping[str, Mapping[str, int]]:
        server = self.server
        return {
            one: {t.id: t.revision for t in server.wanted_tunnels.values() if t.router_id == one}
            for one in server.wanted_routers
        }

    def _check(self, desired: Mapping[str, Mapping[str, int]]) -> None:
        assert self.host.charons == desired
        assert self.host.namespaces == self.server.wanted_routers
        assert self.host.busy() == set(desired)
        found = {each.name for each in router_directories(self._state / "agent")}
        assert found == {hex12(one) for one in desired}
        for one, wanted in self.server.wanted_routers.items():
            assert self.host.tasks[one].router == wanted
            assert self.host.tasks[one].errors == {}
        for one, wanted_tunnel in self.server.wanted_tunnels.items():
            status = self.server.statuses[one]
            assert isinstance(status, TunnelStatus)
            assert status.revision == wanted_tunnel.revision


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
