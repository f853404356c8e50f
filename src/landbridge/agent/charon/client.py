"""Takes steps in one charon, and lists what it has: VICI commands and nothing else.

Rules this module keeps:
- No command waits for a peer (``timeout = -1``): outcomes are read from charon later.
- What is loaded is remembered with its digest, per tunnel; after an adoption names are known
  but digests are not, so everything is loaded again, which touches no SA.
- A command whose object is gone already has done its work.
- The PSK passes through here into charon's memory and is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from landbridge.agent.charon.connection_config import secret
from landbridge.agent.charon.reqids import Reqids
from landbridge.agent.errors import GatewayError, StepRefused
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Settings, Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.naming import ConfigName
from landbridge.agent.tunnels.observed import Actual, IkeSa, actual, by_tunnel, ike_sas
from landbridge.agent.tunnels.steps import Step
from landbridge.model.tunnel import Tunnel
from landbridge.vici import CommandFailed, Message, ProtocolError, Session

log = structlog.get_logger(__name__)

Command = tuple[str, Settings]
_NOT_WAITING: Final = "-1"
_UNKNOWN: Final = ""  # the digest of what an earlier agent loaded


class ViciClient:
    """One charon by way of `session`; used by one task."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connections: dict[str, dict[str, str]] = {}
        self._secrets: dict[str, set[str]] = {}
        self._names: dict[str, set[str]] = {}  # every name that an SA of the tunnel may have
        self._served: dict[str, frozenset[str]] = {}  # names that belong to another tunnel
        self._reqids = Reqids()

    async def read_loaded(self) -> frozenset[str]:
        """The ids of all tunnels that this charon has anything of."""
        for name in _strings(await self._session.request("get-conns"), "conns"):
            if parsed := ConfigName.parse(name):
                self._connections.setdefault(parsed.tunnel_id, {})[name] = _UNKNOWN
        for secret_id in _strings(await self._session.request("get-shared"), "keys"):
            self._secrets.setdefault(secret_id.partition(".")[0], set()).add(secret_id)
        for message in await self._session.collect("list-sas", "list-sa"):
            self._took_in(message)
        return frozenset((*self._connections, *self._secrets, *self._names))

    def _took_in(self, message: Message) -> None:
        """One entry of a list. Whose it is, is known also where it cannot be read."""
        try:
            for sa in ike_sas([message]):
                self.saw(sa)
        except Exception:
            log.exception("list_entry_not_read")
            for name in message:
                if parsed := ConfigName.parse(name):
                    self._names.setdefault(parsed.tunnel_id, set()).add(name)

    def saw(self, sa: IkeSa) -> None:
        self._reqids.saw(sa.children)
        for tunnel_id in {sa.tunnel_id, *(child.tunnel_id for child in sa.children)} - {""}:
            self._names.setdefault(tunnel_id, set()).add(sa.name)

    @property
    def configured(self) -> frozenset[str]:
        """The ids of all tunnels that this charon has a configuration of."""
        return frozenset(tunnel_id for tunnel_id, held in self._connections.items() if held)

    def serve(self, tunnel_id: str, *names: str) -> None:
        """IKE_SAs of these names serve the tunnel, though they are another one's."""
        self._served[tunnel_id] = frozenset(names)

    def loaded(self, tunnel_id: str) -> Loaded:
        owners = {name.partition(".")[0] for name in self._served.get(tunnel_id, ())}
        return Loaded(
            connections=dict(self._connections.get(tunnel_id, {})),
            owner={k: v for owner in owners for k, v in self._connections.get(owner, {}).items()},
            secrets=frozenset(self._secrets.get(tunnel_id, ())),
        )

    async def list_of(self, tunnel_id: str) -> tuple[IkeSa, ...]:
        """The IKE_SAs of one tunnel's configurations, and those that serve it."""
        names = {*self._names.get(tunnel_id, ()), *self._connections.get(tunnel_id, ())}
        names |= self._served.get(tunnel_id, frozenset())
        messages: list[Message] = []
        for name in names:
            messages += await self._session.collect("list-sas", "list-sa", {"ike": name})
        return tuple(ike_sas(messages))

    async def look(self, tunnel_id: str) -> Actual:
        """The SAs of one tunnel; what others have is not listed."""
        known = set(self._names.get(tunnel_id, ()))
        sas = await self.list_of(tunnel_id)
        found = actual(sas, tunnel_id, self._served.get(tunnel_id, frozenset()))
        self._rename(tunnel_id, known, found)
        return found

    async def list_for(self, tunnel_ids: Iterable[str]) -> Mapping[str, Actual]:
        """The SAs of each of these tunnels, out of one list of everything."""
        known = {each: set(self._names.get(each, ())) for each in tunnel_ids}
        serving: dict[str, set[str]] = {}
        for tunnel_id in known:
            for name in self._served.get(tunnel_id, ()):
                serving.setdefault(name, set()).add(tunnel_id)
        found = by_tunnel(ike_sas(await self._session.collect("list-sas", "list-sa")), serving)
        seen = {each: found.get(each, Actual()) for each in known}
        for tunnel_id, names in known.items():
            self._rename(tunnel_id, names, seen[tunnel_id])
        return seen

    def _rename(self, tunnel_id: str, known: set[str], found: Actual) -> None:
        """`found` instead of what was `known`; what was heard of meanwhile stays."""
        heard = self._names.get(tunnel_id, set()) - known
        self._names[tunnel_id] = heard | {sa.name for sa in found.sas}

    def knows(self, tunnel_id: str) -> bool:
        return any(
            (
                self._connections.get(tunnel_id),
                self._secrets.get(tunnel_id),
                self._names.get(tunnel_id),
            )
        )

    def forget(self, tunnel_id: str) -> None:
        self._connections.pop(tunnel_id, None)
        self._secrets.pop(tunnel_id, None)
        self._names.pop(tunnel_id, None)
        self._served.pop(tunnel_id, None)
        self._reqids.forget(tunnel_id)

    async def take(self, step: Step, tunnel: Tunnel | None, target: Target | None) -> None:
        """Raises:
        StepRefused: charon refuses what it should take. Never holds a secret.
        """
        given = self._reqids.fixed(target) if isinstance(step, do.Load) and target else target
        command, message = command_of(step, tunnel, given)
        try:
            await self._session.request(command, message)
        except CommandFailed as error:
            if command not in FORGIVEN:
                raise StepRefused(f"charon refuses {command}: {error.reason}") from error
        except ProtocolError as error:
            raise StepRefused(f"charon cannot be told: {error}") from error
        self._keep(step, target)

    def _keep(self, step: Step, target: Target | None) -> None:
        match step:
            case do.Load(name=name) if target is not None:
                self._connections.setdefault(target.tunnel_id, {})[name] = target.digest
                self._names.setdefault(target.tunnel_id, set()).add(name)
            case do.Unload(name=name):
                tunnel_id = name.partition(".")[0]
                self._connections.get(tunnel_id, {}).pop(name, None)
                self._names.setdefault(tunnel_id, set()).add(name)
            case do.LoadSecret(secret_id=secret_id):
                self._secrets.setdefault(secret_id.partition(".")[0], set()).add(secret_id)
            case do.UnloadSecret(secret_id=secret_id):
                self._secrets.get(secret_id.partition(".")[0], set()).discard(secret_id)
            case _:
                pass


