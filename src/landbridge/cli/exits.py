"""Exit codes: one for each kind of end, the same for every command.

Rules this module keeps:
- `LATER` and `MEND` are also what `landbridge serve` and systemd go by: a child that ends with
  `MEND` is not started again.
- An error is known by the name of its class: what a command has not imported cannot be raised, and
  is not imported to find out.
- What is not in the tables is a fault of landbridge's, and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import click


class Exit(IntEnum):
    DONE = 0
    LATER = 1
    MEND = 2
    NOT_FOUND = 3
    NOT_WELL = 4
    AWAY = 5
    NO_ACCESS = 6
    REFUSED = 7


#: As docs/cli.md prints them.
MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.DONE: "It is done; `doctor`: the connection is ACTIVE and nothing wrong was found.",
    Exit.LATER: "Not possible now, and it may mend itself: the database does not answer, a disk is "
    "full. Also every error that landbridge did not expect (with a traceback).",
    Exit.MEND: "To be mended by a person before it is tried again: a wrong command line, a wrong "
    "configuration, something that this host lacks.",
    Exit.NOT_FOUND: "There is none of that name or id; or no database where it was looked for.",
    Exit.NOT_WELL: "`doctor`: the connection is not ACTIVE, or something is wrong with it.",
    Exit.AWAY: "The API does not answer, or answers that it cannot now (408, 429, 5xx).",
    Exit.NO_ACCESS: "There is no token, or the API refuses it (401) or what it may do (403).",
    Exit.REFUSED: "Refused as it is: by the API (400, 409, 412 ...), or because a name is taken, "
    "or fits more than one.",
}

#: Classes of errors that a person can do something about; the most derived one counts.
_BY_CLASS: Final[Mapping[str, Exit]] = {
    "landbridge.auth.policy_file.PolicyFileError": Exit.MEND,
    "landbridge.cli.preflight.NotReady": Exit.MEND,
    "landbridge.cli.preflight.TryLater": Exit.LATER,
    "landbridge.client.ClientError": Exit.AWAY,
    "landbridge.config.file.ConfigError": Exit.MEND,
    "landbridge.errors.ApiError": Exit.MEND,
    "landbridge.errors.ServiceUnavailable": Exit.LATER,
    "landbridge.store.database.DatabaseUrlError": Exit.MEND,
    "landbridge.store.keyfile.KeyFileError": Exit.MEND,
}
_BY_STATUS: Final[Mapping[int, Exit]] = {
    401: Exit.NO_ACCESS,
    403: Exit.NO_ACCESS,
    404: Exit.NOT_FOUND,
    408: Exit.AWAY,
    429: Exit.AWAY,
}
_OURS: Final = 500  # from this status on the request is not to blame


class Failed(click.ClickException):
    """Ends the command with a line for each thing that is wrong, on stderr."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click asks the instance

    def show(self, file: Any = None) -> None:
        for line in self.format_message().splitlines():
            click.echo(f"landbridge: {line}", err=True)


def failure(error: BaseException) -> Failed | None:
    """What an error ends a command with; None: it was not expected."""
    names = [f"{each.__module__}.{each.__qualname__}" for each in type(error).__mro__]
    if "landbridge.client.ApiError" in names:
        return Failed(of_status(getattr(error, "status", 0)), str(error))
    code = next((_BY_CLASS[name] for name in names if name in _BY_CLASS), None)
    return None if code is None else Failed(code, str(error))


def of_status(status: int) -> Exit:
    """Of an HTTP status that is an error."""
    return _BY_STATUS.get(status, Exit.AWAY if status >= _OURS else Exit.REFUSED)
