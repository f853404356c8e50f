"""Two IKE_SAs of the same configuration: which goes, when, and that two ends never end both."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attempts import AttemptState, after_look, after_step
from landbridge.agent.plan.duplicates import FIRST, SECOND, end_duplicate
from landbridge.agent.plan.view import View
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.listed import ListedChild, ListedIke
from landbridge.agent.tunnels.observed import Actual, IkeSa
from landbridge.agent.tunnels.steps import Step
from tests.unit.agent.tunnels import child_sa, ike_sa, tunnel

LOCAL, REMOTE = ("10.1.0.0/24",), ("10.2.0.0/24",)
OLD = 60  # seconds


def wanted(version: str = "v2") -> Target:
    ike = msgspec.structs.replace(tunnel().ike, version=version)
    return target(tunnel(ike=ike), Backend.NETLINK)


def ike(
    unique_id: int,
    *,
    spi: str = "aa",
    initiator: bool = True,
    used: int | None = None,
    age: int = OLD,
    child_age: int = OLD,
    local: tuple[str, ...] = LOCAL,
    version: str = "v2",
    state: str = "ESTABLISHED",
    empty: bool = False,
) -> IkeSa:
    """`used`: seconds since we sent on it."""
    what = wanted(version)
    child = child_sa(what.children[0].name, local, REMOTE, unique_id * 10)
    child = msgspec.structs.replace(child, listed=ListedChild(use_out=used), age=child_age)
    made = ike_sa(what.name, unique_id, *(() if empty else (child,)), state=state)
    return msgspec.structs.replace(
        made,
        initiator=initiator,
        age=age,
        version=version[1],
        listed=ListedIke(initiator_spi=spi),
    )


def steps(
    *sas: IkeSa, state: AttemptState | None = None, version: str = "v2", now: float = 100.0
) -> tuple[Step, ...]:
    actual, what = Actual(sas=sas), wanted(version)
    seen = after_look(state or AttemptState(), what, actual, now)
    return tuple(end_duplicate(View(what, actual, seen, now), 4))


def ended(found: tuple[Step, ...]) -> list[int]:
    return [each.unique_id for each in found if isinstance(each, do.RetireIke)]


def test_the_one_that_we_do_not_send_on_goes() -> None:
    assert ended(steps(ike(1, spi="aa", used=0), ike(2, spi="bb", used=7))) == [2]
    assert ended(steps(ike(1, spi="aa", used=7), ike(2, spi="bb", used=0))) == [1]
    assert ended(steps(ike(1, spi="aa"), ike(2, spi="bb", used=0))) == [1]


def test_a_single_one_stays() -> None:
    assert steps(ike(1)) == ()


def test_what_alone_carries_something_stays() -> None:
    other = ike(2, spi="bb", local=("10.1.0.0/25",), used=0)
    assert ended(steps(ike(1, used=9), other)) == [2]


@pytest.mark.parametrize("state", ["REKEYING", "REKEYED", "CONNECTING", "DELETING"])
def test_nothing_goes_while_one_is_replaced_or_built(state: str) -> None:
    assert ended(steps(ike(1, used=0), ike(2, spi="bb", state=state))) == []


def test_an_heir_without_its_children_is_no_duplicate() -> None:
    """A list that is taken while CHILD_SAs move shows one without any: it is young."""
    assert ended(steps(ike(1, used=0), ike(2, spi="bb", empty=True, age=0))) == []


def test_what_was_told_to_end_is_awaited() -> None:
    state = AttemptState(ending_ikes={2: 99.0})
    assert ended(steps(ike(1), ike(2, spi="bb"), state=state)) == []


def test_each_further_one_takes_twice_as_long() -> None:
    state = AttemptState(revision=wanted().revision)
    for number in range(4):
        sas = (ike(1, used=0, age=OLD * 2**number), ike(2, spi="bb", age=OLD * 2**number))
        (step,) = steps(*sas, state=state)
        state = after_step(state, step, 100.0, target=wanted(), candidate=wanted())
        state = msgspec.structs.replace(state, ending_ikes={})
    due = FIRST * 2**4
    assert not ended(steps(ike(1), ike(2, spi="bb", age=int(due) - 1), state=state))
    assert ended(steps(ike(1), ike(2, spi="bb", age=int(due)), state=state))


def two_ends(
    spis: list[str], by: list[bool], ours: list[int | None], theirs: list[int | None], age: int
) -> Iterator[tuple[IkeSa, ...]]:
    """The same IKE_SAs as each end lists them."""
    for end, used in ((True, ours), (False, theirs)):
        yield tuple(
            ike(number + 1, spi=spi, initiator=begun is end, used=sent, age=age)
            for number, (spi, begun, sent) in enumerate(zip(spis, by, used, strict=True))
        )


@given(st.data(), st.integers(2, 4), st.integers(0, int(SECOND) - 1))
def test_two_ends_never_end_one_each(data: st.DataObject, number: int, age: int) -> None:
    """Whoever has begun which, and whoever sends on which: until the second one's turn only one
    of the two ends acts."""
    hexes = st.text("0123456789abcdef", min_size=16, max_size=16)
    spis = data.draw(st.lists(hexes, min_size=number, max_size=number, unique=True))
    used = st.lists(st.none() | st.integers(0, 9), min_size=number, max_size=number)
    by = data.draw(st.lists(st.booleans(), min_size=number, max_size=number))
    here, there = two_ends(spis, by, data.draw(used), data.draw(used), age)
    acts = [bool(ended(steps(*end))) for end in (here, there)]
    assert sum(acts) == (1 if age >= FIRST else 0)


def test_the_other_end_acts_where_the_first_does_not() -> None:
    theirs = ike(1, spi="aa", initiator=False, age=int(SECOND))
    assert ended(steps(theirs, ike(2, spi="bb", used=0, age=int(SECOND)))) == [1]


def test_ikev1_renews_first_and_then_leaves() -> None:
    both = (ike(1, version="v1"), ike(2, spi="bb", version="v1"))
    (step,) = steps(*both, version="v1")
    assert isinstance(step, do.Initiate)
    new = ike(2, spi="bb", version="v1", child_age=3)
    assert ended(steps(both[0], new, version="v1")) == []  # its grace first
    live = AttemptState(live_since={10: 50.0, 20: 50.0})
    assert ended(steps(both[0], new, state=live, version="v1")) == [1]
