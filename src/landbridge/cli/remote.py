"""The API, for the commands that are its clients like any other.

Rules this module keeps:
- The public API and a token; no database, and nothing is made on this host.
- What goes wrong is one line with what to do, and has its kind of exit code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landbridge.cli.exits import Exit, Failed

if TYPE_CHECKING:
    from landbridge.client import Api
    from landbridge.config.settings import Settings


@contextmanager
def connected(
    *,
    url: str | None,
    ca_file: Path | None,
    token_file: Path | None,
    state_dir: str | None,
    config: str | None,
) -> Iterator[Api]:
    """The API that the options name. Raises: ConfigError, Failed, ClientError."""
    from landbridge.config.load import load

    settings = load(config, state_dir=state_dir)
    token = read_token(token_file, settings.state_dir)
    with closing(_api(settings, url, ca_file, token)) as api:
        yield api


def _api(settings: Settings, url: str | None, ca_file: Path | None, token: str) -> Api:
    """That of this host's agent, unless `url` names one. The authorities of `ca_file` are believed,
    else those of the configuration, else the system's. Raises: ClientError."""
    from landbridge.client import Api
    from landbridge.servertrust import Trust

    trust = settings.agent.trust
    if ca_file is not None:
        trust = Trust(ca_file=ca_file)
    elif url is not None:
        trust = Trust(ca_file=trust.ca_file)
    return Api(url or settings.agent.server_url, token, patience=0, trust=trust)


def read_token(given: Path | None, state_dir: Path) -> str:
    """Of the file that was given, which may be a pipe, or of the state directory's, in which the
    API's user writes, too. Raises: Failed."""
    from landbridge.trustedfile import read_short

    hint = "name a file with --token-file, or the API's state directory with --state-dir"
    path = given or state_dir / "admin-token"
    try:
        text = given.read_text("ascii").strip() if given else read_short(path)
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise Failed(Exit.NO_ACCESS, f"cannot read {path}: {error.strerror}; {hint}") from None
    if not (text and text.isascii() and text.isprintable()):
        raise Failed(Exit.NO_ACCESS, f"there is no token in {path}; {hint}")
    return text


def find(api: Api, kind: str, name_or_id: str) -> dict[str, Any]:
    """The one object of that id or name. Raises: Failed, ClientError."""
    found = api.list(kind, id=name_or_id) or api.list(kind, name=name_or_id)
    if not found:
        raise Failed(Exit.NOT_FOUND, f"{kind} {name_or_id!r}: there is none")
    if len(found) > 1:
        ids = ", ".join(str(each["id"]) for each in found)
        raise Failed(
            Exit.REFUSED,
            f"{kind} {name_or_id!r}: more than one has that name; give its id: {ids}",
        )
    return found[0]
