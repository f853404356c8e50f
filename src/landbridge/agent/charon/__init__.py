"""charon, strongSwan's daemon: its process, its configuration, what it is asked and what it says.

Nothing here knows which tunnels are desired.
"""
