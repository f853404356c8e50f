"""What an installation of before has when it is upgraded: legs that routers made, and no others;
networks of administrators on the physical network of their name, and no others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, insert, make_url, select
from structlog.testing import capture_logs

from landbridge.store import migrations
from landbridge.store import tables as t
from landbridge.store.database import DRIVERS, dialect

Row = dict[str, Any]

INTERFACE, UPLINK = "network:router_interface", "network:router_gateway"
BEFORE: Final = "0002"

# name: project, shared, external
NETWORKS: Final = {
    "public": ("operators", False, True),
    "office": ("operators", False, False),
    "lobby": ("b", True, False),
    "team": ("mixed", False, False),
    "of-a": ("a", False, False),
    "of-b": ("b", False, False),
    "": ("operators", False, False),
}
ON_THEIR_PHYSICAL_NETWORK: Final = {"public", "office", "lobby"}
TOKENS: Final = (
    ("operators", ["admin", "member", "reader"]),
    ("operators", ["admin"]),
    ("mixed", ["admin"]),
    ("mixed", ["member"]),
    ("a", ["member"]),
)
ROUTERS: Final = {"of-a": "a", "of-b": "b", "of-operators": "operators"}

# port, project, network, router, device_owner: is it a leg?
PORTS: Final[list[tuple[str, str, str, str, str, bool]]] = [
    ("uplink", "", "public", "of-b", UPLINK, True),
    ("inside", "b", "of-b", "of-b", INTERFACE, True),
    ("shared", "b", "lobby", "of-b", INTERFACE, True),
    ("guest on the shared one", "a", "lobby", "of-a", INTERFACE, True),
    ("made by an administrator", "b", "office", "of-b", INTERFACE, True),
    ("operator on his own", "operators", "public", "of-operators", INTERFACE, True),
    ("attack", "a", "of-a", "of-b", INTERFACE, False),
    ("attack as nothing", "a", "of-a", "of-b", "", False),
    ("attack as an uplink", "a", "of-a", "of-b", UPLINK, False),
    ("attack as a machine", "a", "of-a", "of-b", "compute:x", False),
    ("upstream's address", "a", "public", "of-a", INTERFACE, False),
    ("upstream's address as an uplink", "a", "public", "of-a", UPLINK, False),
    ("an uplink elsewhere", "", "of-a", "of-b", UPLINK, False),
]


@pytest.fixture
def upgraded(empty_database_url: str) -> Any:
    """The engine of a database that was filled before and upgraded; what was logged meanwhile."""
    url = empty_database_url
    engine = create_engine(make_url(url).set(drivername=DRIVERS[dialect(url)]))
    with engine.begin() as tx:
        _migrate(tx, BEFORE)
        _fill(tx)
    with capture_logs() as logged:
        migrations.upgrade(url)
    yield engine, logged
    engine.dispose()


def _migrate(tx: Connection, to: str) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(Path(migrations.__file__).parent))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = tx
    command.upgrade(settings, to)


def _fill(tx: Connection) -> None:
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}

    def add(table: Any, **values: Any) -> None:
        tx.execute(insert(table).values(**values))

    for name, (project, shared, external) in NETWORKS.items():
        add(t.networks, id=f"n {name}", name=name, project_id=project, shared=shared,
            router_external=external, **times)  # fmt: skip
    for name, project in ROUTERS.items():
        external_id = "n public" if name == "of-b" else None
        add(t.routers, id=f"r {name}", name=name, project_id=project,
            external_network_id=external_id, **times)  # fmt: skip
    for number, (name, project, network, router, owner, _) in enumerate(PORTS):
        add(t.ports, id=f"p {number}", name=name, project_id=project, network_id=f"n {network}",
            mac_address=f"fa:16:3e:00:00:{number:02x}", device_id=f"r {router}",
            device_owner=owner, **times)  # fmt: skip
    plain = {"network_id": "n of-a", "mac_address": "fa:16:3e:00:01:00", "project_id": "a"}
    add(t.ports, id="plain", device_id="a machine", device_owner="compute:x", **plain, **times)
    for number, (project, roles) in enumerate(TOKENS):
        add(t.tokens, id=f"t {number}", digest=str(number), project_id=project,
            roles=roles, created_at=times["created_at"])  # fmt: skip


def test_legs_are_those_that_routers_made(upgraded: Any) -> None:
    engine, logged = upgraded
    with engine.connect() as tx:
        found = {row.port_id: row for row in tx.execute(select(t.router_ports))}
        kept = set(tx.execute(select(t.ports.c.id)).scalars())
    assert kept == {*(f"p {n}" for n in range(len(PORTS))), "plain"}
    expected = {f"p {n}": port for n, port in enumerate(PORTS) if port[5]}
    assert found.keys() == expected.keys()
    for port_id, (_, _, _, router, owner, _) in expected.items():
        assert found[port_id].router_id == f"r {router}"
        assert found[port_id].uplink == (owner == UPLINK)
    refused = {line["port"]: line for line in logged if "no router operation" in line["event"]}
    assert refused.keys() == {f"p {n}" for n, port in enumerate(PORTS) if not port[5]}
    assert refused["p 6"]["router"] == "r of-b"


def test_physical_networks_are_those_of_administrators(upgraded: Any) -> None:
    engine, _ = upgraded
    with engine.connect() as tx:
        rows = tx.execute(select(t.networks)).mappings().all()
    found = {row["name"]: row["provider_physical_network"] for row in rows}
    assert found == {name: name if name in ON_THEIR_PHYSICAL_NETWORK else None for name in NETWORKS}
    for row in rows:
        flat = row["name"] in ON_THEIR_PHYSICAL_NETWORK
        assert row["provider_network_type"] == ("flat" if flat else "local")
