"""Which roles a new token may have, and which of them bring others.

Rules this module keeps:
- A role is one that the policy asks for: a token with another one would be good for nothing.
- A gateway's role comes with a gateway's credential only (``landbridge gateway add``).
- Pure functions.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Final

from landbridge.auth.caller import AGENT_ROLE

IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {
    "admin": ("member", "reader"),
    "member": ("reader",),
}


class UnknownRole(Exception):
    """No rule asks for the role. The text says which ones there are."""


def known(asked_for: Collection[str]) -> frozenset[str]:
    """The roles that there are. `asked_for`: by the rules in force."""
    return (frozenset(asked_for) | {*IMPLIED, "reader"}) - {AGENT_ROLE}


def held(given: Collection[str], known: Collection[str]) -> frozenset[str]:
    """The roles, with those that they bring. As the policy has them: it knows no capitals.

    Raises: UnknownRole.
    """
    roles = [role.lower() for role in given]
    for role in roles:
        if role not in known:
            near = difflib.get_close_matches(role, known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise UnknownRole(
                f"no rule of the policy asks for the role {role!r}{hint}; the roles that it knows "
                f"are {', '.join(sorted(known))}"
            )
    return frozenset(role for each in roles for role in (each, *IMPLIED.get(each, ())))
