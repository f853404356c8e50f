"""One charon: started in its router's namespace, adopted again, ended; nothing of tunnels.

Rules this module keeps:
- A charon outlives the agent: it runs in a session of its own and is nobody's child, so the
  agent never waits for it and never takes it along.
- Who answers on the socket is asked of the kernel (SO_PEERCRED), never of a pid file; it is
  adopted only if it is charon, in the right namespace, and answers VICI. One of another binary
  (`[agent] charon` has changed) is adopted like any: its tunnels go on until it ends.
- It gets of our environment what a program needs, and its configuration's path: nothing of what
  systemd and our caller say to us, and no secret.
- One that runs and does not answer (stopped, hanging, its socket removed) may come back with all
  its SAs, and the kernel's carry traffic meanwhile: it is replaced only when that lasts
  (`PATIENCE`), and later while it is at work.
- Signals and the waiting for an end go through a pidfd.
- A start begins on clean ground: no other charon in the namespace, no socket, no TUN, and with
  the kernel's IPsec no SAs and policies that nobody knows any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import structlog

from landbridge import environment
from landbridge.agent.charon import priority
from landbridge.agent.charon.settings import strongswan_conf
from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.commands import run
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dataplane.names import TUNNEL_DEVICE
from landbridge.agent.errors import GatewayError
from landbridge.vici import Session, ViciError

BINARY: Final = Path("/usr/sbin/charon-systemd")
START_TIMEOUT: Final = 10.0  # seconds; 12-27 ms on an idle machine
STOP_TIMEOUT: Final = 5.0
ANSWER_TIMEOUT: Final = 5.0
LOG_LIMIT: Final = 20_000_000  # bytes
LOG_LOOK: Final = 60.0  # seconds
#: Seconds. With the kernel's ESP traffic goes on meanwhile, and a new charon ends it; peers that
#: probe find this one dead a little later. With its own nothing flows.
PATIENCE: Final = {Backend.NETLINK: 60.0, Backend.LIBIPSEC: 30.0}
WORKING: Final = 4  # times as long, for one that computes
BUSY_SHARE: Final = 0.2  # of one processor
PROC: Final = Path("/proc")
_MARK: Final = "STRONGSWAN_CONF"  # charon keeps it in its environment
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid

log = structlog.get_logger(__name__)


class Mute(NamedTuple):
    """A charon that does not answer: since when (monotonic), and how long it had computed then."""

    pid: int
    since: float
    computed: float

    def is_lost(self, now: float, computed: float, patience: float) -> bool:
        """Pure: whether it is to be replaced. Times in seconds."""
        silent = now - self.since
        works = computed - self.computed > BUSY_SHARE * silent
        return silent >= (patience * WORKING if works else patience)


class Charon:
    """`directory` is the router's own; it holds strongswan.conf, charon.log and the socket.
    `niced`: it runs before ordinary work (`landbridge.agent.charon.priority`). `patience`: seconds
    that it may run without answering; None: as usual."""

    def __init__(
        self,
        directory: Path,
        namespace: str,
        backend: Backend,
        binary: Path = BINARY,
        *,
        niced: bool = True,
        patience: float | None = None,
    ) -> None:
        self._patience = PATIENCE[backend] if patience is None else patience
        self._mute: Mute | None = None
        self._binary = binary
        self._niced = niced
        self._directory = directory.absolute()
        self._namespace = namespace
        self._backend = backend

    @property
    def socket(self) -> str:
        return str(self._directory / "vici")

    @property
    def _conf(self) -> Path:
        return self._directory / "strongswan.conf"

    @property
    def log(self) -> Path:
        return self._directory / "charon.log"

    def pid(self) -> int | None:
        """The process that listens on the socket, if it is our charon."""
        pid = _listener(self.socket)
        return pid if pid is not None and self._is_ours(pid) else None

    async def ensure(self) -> bool:
        """A charon runs and answers. True: it ran before (adopted), with all its SAs.

        Raises:
            GatewayError: it does not start, and the message has its last words; or it runs and does
                not answer.
        """
        if await self._answers():
            self._mute = None
            if self._niced and (pid := self.pid()) is not None:
                priority.raise_of(pid)  # one that was started when that was not permitted
            return True
        self._bear_with(await self._running())
        await self._clean_up()
        await self._start()
        return False

    async def keep_log_small(self) -> NoReturn:
        """Looks at the log every `LOG_LOOK` seconds. One that grows on ends no tunnel."""
        while True:
            try:
                await self.trim_log()
            except GatewayError as error:
                log.warning("log not turned over", file=str(self.log), reason=str(error))
            await asyncio.sleep(LOG_LOOK)

    async def trim_log(self) -> None:
        """Begin a new log when this one has grown to `LOG_LIMIT`; the last one is kept.

        Raises:
            GatewayError: charon does not answer.
        """
        try:
            if self.log.stat().st_size < LOG_LIMIT:
                return
            self.log.replace(self.log.with_suffix(".log.1"))
            async with await Session.open(self.socket, timeout=ANSWER_TIMEOUT) as session:
                await session.request("reload-settings")  # charon opens its files anew
        except FileNotFoundError:
            return
        except (OSError, ViciError) as error:
            raise GatewayError(f"charon's log cannot be turned over: {error}") from error

    async def stop(self) -> None:
        """End it in good order (it tells its peers), or by force after `STOP_TIMEOUT`; also one
        whose namespace is gone."""
        for pid in await self._running():
            await _end(pid, signal.SIGTERM)
        await self._clean_up()

    def _bear_with(self, running: Iterable[int]) -> None:
        """Raises: GatewayError: one of ours runs, and is to be left alone for now."""
        ours = [pid for pid in running if self._is_ours(pid)]
        if not ours:
            self._mute = None
            return
        pid, now = ours[0], time.monotonic()
        if self._mute is None or self._mute.pid != pid:
            self._mute = Mute(pid, now, _computed(pid))
        if self._mute.is_lost(now, _computed(pid), self._patience):
            log.warning("charon does not answer, replaced", pid=pid, after=now - self._mute.since)
            self._mute = None
            return
        raise GatewayError(
            f"charon (process {pid}) runs but does not answer: it is given {self._patience:g} "
            "seconds, then a new one is started and the tunnels are set up anew"
        )

    async def _answers(self) -> bool:
        if self.pid() is None:
            return False
        try:
            async with (
                asyncio.timeout(ANSWER_TIMEOUT),
                await Session.open(self.socket, timeout=ANSWER_TIMEOUT) as session,
            ):
                await session.request("version")
        except (ViciError, TimeoutError):
            return False
        return True

    async def _start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._conf.write_text(strongswan_conf(self._directory, self._backend))
        said = self._directory / "charon.out"
        with said.open("wb") as output:
            # setsid --fork: the parent leaves at once, so that charon is nobody's child.
            launcher = await asyncio.create_subprocess_exec(
                *("setsid", "--fork", *(priority.launcher() if self._niced else ())),
                *("ip", "netns", "exec", self._namespace, str(self._binary)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment.of_program({_MARK: str(self._conf)}),
            )
            await launcher.wait()
        try:
            async with await Session.open(self.socket, timeout=START_TIMEOUT):
                pass
        except ViciError as error:
            words = said.read_text(errors="replace").strip()[-500:]
            raise GatewayError(f"charon did not start: {words or error}") from error

    async def _clean_up(self) -> None:
        for pid in await self._running():
            await _end(pid, signal.SIGKILL)
        self._unlink_socket()
        if not netlink.exists(self._namespace):
            return
        with contextlib.suppress(GatewayError):  # usually there is none
            await run("ip", "-n", self._namespace, "link", "delete", TUNNEL_DEVICE)
        if self._backend is Backend.NETLINK:
            await run("ip", "-n", self._namespace, "xfrm", "state", "flush")
            await run("ip", "-n", self._namespace, "xfrm", "policy", "flush")

    def _unlink_socket(self) -> None:
        Path(self.socket).unlink(missing_ok=True)

    async def _running(self) -> list[int]:
        """Every charon in the namespace, and every one of ours wherever it is: one whose
        namespace was deleted under it goes on in there, out of everybody's reach."""
        there: Iterable[int] = ()
        if netlink.exists(self._namespace):
            there = map(int, (await run("ip", "netns", "pids", self._namespace)).split())
        everywhere = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
        return [
            *(pid for pid in there if _binary(pid) in (str(BINARY), _real(self._binary))),
            *(pid for pid in everywhere if self._is_marked(pid)),
        ]

    def _is_ours(self, pid: int) -> bool:
        try:
            inode = (PROC / str(pid) / "ns/net").stat().st_ino
            return self._is_marked(pid) and inode == os.stat(f"/run/netns/{self._namespace}").st_ino
        except OSError:
            return False

    def _is_marked(self, pid: int) -> bool:
        """Whether it was started with the configuration in our directory."""
        try:
            variables = (PROC / str(pid) / "environ").read_bytes()
        except OSError:  # it has ended
            return False
        return f"{_MARK}={self._conf}".encode() in variables.split(b"\0")


def _computed(pid: int) -> float:
    """Seconds of processor time that it has had."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    user, system = fields[11:13]  # proc(5): utime and stime, counted from the state
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _binary(pid: int) -> str:
    """One that was upgraded meanwhile shows as "... (deleted)"."""
    try:
        return os.readlink(PROC / str(pid) / "exe").removesuffix(" (deleted)")
    except OSError:
        return ""


def _real(path: Path) -> str:
    return str(path.resolve())


def _listener(path: str) -> int | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.connect(path)
        except OSError:
            return None
        found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid: int = _CREDENTIALS.unpack(found)[0]
        return pid


async def _end(pid: int, number: signal.Signals) -> None:
    with _pidfd(pid) as handle:
        if handle is None:
            return
        signal.pidfd_send_signal(handle, number)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await _gone(handle)
        except TimeoutError:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            await _gone(handle)


@contextlib.contextmanager
def _pidfd(pid: int) -> Iterator[int | None]:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        with contextlib.suppress(ProcessLookupError):
            yield handle
    finally:
        os.close(handle)


async def _gone(handle: int) -> None:
    """A pidfd becomes readable when its process ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
