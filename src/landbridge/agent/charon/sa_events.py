"""What charon's events tell of a tunnel's SAs; pure.

Rules this module keeps:
- Rekeyings and moves of an established peer are told to people. That SAs come and go is not: it
  shows in the tunnel's state, which is read by what is told here of CHILD_SAs that have ended
  (`landbridge.agent.tunnels.presence`).
- The words are for a person and name what is new: SPIs, addresses.
"""

from __future__ import annotations

from landbridge.agent.tunnels.listed import NOTHING, ListedIke, sections
from landbridge.agent.tunnels.observed import ESTABLISHED
from landbridge.agent.tunnels.presence import Ends
from landbridge.model.fields import Model
from landbridge.model.status import TunnelEventKind
from landbridge.vici import Event, Message


class SaEvent(Model, frozen=True, kw_only=True):
    kind: TunnelEventKind
    message: str


def sa_event(event: Event) -> SaEvent | None:
    """None: nothing of the kind."""
    ike = next((each for _, each in sections(event.message)), None)
    if ike is None:
        return None
    match event.name:
        case "child-rekey":
            return _child_rekeyed(ike)
        case "ike-rekey":
            return _ike_rekeyed(ike.new)
        case "ike-update":
            return _moved(event.message, ike)
        case _:
            return None


def ends(event: Event) -> Ends:
    """Which CHILD_SAs have ended, or are replaced."""
    ike = next((each for _, each in sections(event.message)), NOTHING)
    children = ike.child_sas.values()
    match event.name:
        case "child-updown" if event.message.get("up") != "yes":
            return Ends(ended=frozenset(each.uniqueid for each in children))
        case "child-rekey":
            pairs = ((each.old, each.new) for each in children)
            return Ends(heirs={old.uniqueid: new.uniqueid for old, new in pairs if old and new})
        case _:
            return Ends()


def replaced_ike(event: Event) -> tuple[int, int] | None:
    """The unique ids of an IKE_SA that was rekeyed and of its heir."""
    if event.name != "ike-rekey":
        return None
    ike = next((each for _, each in sections(event.message)), NOTHING)
    return (ike.old.uniqueid, ike.new.uniqueid) if ike.old and ike.new else None


def _child_rekeyed(ike: ListedIke) -> SaEvent | None:
    for child in ike.child_sas.values():
        if (new := child.new) is not None:
            words = f"new SPIs in {new.spi_in}, out {new.spi_out}"
            between = f"{', '.join(new.local_ts)} === {', '.join(new.remote_ts)}"
            return SaEvent(
                kind=TunnelEventKind.REKEYED,
                message=f"CHILD_SA {between} rekeyed, {words}.",
            )
    return None


def _ike_rekeyed(new: ListedIke | None) -> SaEvent | None:
    if new is None:
        return None
    spis = f"{new.initiator_spi}_i {new.responder_spi}_r"
    return SaEvent(
        kind=TunnelEventKind.REKEYED,
        message=f"IKE_SA with {new.remote_host} rekeyed, new SPIs {spis}.",
    )


def _moved(message: Message, ike: ListedIke) -> SaEvent | None:
    """The section has the addresses of before, the message those of now."""
    before = f"{ike.remote_host}[{ike.remote_port}]"
    now = f"{message.get('remote-host', '')}[{message.get('remote-port', '')}]"
    if ike.state != ESTABLISHED or before == now:
        return None
    return SaEvent(
        kind=TunnelEventKind.PEER_MOVED,
        message=f"The peer has moved from {before} to {now}.",
    )
