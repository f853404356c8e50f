"""When a CHILD_SA that is not heard any more is replaced, and how often."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.reconcile.unheard import LONGEST, Key, Listening, listen
from landbridge.agent.tunnels.listed import ListedChild
from landbridge.agent.tunnels.observed import IkeSa
from tests.unit.agent.tunnels import ID, child_sa, ike_sa, tunnel

WINDOW, LEAST = 30.0, 10
NAME = target(tunnel(), Backend.LIBIPSEC).name


def listed(packets_in: int, packets_out: int, unique_id: int = 1, tasks: str = "") -> IkeSa:
    counts = ListedChild(packets_in=packets_in, packets_out=packets_out)
    networks = ("10.1.0.0/24",), ("10.2.0.0/24",)
    child = msgspec.structs.replace(child_sa("all.1", *networks, unique_id), listed=counts)
    sa = ike_sa(NAME, 1, child)
    return msgspec.structs.replace(sa, tasks=frozenset({tasks} if tasks else ()))


class Course:
    """Lists of one tunnel's only CHILD_SA, one after the other."""

    def __init__(self) -> None:
        self.known: dict[Key, Listening] = {}
        self.now = 1000.0

    def goes_on(self, seconds: float, *sas: IkeSa) -> bool:
        """Whether it is to be replaced."""
        self.now += seconds
        self.known, unheard = listen(self.known, sas, self.now, window=WINDOW, least=LEAST)
        assert set(unheard) <= {ID}
        return bool(unheard)


def silent(course: Course, *, heard: int = 5, rounds: int = 7, tasks: str = "") -> list[bool]:
    course.goes_on(0, listed(heard, 5))
    return [course.goes_on(10, listed(heard, 5 + 5 * n, tasks=tasks)) for n in range(1, rounds)]


def test_what_has_carried_both_ways_and_is_heard_no_more_is_replaced_once() -> None:
    assert silent(Course()) == [False, False, False, True, False, False]


def test_what_was_never_answered_is_left_alone() -> None:
    assert not any(silent(Course(), heard=0, rounds=40))


def test_a_peer_that_does_not_answer_on_its_ike_sa_is_left_to_dead_peer_detection() -> None:
    assert not any(silent(Course(), rounds=40, tasks="IKE_DPD"))


def test_few_packets_tell_nothing() -> None:
    course = Course()
    course.goes_on(0, listed(5, 5))
    assert not any(course.goes_on(60, listed(5, 5 + n)) for n in range(LEAST))


def test_replacements_that_bring_nothing_back_become_rare_and_one_that_does_begins_anew() -> None:
    course, sent = Course(), 5
    at: list[int] = []
    course.goes_on(0, listed(5, 5))
    for number in range(3 * 360):
        sent += 10
        if course.goes_on(10, listed(5, sent, unique_id=1 + len(at))):
            at.append(number)
            sent = 0  # a new CHILD_SA counts from nought
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert len(at) > 3
    assert gaps == sorted(gaps)
    assert max(gaps) * 10 <= LONGEST + 2 * WINDOW
    course.goes_on(10, listed(6, sent))
    assert any(course.goes_on(10, listed(6, sent + 10 * n)) for n in range(1, 6))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40), st.booleans()), max_size=60))
def test_never_more_often_than_once_a_window(steps: list[tuple[int, int, bool]]) -> None:
    course, unique_id, heard, sent, last = Course(), 1, 0, 0, None
    for came, went, rekeyed in steps:
        if rekeyed:
            unique_id, heard, sent = unique_id + 1, 0, 0
        heard, sent = heard + came, sent + went
        if course.goes_on(10, listed(heard, sent, unique_id)):
            assert last is None or course.now - last >= WINDOW
            last = course.now


@pytest.mark.parametrize("unique_id", [3, 9])
def test_of_several_of_one_name_the_newest_is_replaced(unique_id: int) -> None:
    known: dict[Key, Listening] = {}
    for number in range(6):
        sas = [listed(4, 9 * number, each) for each in (unique_id, 1)]
        known, unheard = listen(known, sas, 10.0 * number, window=WINDOW, least=LEAST)
        if unheard:
            assert [child.unique_id for child in unheard[ID]] == [unique_id]
            return
    raise AssertionError("never replaced")
