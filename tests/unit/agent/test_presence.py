"""What lists and events of charon prove, in every order that they can come in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.tunnels.observed import Actual, ChildSa, IkeSa
from landbridge.agent.tunnels.presence import AGAIN, LIMIT, Ends, GivenUp, Presence, confirmed
from tests.unit.agent.tunnels import ID, child_sa, ike_sa

NAME, CHILD = f"{ID}.0011223344556677", "all.0123456789ab"
NOTHING = GivenUp()


def child(unique_id: int, state: str = "INSTALLED") -> ChildSa:
    made = child_sa(CHILD, ("10.1.0.0/24",), ("10.2.0.0/24",), unique_id)
    return msgspec.structs.replace(made, state=state)


def ike(unique_id: int, *children: ChildSa, state: str = "ESTABLISHED", tasks: str = "") -> IkeSa:
    made = ike_sa(NAME, unique_id, *children, state=state)
    return msgspec.structs.replace(made, tasks=frozenset(tasks.split()))


def listed(*sas: IkeSa) -> Actual:
    return Actual(sas=sas)


class Watch:
    """Looks one after the other; `up` tells of each whether something carries."""

    def __init__(self, *sas: IkeSa) -> None:
        self.actual, self.presence, self.now = listed(*sas), Presence(), 100.0

    def look(self, *sas: IkeSa, after: float = 0.0, given_up: GivenUp = NOTHING) -> bool:
        self.now += after
        self.actual, self.presence = confirmed(
            self.presence, self.actual, listed(*sas), given_up, self.now
        )
        return bool(self.actual.carrying)

    def told(self, *ended: int, **heirs: int) -> None:
        named = {int(old.removeprefix("old")): new for old, new in heirs.items()}
        self.presence = self.presence.told(Ends(ended=frozenset(ended), heirs=named))


#: As recorded of strongSwan 5.9.8 while both ends rekeyed the IKE_SA at once. CHILD_SA 1 is up all
#: the time; the third list was begun before 16 was put among the IKE_SAs.
RECORDED = (
    (ike(15, child(1)),),
    (ike(15, child(1), state="REKEYING", tasks="IKE_REKEY"),),
    (ike(15, state="DELETING", tasks="IKE_REKEY"),),
    (ike(15, state="DELETING"), ike(16, state="REKEYED"), ike(17, child(1))),
    (ike(16, state="REKEYED"), ike(17, child(1))),
    (ike(17, child(1)),),
)


def test_a_collision_as_it_was_recorded() -> None:
    watch = Watch(*RECORDED[0])
    assert all(watch.look(*each, after=0.005) for each in RECORDED)
    assert watch.presence == Presence()
    assert [sa.unique_id for sa in watch.actual.sas] == [17]


@given(st.lists(st.sampled_from(RECORDED), max_size=8), st.floats(0.001, 0.09))
def test_a_collision_seen_in_any_order(looks: Sequence[tuple[IkeSa, ...]], pause: float) -> None:
    """Other orders than the recorded one are what lists that are not of one moment can show."""
    watch = Watch(*RECORDED[0])
    for each in (*looks, RECORDED[-1]):
        assert watch.look(*each, after=pause)
        assert {child.unique_id for child in watch.actual.carrying} == {1}


@given(st.permutations(range(4)))
def test_a_list_that_lacks_any_of_the_ike_sas(order: list[int]) -> None:
    """Each IKE_SA may be missing in a list; never is one list a proof."""
    whole = RECORDED[3]
    watch = Watch(*RECORDED[0])
    for left_out in order:
        part = (sa for number, sa in enumerate(whole) if number != left_out)
        assert watch.look(*part, after=0.01)
        assert watch.look(*whole, after=0.01)


def test_what_charon_has_told_is_believed_at_once() -> None:
    watch = Watch(ike(1, child(1)))
    watch.told(1)
    assert not watch.look()
    assert watch.presence == Presence()


def test_an_end_that_is_told_after_the_list_is_believed_at_once() -> None:
    watch = Watch(ike(1, child(1)))
    assert watch.look()
    watch.told(1)
    assert not watch.look(after=0.001)


def test_a_second_list_proves_a_loss_that_was_not_told() -> None:
    watch = Watch(ike(1, child(1)))
    assert watch.look()
    assert watch.presence.due == watch.now + AGAIN
    assert not watch.look(after=AGAIN)
    assert watch.presence.due is None


def test_while_an_ike_sa_is_replaced_lists_prove_nothing_for_long() -> None:
    watch = Watch(ike(1, child(1)))
    heir = ike(2, state="REKEYED")
    assert watch.look(heir)
    assert watch.look(heir, after=LIMIT - AGAIN)
    assert not watch.look(heir, after=AGAIN)


def test_what_we_have_ended_is_not_awaited() -> None:
    for given_up in (GivenUp(ikes=frozenset({1})), GivenUp(children=frozenset({7}))):
        assert not Watch(ike(1, child(7))).look(given_up=given_up)


def test_an_ike_sa_of_the_number_of_a_child_sa_is_another_thing() -> None:
    for given_up in (GivenUp(ikes=frozenset({7})), GivenUp(children=frozenset({1}))):
        assert Watch(ike(1, child(7))).look(given_up=given_up)


def test_a_rekeyed_child_sa_goes_when_its_heir_is_there() -> None:
    watch = Watch(ike(1, child(1)))
    watch.told(old1=2)
    assert watch.look(), "neither is listed: the IKE_SA is being replaced as well"
    assert watch.look(ike(1, child(2)), after=0.01)
    assert {child.unique_id for child in watch.actual.carrying} == {2}


def test_a_rekeyed_child_sa_goes_when_its_heir_has_ended() -> None:
    watch = Watch(ike(1, child(1, "REKEYED"), child(2)))
    watch.told(2, old1=2)
    assert not watch.look()


@given(st.integers(2, 6))
def test_heirs_of_heirs(length: int) -> None:
    watch = Watch(ike(1, child(1)))
    for number in range(1, length):
        watch.told(**{f"old{number}": number + 1})
    assert watch.look(ike(1, child(length)))
    assert {child.unique_id for child in watch.actual.carrying} == {length}


def test_heirs_in_a_circle_end() -> None:
    watch = Watch(ike(1, child(1)))
    watch.told(old1=2, old2=1)
    watch.look()
    assert not watch.look(after=LIMIT)


def test_ikev1_hands_over_one_by_one() -> None:
    """Reauthentication: the old IKE_SA has given its CHILD_SA away, the new one has it not yet."""
    watch = Watch(ike(1, child(1)))
    assert watch.look(ike(1), ike(2), after=0.01)
    assert watch.look(ike(1), ike(2), after=AGAIN)
    assert watch.look(ike(1), ike(2, child(1)), after=0.01)
    assert [len(sa.children) for sa in watch.actual.sas] == [0, 1]


def test_a_child_sa_that_moves_while_it_is_listed_counts_once() -> None:
    watch = Watch(ike(1, child(1)))
    watch.look(ike(1, child(1), state="REKEYED"), ike(2, child(1)))
    assert len(watch.actual.carrying) == 1


def test_an_ike_sa_that_ends_with_its_children_on_it_is_down() -> None:
    assert not Watch(ike(1, child(1))).look(ike(1, child(1), state="DELETING"))


def test_nothing_is_remembered_for_long() -> None:
    watch = Watch(ike(1, child(1)))
    for number in range(1, 200):
        watch.told(**{f"old{number}": number + 1})
        watch.look(ike(1, child(number, "REKEYED"), child(number + 1)), after=1.0)
        watch.told(number)
        watch.look(ike(1, child(number + 1)), after=1.0)
    assert watch.presence == Presence()
