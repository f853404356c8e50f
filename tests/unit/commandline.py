"""Commands of `landbridge` in this process, and tokens in the database of a state directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from landbridge.auth import local_tokens
from landbridge.cli.main import cli
from landbridge.store.database import Database

OURS = "LANDBRIDGE_"


def run(*arguments: str | Path, **environment: str) -> Result:
    """`make test` has a state directory in its environment; here there is what a test gives."""
    outer: dict[str, str | None] = {name: None for name in os.environ if name.startswith(OURS)}
    return CliRunner(env=outer | environment).invoke(
        cli, [str(argument) for argument in arguments], prog_name="landbridge"
    )


def write(state: Path, work: Callable[..., Any]) -> Any:
    db = Database.open(f"sqlite:///{state / 'landbridge.db'}")
    try:
        return db.write_sync(work)
    finally:
        db.close()


def add(state: Path, name: str, expires_at: int | None = None) -> str:
    made = partial(
        local_tokens.add, secret=local_tokens.new_secret(), name=name, project_id="p",
        roles=("member", "reader"), expires_at=expires_at,
    )  # fmt: skip
    return str(write(state, made).id)
