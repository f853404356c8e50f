"""Holds the first packets of a new outbound SA back until an IKEv1 peer has installed it.

An IKEv1 peer computes its keys and installs its SAs when Quick Mode's third message has come
(RFC 2409 section 5.5); charon sends on its side's new SA from the moment that it writes that
message. What overtakes the peer's arithmetic is lost, a few packets of each update. Here such
packets take a detour through a TUN device of the agent's, which lets them go after a moment,
in their order (docs/decisions/027-first-packets-wait.md).

`rules` says which packets, `waiting` for how long, `detour` carries them.
"""
