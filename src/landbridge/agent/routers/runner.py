"""One router: its charon kept alive, its tunnels brought from actual to desired.

Rules this module keeps:
- One sequential task takes every step (`landbridge.agent.reconcile.reconciler`), so no two plans of
  a router ever race. Changes, charon's events and timers only mark a tunnel for it. A slow timer
  marks every tunnel now and then.
- Stopping the task touches neither charon nor a tunnel. The next one adopts: it loads
  everything again and leaves every SA alone whose fingerprint is right.
- Any error (charon, VICI, the host) ends the serving, is reported for every tunnel
  (`landbridge.agent.reconcile.statuses`) and serving begins again with a back-off, in `run` and
  nowhere else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from landbridge.agent.charon import heartbeat
from landbridge.agent.charon.client import ViciClient
from landbridge.agent.charon.event_parser import EVENTS
from landbridge.agent.charon.process import Charon
from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.dataplane import Backend, Dataplane
from landbridge.agent.dataplane.names import namespace_name
from landbridge.agent.dataplane.network import NetworkSide
from landbridge.agent.dataplane.xfrm_losses import inbound_losses
from landbridge.agent.dns.addressbook import AddressBook
from landbridge.agent.dns.resolver import Lookup, SystemLookup
from landbridge.agent.errors import GatewayError, in_words, leaves
from landbridge.agent.metrics.counters import NONE_LOST
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.initiation import initiation
from landbridge.agent.reconcile.inspect import inquire
from landbridge.agent.reconcile.listener import Listener
from landbridge.agent.reconcile.queue import WorkQueue
from landbridge.agent.reconcile.reconciler import Reconciler
from landbridge.agent.reconcile.sa_reader import SaReader
from landbridge.agent.reconcile.sampler import NORMAL, Pace, Sampler
from landbridge.agent.reconcile.statuses import ErrorSource, Statuses
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.backoff import Backoff
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.initiation import Initiation, InitiationState
from landbridge.model.router import Router
from landbridge.model.status import RouterStatus, TunnelStatus
from landbridge.model.tunnel import Tunnel
from landbridge.vici import Session, ViciError

_FIRST_RETRY: Final = 0.2
_LAST_RETRY: Final = 10.0
_ADOPTION: Final = 30.0  # seconds; thousands of tunnels are listed in one or two
_SILENT: Final = "charon does not answer in time"  # a TimeoutError has no words of its own

log = structlog.get_logger(__name__)


class RouterTask:
    """Runs the tunnels of one router. Every method but `run` and `destroy` returns at once.

    `report` and `report_router` are called with what is new, and must not block.
    """

    def __init__(
        self,
        router: Router,
        *,
        charon: Charon,
        backend: Backend,
        dataplane: Dataplane,
        report: Callable[[TunnelStatus], None],
        report_router: Callable[[RouterStatus], None],
        meters: Meters,
        lookup: Lookup | None = None,
        update_deadline: float = 0.0,
        pace: Pace = NORMAL,
    ) -> None:
        self._router = router
        self._charon = charon
        self._dataplane = dataplane
        self._backend = backend
        self._meters = meters
        self._work_queue = WorkQueue()
        self._tunnel_index = TunnelIndex(backend, self._work_queue.mark)
        self._statuses = Statuses(
            router, self._tunnel_index, report=report, report_router=report_router, meters=meters
        )
        self._book = AddressBook(self._readdress, lookup or SystemLookup())
        self._listener = Listener(self._tunnel_index, self._book, meters, self._work_queue.hear)
        self._sampler = Sampler(
            lambda: self._tunnel_index, meters, self._work_queue.hear, pace, self._losses
        )
        self._passes = Reconciler(
            self._tunnel_index,
            self._work_queue,
            self._book,
            self._listener,
            meters,
            tell=self._statuses.tell,
            update_deadline=update_deadline,
        )
        self._control: ViciClient | None = None  # while charon serves, as the next one
        self._network: NetworkSide | None = None
        self._complete = False  # whether `replace` has told all of desired
        self._addresses: frozenset[str] | None = None  # of the router outside, where it is known
        self._found: frozenset[str] = frozenset()  # what charon had when it was adopted

    # What is wanted ---------------------------------------------------------------------

    def want(self, tunnel: Tunnel) -> None:
        """`tunnel` is desired as it is here; supersedes what was wanted before."""
        self._set(tunnel.id, tunnel)

    def drop(self, tunnel_id: str) -> None:
        """`tunnel_id` is not desired any more; all of it will be taken away."""
        self._statuses.forget(tunnel_id)
        self._set(tunnel_id, None)

    def replace(self, tunnels: Iterable[Tunnel]) -> None:
        """Exactly these are desired; what charon has of others will be taken away."""
        wanted = {tunnel.id: tunnel for tunnel in tunnels}
        for managed in self._tunnel_index:
            if managed.id not in wanted:
                self.drop(managed.id)
        for tunnel in wanted.values():
            known = self._tunnel_index.get(tunnel.id)
            if known is None or known.facts.wanted.asked != tunnel:
                self.want(tunnel)
        if not self._complete:
            self._complete = True
            for tunnel_id in self._found:
                self._work_queue.mark(tunnel_id)

    def reconfigure(self, router: Router) -> None:
        """The router itself has changed (legs, addresses, its administrative state)."""
        self._router = self._statuses.router = router
        for managed in self._tunnel_index:
            self._set(managed.id, managed.facts.wanted.asked)
        if self._network is not None:
            self._network.follow()
        self._statuses.tell_router()

    def look(self, tunnel_id: str) -> None:
        """Look at one tunnel now."""
        self._work_queue.mark(tunnel_id)

    def addresses_are(self, addresses: frozenset[str]) -> None:
        """The router's external ones, as its namespace has them now."""
        self._addresses = addresses
        for managed in self._tunnel_index:
            if managed.addresses_are(addresses):
                self._work_queue.mark(managed.id)

    def addresses_in_use(self) -> frozenset[str] | None:
        """Those that IKE_SAs have here, up or about to end; None: charon has not listed them."""
        if not self._statuses.listed:
            return None
        sas = (sa for managed in self._tunnel_index for sa in managed.facts.actual.sas)
        return frozenset(sa.local_host for sa in sas if not sa.young)

    async def diagnose(self, tunnel_id: str) -> Diagnosis:
        """A close look at one tunnel; no other is listed for it."""
        managed, error = self._tunnel_index.get(tunnel_id), self._statuses.error
        found = await inquire(tunnel_id, managed, self._control, self._backend, error)
        series = self._meters.recent_traffic(tunnel_id)
        if self._backend is not Backend.NETLINK:
            series = msgspec.structs.replace(series, lost_in=())
        return msgspec.structs.replace(found, traffic=series)

    async def initiate(self, tunnel_id: str) -> Diagnosis:
        """Have what is missing of one tunnel initiated now: a close look, with what comes of it."""
        found = await self.diagnose(tunnel_id)
        managed = self._tunnel_index.get(tunnel_id)
        if managed is None or found.problem:
            told = Initiation(state=InitiationState.REFUSED, message=found.problem)
        else:
            told = initiation(managed, asyncio.get_running_loop().time())
            if told.state is InitiationState.INITIATING:
                self._hasten(managed)
            elif managed.facts.wanted.unresolved is not None:
                self._book.doubt(tunnel_id, down=True)
        return msgspec.structs.replace(found, initiation=told)

    def _hasten(self, managed: ManagedTunnel) -> None:
        """With the owner of its IKE_SA, without which an attached tunnel has nothing to ask on."""
        owner = managed.facts.attachment.owner
        for each in (managed, self._tunnel_index.get(owner.id) if owner else None):
            if each is not None:
                each.hasten()
                self._work_queue.mark(each.id)

    def set_error(self, router: Router, source: ErrorSource, words: str | None) -> None:
        """What is wrong with `router`, as its supervisor has found; None: nothing any more."""
        self._statuses.router = router
        self._statuses.set_error(source, words)

    def _set(self, tunnel_id: str, tunnel: Tunnel | None) -> None:
        try:
            self._arrange(tunnel_id, tunnel)
        except Exception as error:  # it is this tunnel's, whatever it is
            log.exception("tunnel_not_taken_in", tunnel=tunnel_id)
            managed = self._tunnel_index.get_or_add(tunnel_id)
            managed.failed(in_words(error), time.monotonic())
        self._work_queue.mark(tunnel_id)

    def _arrange(self, tunnel_id: str, tunnel: Tunnel | None) -> None:
        place = self._book.place(tunnel_id, tunnel)
        managed = self._tunnel_index.want(tunnel_id, tunnel, place, self._router)
        if tunnel is not None:
            self._meters.want(tunnel_id, tunnel.revision)
            self._statuses.tell_interrupted(managed)

    def _readdress(self, tunnel_id: str) -> None:
        """The name of the tunnel's peer tells something new."""
        managed = self._tunnel_index.get(tunnel_id)
        if managed is not None:
            self._set(tunnel_id, managed.facts.wanted.asked)

    # Life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. charon and its tunnels go on afterwards."""
        backoff = Backoff(_FIRST_RETRY, _LAST_RETRY)
        while True:
            began = time.monotonic()
            try:
                await self._serve()
            except* (GatewayError, ViciError, TimeoutError, OSError) as errors:
                self._statuses.serving = False
                self._interrupted(tuple(leaves(errors)))
            finally:
                self._statuses.serving, self._control, self._network = False, None, None
            if time.monotonic() - began > _LAST_RETRY:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    async def destroy(self) -> None:
        """End charon and with it every tunnel, in good order. `run` must have ended."""
        self._meters.close()
        await self._charon.stop()

    async def _losses(self) -> Mapping[int, int]:
        if self._backend is not Backend.NETLINK:
            return NONE_LOST
        try:
            return await netlink.within(namespace_name(self._router.id), inbound_losses)
        except OSError:
            return NONE_LOST  # of no consequence but for a plot

    def _interrupted(self, errors: Sequence[BaseException]) -> None:
        words = "; ".join(dict.fromkeys(str(error) or _SILENT for error in errors))
        log.warning("router_interrupted", router=self._router.id, error=words)
        if not all(isinstance(error, GatewayError) for error in errors):
            self._statuses.listed = False  # charon itself has gone, or does not answer
            self._meters.lost()
        self._statuses.set_error(ErrorSource.SERVICE, words)

    async def _serve(self) -> None:
        adopted = False
        try:
            adopted = await self._charon.ensure()
        finally:
            self._statuses.listed &= adopted
        log.info("charon_ready", router=self._router.id, adopted=adopted)
        self._meters.started(adopted=adopted)
        async with (
            await Session.open(self._charon.socket) as commands,
            await Session.open(self._charon.socket) as events,
        ):
            reader = SaReader(ViciClient(commands))
            async with asyncio.timeout(_ADOPTION):
                await events.subscribe(*EVENTS)
                await self._adopt(reader)
            network = NetworkSide(self._dataplane, lambda: (self._router, self._tunnel_index.nets))
            await network.in_step()
            self._control, self._network = reader.control, network
            for tunnel_id in (*(managed.id for managed in self._tunnel_index), *self._found):
                self._work_queue.mark(tunnel_id)
            self._statuses.serves()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._book.run())
                group.create_task(self._listener.run(events, reader.control.saw))
                group.create_task(self._sampler.run(self._charon.socket))
                group.create_task(self._charon.keep_log_small())
                group.create_task(heartbeat.watch(self._charon.socket))
                group.create_task(network.run())
                group.create_task(self._passes.run(reader, network, may_add=lambda: self._complete))

    async def _adopt(self, reader: SaReader) -> None:
        """Take in what charon has."""
        self._found = await reader.control.read_loaded()
        for managed, seen in (await reader.what_can_be_read(tuple(self._tunnel_index))).items():
            managed.adopt(seen.actual)
        self._statuses.listed = True
        self._tunnel_index.adopt(reader.control.configured)
        if self._addresses is not None:
            self.addresses_are(self._addresses)
