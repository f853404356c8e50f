"""VICI, strongSwan's control protocol, on its own: nothing of landbridge is needed here.

- `message`: the encoding of a message's sections, keys and lists (pure).
- `protocol`: packets and who answers what, without I/O (pure).
- `session`: the two over an asyncio Unix socket.
"""
