"""Who shares an IKE_SA: one frozen value, computed from the tunnels of a group."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.ike_sharing import Member, SharedIkeSa, share
from landbridge.agent.tunnels.observed import Actual
from landbridge.model.status import Reason, ReasonCode
from landbridge.model.tunnel import Dpd, Secret
from tests.unit.agent.tunnels import child_sa, ike_sa, tunnel

BUSY_DPD = Dpd(action="hold", interval=5, timeout=20)


def member(tunnel_id: str, network: int, **changes: Any) -> Member:
    made = tunnel(id=tunnel_id, peer_cidrs=(f"10.2.{network}.0/24",), **changes)
    return Member(tunnel=made, target=target(made, Backend.LIBIPSEC))


A, B, C = (member(each, number) for number, each in enumerate("abc"))
ALL = {"a": A, "b": B, "c": C}
ONE = SharedIkeSa(order=("a", "b", "c"), owner="a", attached=("b", "c"))


def left(was: Member, *others: str, children: bool = False) -> Member:
    """It is leaving; its IKE_SA carries `others`, and another one children of its own."""
    sas = [msgspec.structs.replace(ike_sa(was.target.name, 1), others=frozenset(others))]
    if children:
        own = child_sa("x.1", ("10.1.0.0/24",), ("10.2.0.0/24",), 9)
        sas.append(ike_sa(f"{was.target.tunnel_id}.{'0' * 16}", 2, own))
    return msgspec.structs.replace(was, actual=Actual(sas=tuple(sas)))


def without(*gone: str) -> dict[str, Member]:
    return {each: found for each, found in ALL.items() if each not in gone}


def test_those_that_fit_are_attached_in_the_order_of_their_coming() -> None:
    shared = SharedIkeSa()
    for number, each in enumerate("abc", 1):
        shared = share(shared, dict(list(ALL.items())[:number]), {}, {}, each)
    assert shared == ONE


def test_of_two_that_do_not_fit_the_one_that_changed_last_gives_way() -> None:
    overlaps = {**ALL, "b": member("b", 2)}
    shared = share(ONE, overlaps, {}, {}, "b")
    assert (shared.order, set(shared.refused)) == (("a", "c", "b"), {"b"})
    again = share(shared, {**overlaps, "c": member("c", 3)}, {}, {}, "c")
    assert (again.order, again.attached, again.refused) == (("a", "c", "b"), ("c", "b"), {})


def test_the_owner_keeps_its_place_when_it_changes() -> None:
    changed = {**ALL, "a": member("a", 0, dpd=BUSY_DPD)}
    shared = share(ONE, changed, {}, {}, "a")
    assert (shared.owner, set(shared.refused)) == ("a", {"b", "c"})


def test_who_has_another_psk_is_refused_whatever_fits() -> None:
    reason = Reason(code=ReasonCode.COLLISION, message="another PSK")
    shared = share(ONE, ALL, {}, {"a": reason, "x": reason}, "a")
    assert (shared.owner, shared.attached, shared.refused) == ("b", ("c",), {"a": reason})
    assert share(ONE, {"a": A}, {}, {"a": reason}).owner == ""


@pytest.mark.parametrize(
    ("leaver", "retained"),
    [
        (left(A, "b"), True),
        (left(A), False),  # it carries none of the group
        (left(A, "x"), False),
        (left(A, "b", children=True), False),  # it was about to move
        (left(member("a", 0, dpd=BUSY_DPD), "b"), False),  # the next one does not fit it
        (left(member("a", 0, psk=Secret(value="another")), "b"), False),
    ],
)
def test_an_owner_that_leaves_is_retained_as_long_as_it_is_needed(
    leaver: Member, retained: bool
) -> None:
    shared = share(ONE, without("a"), {"a": leaver}, {}, "a")
    assert shared.order == ("b", "c")
    if retained:
        assert (shared.owner, shared.attached) == ("a", ("b", "c"))
        assert shared.retained == leaver.target.name
    else:
        assert (shared.owner, shared.attached, shared.retained) == ("b", ("c",), "")


@pytest.mark.parametrize(("changes", "first"), [({}, "a"), ({"psk_generation": 2}, "b")])
def test_a_retained_owner_that_comes_back_as_it_was_is_the_first(
    changes: dict[str, Any], first: str
) -> None:
    retained = share(ONE, without("a"), {"a": left(A, "b")}, {}, "a")
    shared = share(retained, {**ALL, "a": member("a", 0, **changes)}, {}, {}, "a")
    assert (shared.owner, shared.retained) == (first, "")


def test_who_else_would_be_retained_does_not_matter_while_one_is() -> None:
    leavers = {"b": left(B, "c"), "a": left(A, "c")}
    retained = share(ONE, {"c": C}, leavers, {}, "a")
    assert retained.owner == "a"
    assert share(retained, {"c": C}, leavers, {}, "").owner == "a"
