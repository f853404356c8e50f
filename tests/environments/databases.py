"""Fresh databases of either kind, the schema made once and copied from then on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final, Literal, get_args

from landbridge.store import migrations
from tests.environments.postgresql import Cluster, cluster

Kind = Literal["sqlite", "postgresql"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class Databases:
    """Hands out databases; the cluster starts when the first one of its kind is asked for."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._numbers = count(1)
        self._cluster: Cluster | None = None
        self._template: dict[Kind, str] = {}

    @contextmanager
    def fresh(self, kind: Kind) -> Iterator[str]:
        """The URL of a database with an up-to-date schema and no rows."""
        if kind not in self._template:
            self._template[kind] = self._make(kind)
            migrations.upgrade(self._url(kind, self._template[kind]))
        yield from self._lend(kind, self._make(kind, copy_of=self._template[kind]))

    @contextmanager
    def empty(self, kind: Kind) -> Iterator[str]:
        """The URL of a database without any table."""
        yield from self._lend(kind, self._make(kind))

    def _lend(self, kind: Kind, name: str) -> Iterator[str]:
        try:
            yield self._url(kind, name)
        finally:
            if kind == "postgresql":
                self.cluster.drop(name)

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = self._stack.enter_context(cluster())
        return self._cluster

    def _make(self, kind: Kind, copy_of: str | None = None) -> str:
        if kind == "postgresql":
            return self.cluster.create(template=copy_of or "template0")
        name = str(self._directory / f"{next(self._numbers)}.db")
        if copy_of:
            shutil.copyfile(copy_of, name)
        return name

    def _url(self, kind: Kind, name: str) -> str:
        return self.cluster.url(name) if kind == "postgresql" else f"sqlite:///{name}"


@contextmanager
def databases(directory: Path) -> Iterator[Databases]:
    with ExitStack() as stack:
        yield Databases(directory, stack)
