"""VICI, strongSwan's control protocol, on its own: nothing of landbridge is needed here.

- `message`: the encoding of a message's sections, keys and lists (pure).
- `protocol`: packets and who answers what, without I/O (pure).
- `link`, `session`: the two over an asyncio Unix socket.
"""

from landbridge.vici.errors import CommandFailed, Disconnected, ProtocolError, ViciError
from landbridge.vici.message import Message, Value, decode, encode
from landbridge.vici.protocol import Event
from landbridge.vici.session import Session

__all__ = [
    "CommandFailed",
    "Disconnected",
    "Event",
    "Message",
    "ProtocolError",
    "Session",
    "Value",
    "ViciError",
    "decode",
    "encode",
]
