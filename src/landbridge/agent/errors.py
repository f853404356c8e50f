"""The errors that cross the agent's seams (netlink, nft, VICI, processes).

Rules this module keeps:
- Foreign exceptions are translated where they come in; above that only `GatewayError` is seen.
- The message tells the person what failed and what to do. It never holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterator


class GatewayError(Exception):
    """The gateway host or its charon refused or failed; tried again with backoff."""


class StepRefused(GatewayError):
    """charon serves, but refuses what one tunnel needs."""


class Unsupported(Exception):
    """The configuration asks for what strongSwan or this gateway cannot do; terminal."""


def in_words(error: Exception) -> str:
    """For users; what was not foreseen may have said anything, a secret as well."""
    if isinstance(error, GatewayError | Unsupported):
        return str(error)
    causes = leaves(error) if isinstance(error, BaseExceptionGroup) else (error,)
    names = ", ".join(dict.fromkeys(type(cause).__name__ for cause in causes))
    return f"the agent failed unexpectedly ({names}); its log has the details"


def leaves(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The errors of a group and of the groups in it, one by one."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
