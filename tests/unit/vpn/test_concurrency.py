"""Many at a time: nothing is lost, nothing is handed out twice; the work for one stays small."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, event, select

from landbridge.errors import Conflict
from landbridge.model.status import Report, TunnelState, TunnelStatus
from landbridge.store import changes
from landbridge.store.resource_rows import PortRow
from landbridge.store.statements import STATEMENTS, PreparedStatement, Statement, Statements
from landbridge.store.tables import ipsec_site_connections
from landbridge.vpn import rows
from landbridge.vpn.inventory import routers
from landbridge.vpn.resources.registry import RULES
from landbridge.vpn.rows import Attributes
from landbridge.vpn.status import apply
from tests.unit.vpn.world import GATEWAY, World

CONN = "ipsec_site_connection"


def _update(world: World, kind: str, id: str, **values: Any) -> Awaitable[Attributes]:
    return world.db.write(lambda tx: world.update(tx, kind, id, **values))


def test_updates_of_different_attributes_all_hold(own_world: World) -> None:
    world = own_world
    asked: list[Attributes] = [
        {"name": "n"},
        {"mtu": 1400},
        {"dpd": {"interval": 7}},
        {"dpd": {"timeout": 77}},
        {"psk": "other"},
        {"peer_id": "p"},
        {"ikepolicy_id": "ike_free"},
        {"initiator": "response-only"},
    ]
    before = world.keep(lambda tx: world.row(tx, CONN, "conn"))

    async def scenario() -> None:
        await asyncio.gather(*(_update(world, CONN, "conn", **values) for values in asked))

    asyncio.run(scenario())
    after = world.keep(lambda tx: world.shown(tx, CONN, world.row(tx, CONN, "conn")))
    assert (after["name"], after["mtu"], after["psk"]) == ("n", 1400, "other")
    assert after["dpd"] == {"action": "hold", "interval": 7, "timeout": 77}
    assert (after["peer_id"], after["initiator"]) == ("p", "response-only")
    assert after["revision_number"] == before.revision_number + len(asked)
    assert after["revision"] == before.revision + len(asked) - 1  # the name is nobody's business


def test_policies_connections_and_reports_do_not_stand_in_each_others_way(
    own_world: World,
) -> None:
    world = own_world

    def report(tx: Connection, sequence: int) -> None:
        RULES[CONN].enter(tx, "update")
        revision = world.row(tx, CONN, "conn").revision
        told = TunnelStatus(
            id=world.ids["conn"],
            revision=revision,
            applied_revision=revision,
            state=TunnelState.UP,
            reason=None,
            observed_at=0.0,
        )
        apply.apply(tx, GATEWAY, Report(epoch=1, sequence=sequence, tunnels=(told,)))

    async def scenario() -> None:
        work: list[Awaitable[Any]] = []
        for n in range(10):
            work += [
                _update(world, CONN, "conn", mtu=1300 + n),
                _update(world, CONN, "conn_legacy", mtu=1300 + n),
                _update(world, "ikepolicy", "ike", lifetime={"value": 1000 + n}),
                _update(world, "endpoint_group", "epg_peer", endpoints=[f"192.168.{n}.0/24"]),
                _update(world, "vpnservice", "svc", admin_state_up=bool(n % 2)),
                world.db.write(report, n + 1),
            ]
        await asyncio.gather(*work)

    asyncio.run(scenario())
    row = world.keep(lambda tx: world.row(tx, CONN, "conn"))
    assert row.revision > 30  # each of the 40 raised it, except a service's first no-change
    (told,) = [
        change
        for change in world.db.read_sync(changes.since, GATEWAY, 0)
        if change.id == world.ids["conn"]
    ]
    assert told.revision == row.revision


def test_no_address_is_given_out_twice(own_world: World) -> None:
    world = own_world

    async def scenario() -> list[PortRow]:
        create = (
            world.db.write(lambda tx: world.create(tx, "port", network_id="netx"))
            for _ in range(12)
        )
        made: list[PortRow] = await asyncio.gather(*create)
        return made

    ports = asyncio.run(scenario())
    shown = world.keep(lambda tx: [world.shown(tx, "port", port) for port in ports])
    addresses = {port["fixed_ips"][0]["ip_address"] for port in shown}
    assert addresses == {f"10.9.0.{n}" for n in range(2, 14)}


def test_of_many_that_connect_a_subnet_one_does(own_world: World) -> None:
    world = own_world

    def connect(tx: Connection) -> Any:
        RULES["router"].enter(tx, "add_router_interface")
        row = world.row(tx, "router", "router1")
        return routers.add_interface(tx, row, {"subnet_id": world.ids["sub_unattached"]}, "a")

    async def scenario() -> list[Any]:
        tries = (world.db.write(connect) for _ in range(6))
        return await asyncio.gather(*tries, return_exceptions=True)

    results = asyncio.run(scenario())
    assert sum(isinstance(result, dict) for result in results) == 1
    assert not any(isinstance(result, Conflict) for result in results)  # refused in words


def test_a_group_does_not_change_under_a_connection_that_is_being_made(own_world: World) -> None:
    world = own_world

    async def scenario() -> None:
        await asyncio.gather(
            *(world.db.write(world.connection) for _ in range(8)),
            *(
                _update(world, "endpoint_group", "epg_peer2", endpoints=[endpoint])
                for endpoint in ("10.0.0.0/8", "fd00::/8") * 4
            ),
            *(
                world.db.write(lambda tx: world.connection(tx, peer_ep_group_id="epg_peer2"))
                for _ in range(8)
            ),
            return_exceptions=True,
        )

    asyncio.run(scenario())

    def consistent(tx: Connection) -> bool:
        group = world.row(tx, "endpoint_group", "epg_peer2")
        connections = ipsec_site_connections.c
        users = select(connections.id).where(connections.peer_ep_group_id == group.id)
        used = rows.first(tx, users) is not None
        return not used or bool(group.endpoints == ["10.0.0.0/8"])

    assert world.keep(consistent)


class _Noting(Statements):
    """PreparedStatement statements that note when they are asked for."""

    def __init__(self, dialect: Dialect, seen: list[str]) -> None:
        super().__init__(dialect)
        self._seen = seen

    def ready(self, statement: Statement, names: frozenset[str]) -> PreparedStatement:
        found = super().ready(statement, names)
        self._seen.append(found.text)
        return found


@contextmanager
def _statements(tx: Connection) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    usual = tx.get_execution_options()[STATEMENTS]
    event.listen(tx.engine, "before_cursor_execute", note)
    tx.execution_options(**{STATEMENTS: _Noting(tx.dialect, seen)})
    try:
        yield seen
    finally:
        tx.execution_options(**{STATEMENTS: usual})
        event.remove(tx.engine, "before_cursor_execute", note)


def test_an_update_costs_few_statements(world: World) -> None:
    def count(tx: Connection, **values: Any) -> int:
        row = world.row(tx, CONN, "conn")
        with _statements(tx) as seen:
            world.update(tx, CONN, row.id, **values)
        looked_up = 1
        return len([one for one in seen if "pg_advisory" not in one]) - looked_up

    def attempt(tx: Connection) -> tuple[int, int, int]:
        counter = int(tx.dialect.name == "sqlite")  # of the gateway's changes
        return (
            count(tx, name="n"),
            count(tx, dpd={"timeout": 99}, local_id="x") - counter,
            count(tx, mtu=1400) - counter,
        )

    assert world.trial(attempt) == (1, 3, 4)
