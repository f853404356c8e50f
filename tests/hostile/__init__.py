"""Attacks: what a hostile tenant, a stranger or bad luck tries, and what must then still be so.

Every file is one kind of attack, as a table or a property, through the doors that the attacker has:
mostly HTTP to a server that runs as a process of its own, on loopback. Attacks are bounded in time
and size. Compared is what the others have: their lists, what their gateway runs, their answers.
"""
