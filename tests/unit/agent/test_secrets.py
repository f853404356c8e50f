"""Two secrets of one tunnel: which of them charon knows, and which is tried."""

from __future__ import annotations

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan import psk_rotation
from landbridge.agent.plan import secrets as keyring
from landbridge.agent.plan.attempts import Attempt, AttemptState, attempt_key
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.naming import ids_of
from landbridge.agent.tunnels.observed import Actual, IkeSa
from landbridge.model.tunnel import Tunnel
from tests.unit.agent.tunnels import child_sa, ike_sa, tunnel

OLD, NEW, NEWER = (tunnel(psk_generation=n, revision=n) for n in (1, 2, 3))
NOW = 100.0


def planned(wanted: Tunnel) -> Target:
    return target(wanted, Backend.LIBIPSEC)


def ids(*tunnels: Tunnel) -> frozenset[str]:
    return frozenset(planned(each).secret_id for each in tunnels)


def sa(of: Tunnel, *, initiator: bool = True, age: int = 0) -> IkeSa:
    made = planned(of)
    child = child_sa(made.children[0].name, ("10.1.0.0/24",), ("10.2.0.0/24",), 2)
    return msgspec.structs.replace(ike_sa(made.name, 1, child), initiator=initiator, age=age)


@pytest.mark.parametrize(
    ("sas", "secrets", "spent"),
    [
        ((sa(NEW),), (OLD, NEW), (OLD,)),
        ((sa(OLD),), (OLD, NEW), ()),
        ((), (OLD, NEW), ()),
        ((sa(NEW, initiator=False),), (OLD, NEW), ()),
        ((sa(NEW, initiator=False, age=3),), (OLD, NEW), (OLD,)),
    ],
)
def test_the_old_secret_goes_when_the_new_one_has_proved_itself(
    sas: tuple[IkeSa, ...], secrets: tuple[Tunnel, ...], spent: tuple[Tunnel, ...]
) -> None:
    assert keyring.spent(planned(NEW), sas, ids(*secrets)) == ids(*spent)


def test_a_secret_that_never_authenticated_goes_when_a_newer_one_comes() -> None:
    assert keyring.spent(planned(NEWER), (sa(OLD),), ids(OLD, NEW, NEWER)) == ids(NEW)


def test_a_secret_of_other_identities_is_not_tried() -> None:
    moved = tunnel(psk_generation=2, peer_id="b.example.com")
    loaded = Loaded(secrets=ids(OLD, moved))
    known = psk_rotation.candidates(planned(moved), moved, loaded, Backend.LIBIPSEC)
    assert known == (planned(moved),)
    assert keyring.spent(planned(moved), (), loaded.secrets) == ids(OLD)


def test_what_an_earlier_release_has_loaded_goes_when_the_same_is_there_as_it_is_now() -> None:
    now, other = planned(NEW), planned(OLD)
    wide = f"{NEW.id}.{NEW.psk_generation}.{ids_of(NEW)}"
    older = f"{OLD.id}.{OLD.psk_generation}.{ids_of(OLD)}"
    busy = (sa(OLD),)  # an update waits for its peer
    assert keyring.spent(now, busy, frozenset({wide})) == frozenset()
    assert keyring.spent(now, busy, frozenset({wide, now.secret_id})) == frozenset({wide})
    assert keyring.spent(now, busy, frozenset({older, now.secret_id})) == frozenset()
    assert keyring.spent(other, (), frozenset({older, other.secret_id})) == frozenset({older})


def candidates() -> tuple[Target, ...]:
    loaded = Loaded(secrets=ids(OLD, NEW))
    return psk_rotation.candidates(planned(NEW), NEW, loaded, Backend.LIBIPSEC)


def test_secrets_are_tried_in_turn_and_the_back_off_goes_on() -> None:
    known = candidates()
    assert [each.name for each in known] == [planned(NEW).name, planned(OLD).name]
    chosen, state = psk_rotation.choose(known, AttemptState(), Actual(), NOW)
    for expected in (known[1], known[0], known[1]):
        key = attempt_key(chosen, chosen.children[0].name)
        failed = Attempt(started=NOW, open=False, failures=3, retry_at=NOW + 4)
        state = msgspec.structs.replace(state, attempts={key: failed})
        assert psk_rotation.choose(known, state, Actual(), NOW + 1)[0] == chosen
        chosen, state = psk_rotation.choose(known, state, Actual(), NOW + 5)
        assert chosen == expected
        assert [each.failures for each in state.attempts.values()] == [3]


@pytest.mark.parametrize(
    ("was", "known", "tried"),
    [
        (OLD, (NEW,), OLD),
        (OLD, (), OLD),
        (OLD, (OLD, NEW), None),
        (NEW, (), None),
        (None, (), None),
        (tunnel(peer_id="b.example.com"), (), None),
    ],
)
def test_a_secret_that_charon_has_lost_is_tried_again(
    was: Tunnel | None, known: tuple[Tunnel, ...], tried: Tunnel | None
) -> None:
    lost = psk_rotation.lost(was, NEW, Loaded(secrets=ids(*known)), Backend.LIBIPSEC)
    assert (lost and lost.name) == (tried and planned(tried).name)


@pytest.mark.parametrize(
    ("wanted", "sas", "proven"),
    [
        (NEW, (sa(OLD),), OLD),
        (NEW, (sa(NEW),), NEW),
        (NEW, (sa(NEW, initiator=False),), OLD),
        (NEW, (), OLD),
        (msgspec.structs.replace(NEW, admin_state_up=False), (sa(OLD),), None),
    ],
)
def test_what_has_authenticated_last_is_remembered_until_it_is_switched_off(
    wanted: Tunnel, sas: tuple[IkeSa, ...], proven: Tunnel | None
) -> None:
    assert psk_rotation.proven(OLD, wanted, planned(wanted), Actual(sas=sas)) == proven


def test_a_newer_secret_is_tried_at_once_whoever_waits_for_its_turn() -> None:
    first, state = psk_rotation.choose((planned(OLD),), AttemptState(), Actual(), NOW)
    key = attempt_key(first, first.children[0].name)
    failed = Attempt(started=NOW, open=False, failures=9, retry_at=NOW + 15)
    state = msgspec.structs.replace(state, attempts={key: failed})
    known = candidates()
    chosen, state = psk_rotation.choose(known, state, Actual(), NOW + 1)
    assert chosen == known[0]
    assert attempt_key(chosen, chosen.children[0].name) not in state.attempts
    assert psk_rotation.choose(known, state, Actual(), NOW + 2)[0] == known[0]


def test_only_the_new_one_is_tried_while_the_old_tunnel_carries() -> None:
    known = candidates()
    state = AttemptState(candidate=known[1].name)
    assert psk_rotation.choose(known, state, Actual(sas=(sa(OLD),)), NOW)[0] == known[0]


def test_with_the_old_secret_the_new_one_is_out_of_charons_memory() -> None:
    _, old = candidates()
    assert keyring.spent(old, (), ids(OLD, NEW)) == ids(NEW)