#: Their object may be gone by the time the command arrives.
FORGIVEN: Final = frozenset({"rekey", "terminate", "unload-conn", "unload-shared"})


def command_of(step: Step, tunnel: Tunnel | None, target: Target | None) -> Command:
    """The VICI command of a step; pure."""
    match step:
        case do.LoadSecret() if tunnel is not None:
            return "load-shared", secret(tunnel)
        case do.UnloadSecret(secret_id=secret_id):
            return "unload-shared", {"id": secret_id}
        case do.Load(name=name) if target is not None:
            return "load-conn", {name: target.connection}
        case do.Unload(name=name):
            return "unload-conn", {"name": name}
        case _:
            return _exchange(step)


def _exchange(step: Step) -> Command:
    match step:
        case do.Initiate(name=name, child=child):
            return "initiate", {"ike": name, "child": child, "timeout": _NOT_WAITING}
        case (
            do.RetireIke(unique_id=unique_id, force=force)
            | do.Terminate(unique_id=unique_id, force=force)
        ):
            return "terminate", _ending("ike-id", unique_id, force=force)
        case do.RetireChild(unique_id=unique_id) | do.TerminateChild(unique_id=unique_id):
            return "terminate", _ending("child-id", unique_id, force=False)
        case do.Rekey(unique_id=unique_id):
            return "rekey", {"child-id": str(unique_id)}
        case _:
            raise GatewayError(f"{type(step).__name__} is no step for charon")


def _ending(kind: str, unique_id: int, *, force: bool) -> Settings:
    return {kind: str(unique_id), "timeout": _NOT_WAITING, "force": "yes" if force else "no"}


def _strings(message: Message, key: str) -> list[str]:
    value = message.get(key, [])
    return value if isinstance(value, list) else []
