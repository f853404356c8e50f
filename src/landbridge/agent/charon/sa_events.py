"""What happens to a tunnel without changing its state, read from charon's events; pure.

Rules this module keeps:
- Rekeyings and moves of an established peer are told; that SAs come and go is not, it shows in
  the tunnel's state.
- The words are for a person and name what is new: SPIs, addresses.
"""

from __future__ import annotations

from landbridge.agent.tunnels.observed import ESTABLISHED
from landbridge.model.objects import Model, TunnelEventKind
from landbridge.vici import Event, Message


class Happening(Model, frozen=True, kw_only=True):
    kind: TunnelEventKind
    message: str


def happening(event: Event) -> Happening | None:
    """None: nothing of the kind."""
    section = _ike_section(event.message)
    match event.name:
        case "child-rekey":
            return _child_rekeyed(section)
        case "ike-rekey":
            return _ike_rekeyed(_section(section, "new"))
        case "ike-update":
            return _moved(event.message, section)
        case _:
            return None


def _child_rekeyed(section: Message) -> Happening | None:
    for child in _section(section, "child-sas").values():
        new = _section(child, "new") if isinstance(child, dict) else {}
        if new:
            words = f"new SPIs in {_text(new, 'spi-in')}, out {_text(new, 'spi-out')}"
            between = f"{_list(new, 'local-ts')} === {_list(new, 'remote-ts')}"
            return Happening(
                kind=TunnelEventKind.REKEYED,
                message=f"CHILD_SA {between} rekeyed, {words}.",
            )
    return None


def _ike_rekeyed(new: Message) -> Happening | None:
    if not new:
        return None
    spis = f"{_text(new, 'initiator-spi')}_i {_text(new, 'responder-spi')}_r"
    return Happening(
        kind=TunnelEventKind.REKEYED,
        message=f"IKE_SA with {_text(new, 'remote-host')} rekeyed, new SPIs {spis}.",
    )


def _moved(message: Message, section: Message) -> Happening | None:
    """The section has the addresses of before, the message those of now."""
    before, now = _endpoint(section), _endpoint(message)
    if _text(section, "state") != ESTABLISHED or before == now:
        return None
    return Happening(
        kind=TunnelEventKind.PEER_MOVED,
        message=f"The peer has moved from {before} to {now}.",
    )


def _endpoint(section: Message) -> str:
    return f"{_text(section, 'remote-host')}[{_text(section, 'remote-port')}]"


def _ike_section(message: Message) -> Message:
    return next((each for each in message.values() if isinstance(each, dict)), {})


def _section(message: Message, key: str) -> Message:
    value = message.get(key)
    return value if isinstance(value, dict) else {}


def _text(section: Message, key: str) -> str:
    value = section.get(key, "")
    return value if isinstance(value, str) else ""


def _list(section: Message, key: str) -> str:
    value = section.get(key, ())
    return ", ".join(value) if isinstance(value, list) else ""
