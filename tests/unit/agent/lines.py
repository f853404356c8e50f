"""Lines of charon's log, of one tunnel's IKE_SA."""

from __future__ import annotations

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.vici import Event
from tests.unit.agent.tunnels import tunnel

NAME = target(tunnel(), Backend.LIBIPSEC).name


def line(text: str, name: str = NAME, unique_id: str = "1", group: str = "IKE") -> Event:
    return Event(
        "log", {"group": group, "ikesa-name": name, "ikesa-uniqueid": unique_id, "msg": text}
    )
