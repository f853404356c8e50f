"""What is counted of tunnels: sums never go backwards, and what is sent in vain is seen."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.metrics.counters import Traffic, TrafficCounters
from landbridge.agent.metrics.meters import Meters
from landbridge.agent.metrics.metrics import AgentMetrics
from landbridge.agent.reconcile.sampler import LEAST, OneWayWatch
from landbridge.agent.tunnels.observed import IkeSa, ike_sas
from landbridge.model.status import Reason, ReasonCode, TunnelState, TunnelStatus
from landbridge.vici import Message
from tests.unit.agent.tunnels import ID, tunnel

NAME = target(tunnel(), Backend.LIBIPSEC).name
WINDOW = 10.0


def listed(**children: int) -> tuple[IkeSa, ...]:
    """list-sas with CHILD_SAs by their incoming SPI, and how many packets each has counted."""
    sections: Message = {
        f"all-{spi}": {"spi-in": spi, "spi-out": f"{spi}x", "packets-in": str(packets)}
        for spi, packets in children.items()
    }
    return sas_with(sections) if children else ()


def sas_with(children: Message) -> tuple[IkeSa, ...]:
    """The IKE_SAs of a list, or of an event, with these sections of CHILD_SAs."""
    return tuple(ike_sas([{NAME: {"uniqueid": "1", "child-sas": children}}]))


def test_what_a_gone_sa_has_counted_stays() -> None:
    traffic_counters = TrafficCounters()
    for children, total in (
        ({"a": 5}, 5),
        ({"a": 7, "b": 1}, 8),
        ({"b": 2}, 9),
        ({"b": 3}, 10),
        ({}, 10),
        ({}, 10),
        ({"c": 4}, 14),
    ):
        traffic_counters.read(listed(**children))
        assert traffic_counters.total(ID).packets_in == total


def test_the_last_count_of_an_sa_is_in_its_event() -> None:
    traffic_counters = TrafficCounters()
    traffic_counters.read(listed(a=5))
    old: Message = {"spi-in": "a", "spi-out": "ax", "packets-in": "9"}
    rekeyed: Message = {"old": old, "new": {"spi-in": "b"}}
    traffic_counters.note(sas_with({"all": rekeyed}))
    assert traffic_counters.total(ID).packets_in == 9


@given(
    st.lists(
        st.tuples(st.booleans(), st.dictionaries(st.sampled_from("abcd"), st.integers(0, 99))),
        max_size=12,
    )
)
def test_sums_never_go_backwards(story: list[tuple[bool, dict[str, int]]]) -> None:
    traffic_counters, before = TrafficCounters(), 0
    for is_list, children in story:
        sas = listed(**children)
        if is_list:
            traffic_counters.read(sas)
        else:
            traffic_counters.note(sas)
        assert traffic_counters.total(ID).packets_in >= before
        before = traffic_counters.total(ID).packets_in


def test_sums_survive_the_agent(tmp_path: Path) -> None:
    file = tmp_path / "carried.json"
    first = Meters("r", AgentMetrics(), file)
    first.measured(listed(a=5))
    again = Meters("r", AgentMetrics(), file)
    assert again.traffic(ID).packets_in == 5
    again.measured(listed(a=6))
    assert again.traffic(ID).packets_in == 6
    file.write_bytes(b"{not")
    assert Meters("r", AgentMetrics(), file).traffic(ID).packets_in == 0


def test_a_tunnel_that_is_down_is_seen(tmp_path: Path) -> None:
    metrics = AgentMetrics()
    meters = Meters("r", metrics, tmp_path / "carried.json")
    reason = Reason(code=ReasonCode.DPD_TIMEOUT, message="")
    meters.tell(
        TunnelStatus(
            id=ID,
            revision=1,
            applied_revision=1,
            state=TunnelState.DOWN,
            reason=reason,
            observed_at=0.0,
        )
    )
    value = metrics.registry.get_sample_value
    assert value("landbridge_tunnel_up", {"connection": ID, "router": "r"}) == 0
    assert value("landbridge_tunnels", {"state": "down"}) == 1
    assert value("landbridge_tunnels", {"state": "up"}) == 0
    assert value("landbridge_tunnels_by_reason", {"reason": "dpd-timeout"}) == 1
    meters.forget(ID)
    assert value("landbridge_tunnel_up", {"connection": ID, "router": "r"}) is None


def test_a_router_that_came_back_keeps_its_series(tmp_path: Path) -> None:
    metrics = AgentMetrics()
    old = Meters("r", metrics, tmp_path / "old.json")
    Meters("r", metrics, tmp_path / "new.json").tell(
        TunnelStatus(
            id=ID,
            revision=1,
            applied_revision=1,
            state=TunnelState.UP,
            reason=None,
            observed_at=0.0,
        )
    )
    old.close()
    assert metrics.registry.get_sample_value("landbridge_tunnels", {"state": "up"}) == 1


def travelled(story: list[tuple[int, int]]) -> list[bool]:
    """Whether a tunnel counts as one-way after each second, of (packets in, packets out)."""
    watch, told = OneWayWatch.begun(Traffic(), 0.0), []
    for at, (packets_in, packets_out) in enumerate(story, 1):
        now = Traffic(packets_in=packets_in, packets_out=packets_out)
        watch = watch.measured(now, float(at), WINDOW)
        told.append(watch.one_way(float(at), WINDOW))
    return told


def test_only_a_long_one_sided_talk_is_one_way() -> None:
    talking = [(each, each) for each in range(30)]
    assert not any(travelled(talking))
    silent = [(0, 0)] * 30
    assert not any(travelled(silent))
    unheard = [(0, each) for each in range(1, 30)]
    assert travelled(unheard)[-1]
    assert not any(travelled(unheard[: int(WINDOW)]))
    few = [(0, min(each, LEAST - 1)) for each in range(1, 30)]
    assert not any(travelled(few))


def test_one_packet_back_or_a_long_pause_takes_it_back() -> None:
    unheard = [(0, each) for each in range(1, 20)]
    assert travelled([*unheard, (1, 20)])[-2:] == [True, False]
    assert travelled([*unheard, *[(0, 19)] * int(WINDOW + 2)])[-1] is False
