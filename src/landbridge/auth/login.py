"""What somebody types to sign in with a password."""

from __future__ import annotations

from typing import Final

import msgspec

DOMAIN: Final = "Default"


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed. A domain that is empty: ``Default``."""

    user: str
    password: str
    project: str
    user_domain: str = ""
    project_domain: str = ""

    def __repr__(self) -> str:
        return f"Login(user={self.user!r})"
