"""Tunnels that share an IKE_SA: what each has, what is refused, and who gives way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.metrics.counters import TrafficCounters
from landbridge.agent.plan.attachment import attached_to, with_attached
from landbridge.agent.plan.attempts import AttemptState
from landbridge.agent.plan.ike_sharing import arrange
from landbridge.agent.plan.psk_rotation import TURN, choose
from landbridge.agent.reconcile.tunnel import LASTING
from landbridge.agent.tunnels.naming import attached_name, names_of, plain, tunnel_of_child
from landbridge.agent.tunnels.observed import Actual, actual, ike_sas
from landbridge.model.status import ReasonCode
from landbridge.model.tunnel import Dpd
from landbridge.vici import Message
from tests.unit.agent.house import House, Sa
from tests.unit.agent.shared import member, own
from tests.unit.agent.tunnels import child_sa, ike_sa

IDS = ("a", "b", "c")
TWO = member("attached", 2, 3)
#: What differs, and what the refusal says of it.
MISFITS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, ""),
    ({"mtu": 1300, "name": "x", "psk_generation": 4, "split_selector": True}, ""),
    ({"esp": msgspec.structs.replace(TWO.esp, encryption="aes-256")}, ""),
    ({"dpd": Dpd(action="restart", interval=30, timeout=120)}, "its dpd differs"),
    ({"initiator": "response-only"}, "its initiator differs"),
    ({"ike": msgspec.structs.replace(TWO.ike, encryption="aes-256")}, "its IKE policy differs"),
    ({"ike": msgspec.structs.replace(TWO.ike, lifetime=7200)}, "its IKE policy differs"),
    (
        {"peer_cidrs": ("10.2.0.0/16",)},
        "a pair of CIDRs of both overlaps: 10.1.0.0/24 - 10.2.0.0/16 with "
        "10.1.0.0/24 - 10.2.0.0/24",
    ),
    ({"local_cidrs": ("10.9.0.0/24",), "peer_cidrs": ("10.2.0.0/16",)}, ""),
)


@pytest.mark.parametrize(("change", "words"), MISFITS)
def test_a_refusal_names_the_other_and_what_differs(change: dict[str, Any], words: str) -> None:
    late, early = msgspec.structs.replace(TWO, **change), member("owner", 0)
    told = arrange([own(early), own(late)]).refused.get(late.id)
    assert (told is None) is not bool(words)
    if told is not None:
        assert told.code is ReasonCode.COLLISION
        assert told.message.startswith("Connection owner has the same addresses, IDs")
        assert words in told.message


def test_a_name_tells_whose_a_child_is() -> None:
    owner, attached = own(member("owner", 0)), own(TWO)
    (child,) = attached_to(attached, owner).children
    assert [tunnel_of_child("owner", name) for name in names_of(child)] == ["attached", "attached"]
    assert {plain(name) for name in names_of(child)} == {child.name}
    for mine in names_of(attached.children[0]):
        assert tunnel_of_child("owner", mine) == "owner"
        assert attached_name(mine, "attached") in names_of(child)


def test_the_owner_loads_the_children_of_all() -> None:
    owner, attached = own(member("owner", 0)), own(TWO)
    loaded = with_attached(owner, [attached])
    riding = attached_to(attached, loaded)
    assert (loaded.name, loaded.children) == (owner.name, owner.children)
    assert loaded.digest != owner.digest
    assert with_attached(loaded, [attached]) == loaded
    assert with_attached(loaded, []).digest == loaded.digest
    assert loaded.connection["children"] == {**owner.configs, **riding.configs}
    assert list(riding.configs.values()) == list(attached.configs.values())
    assert (riding.name, riding.digest) == (loaded.name, loaded.digest)


def test_what_is_actual_of_each() -> None:
    owner, attached = own(member("owner", 0)), own(member("attached", 2))
    riding = attached_to(attached, owner)
    sa = Sa(1, owner.name, {"version": "2"})
    alone = actual(ike_sas([sa.listed()]), "owner").sas
    assert [each.unshared for each in alone] == [True]
    assert actual(ike_sas([sa.listed()]), "attached").sas == ()
    (served,) = actual(ike_sas([sa.listed()]), "attached", {owner.name}).sas
    assert (served.foreign, served.unshared) == (True, False)
    sa.children = {
        2: (owner.children[0].name, ["10.1.0.0/24"], ["10.2.0.0/24"]),
        3: (riding.children[0].name, ["10.1.0.0/24"], ["10.2.2.0/24"]),
    }
    (mine,) = actual(ike_sas([sa.listed()]), "owner").sas
    assert [child.unique_id for child in mine.children] == [2]
    assert mine.others == {"attached"}
    (its,) = actual(ike_sas([sa.listed()]), "attached").sas
    assert ([child.unique_id for child in its.children], its.foreign) == ([3], True)
    (whole,) = ike_sas([sa.listed()])
    assert [child.tunnel_id for child in whole.children] == ["owner", "attached"]


def test_what_a_child_carries_is_its_owners() -> None:
    owner = own(member("owner", 0))
    name = attached_to(own(TWO), owner).children[0].name
    counts: Message = {"name": name, "spi-in": "1", "bytes-in": "7"}
    rekeyed: Message = {"old": counts, "new": {**counts, "spi-in": "2"}}
    traffic_counters = TrafficCounters()
    for told in (counts, rekeyed):
        traffic_counters.note(ike_sas([{owner.name: {"uniqueid": "1", "child-sas": {name: told}}}]))
    assert (
        traffic_counters.total("attached").bytes_in,
        traffic_counters.total("owner").bytes_in,
    ) == (
        14,
        0,
    )


def test_an_owner_that_came_up_with_an_old_secret_waits_for_those_attached() -> None:
    attached = own(member("attached", 2))
    new, old = (
        with_attached(own(member("owner", 0, psk_generation=n)), [attached]) for n in (2, 1)
    )
    child = child_sa(old.children[0].name, ("10.1.0.0/24",), ("10.2.0.0/24",), 5)
    sa = ike_sa(old.name, 1, child)
    state = AttemptState(candidate=old.name, wanted=new.name, live_since={5: 100.0})

    def chosen(now: float, *others: str) -> str:
        there = Actual(sas=(msgspec.structs.replace(sa, others=frozenset(others)),))
        return choose((new, old), state, there, now)[0].name

    assert chosen(101.0) == old.name
    assert chosen(101.0, "attached") == new.name
    assert chosen(100.0 + TURN) == new.name
    state = msgspec.structs.replace(state, wanted=old.name)  # the new one has just come
    assert chosen(101.0) == new.name


def test_of_two_attached_the_one_that_changed_last_gives_way() -> None:
    house = House()
    for at, each in enumerate(IDS):
        house.want(each, member(each, at))
    house.want("b", member("b", 1, 2))
    assert house.managed("c").facts.attachment.conflict is None
    fault = house.managed("b").facts.attachment.conflict
    assert fault is not None
    assert "Connection c " in fault.message
    house.want("c", member("c", 3))
    assert house.managed("b").facts.attachment.conflict is None


def test_a_refusal_is_told_when_it_lasts() -> None:
    house = House()
    house.want("a", member("a", 0))
    house.want("b", member("b", 0))
    status = house.managed("b").current_status(0.0)
    assert status is not None
    assert status.reason is not None
    assert status.reason.code is ReasonCode.CONNECTING
    left = house.managed("b").changes_in()
    assert left is not None
    assert 0 < left <= LASTING
