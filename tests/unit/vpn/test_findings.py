"""What is probably wrong, most probable first: the table; and that every reason has its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from landbridge.model.diagnosis import ChildDiagnosis, Diagnosis, IkeDiagnosis
from landbridge.model.reasons import EXPLANATIONS, markdown
from landbridge.model.status import Reason, ReasonCode, TunnelState
from landbridge.vpn.status.findings import Evidence, findings
from tests.rows import CONNECTION

C = ReasonCode
CHILD = ChildDiagnosis(
    unique_id=1, name="0", state="INSTALLED", current=True, protocol="ESP", mode="TUNNEL",
    udp_encapsulation=False, local_ts=("10.0.0.0/24",), remote_ts=("10.1.0.0/24",), spi_in="c1",
    spi_out="c2", encryption="AES_CBC-256", integrity="HMAC_SHA2_256_128", dh_group="",
    bytes_in=840, packets_in=10, bytes_out=840, packets_out=10, idle_in=0, idle_out=0, age=60,
    rekey_in=3000, expires_in=3600,
)  # fmt: skip
SA = IkeDiagnosis(
    unique_id=1, name="t", version="v2", state="ESTABLISHED", current=True, initiator=True,
    local_host="203.0.113.1", local_port=500, local_id="203.0.113.1", remote_host="198.51.100.1",
    remote_port=500, remote_id="198.51.100.1", spi_initiator="1", spi_responder="2",
    encryption="AES_CBC-256", integrity="HMAC_SHA2_256_128", prf="PRF_HMAC_SHA2_256",
    dh_group="MODP_2048", nat_here=False, nat_there=False, age=60, rekey_in=3000, reauth_in=None,
    children=(CHILD,),
)  # fmt: skip
WELL = Diagnosis(
    tunnel_id="t", observed_at=0.0, revision=2, applied_revision=2, state=TunnelState.UP,
    config_loaded=True, sas=(SA,),
)  # fmt: skip


def _with(**changes: Any) -> Diagnosis:
    return msgspec.structs.replace(WELL, **changes)


def _child(**changes: Any) -> Diagnosis:
    child = msgspec.structs.replace(CHILD, **changes)
    return _with(sas=(msgspec.structs.replace(SA, children=(child,)),))


WHY = Reason(code=C.PSK_MISMATCH, message="The PSK differs.")


@pytest.mark.parametrize(
    ("row", "gateway", "alive", "found", "expected"),
    [
        ({}, "gw", True, WELL, []),
        ({}, None, False, None, [C.NO_GATEWAY]),
        ({}, "gw", False, None, [C.GATEWAY_SILENT]),
        ({}, "gw", True, None, [C.GATEWAY_SILENT]),
        ({"status_reason": "gateway-silent"}, "gw", False, None, [C.GATEWAY_SILENT]),
        ({}, "gw", True, _with(problem="charon does not run"), [C.GATEWAY_ERROR]),
        ({"status_reason": "psk-mismatch"}, "gw", True, WELL, [C.PSK_MISMATCH]),
        ({"status_reason": "connecting"}, "gw", True, _with(reason=WHY, sas=()),
         [C.PSK_MISMATCH, C.CONNECTING]),
        ({}, "gw", True, _with(config_loaded=False), [C.GATEWAY_ERROR]),
        ({"admin_state_up": False, "status_reason": "admin-down"}, "gw", True,
         _with(config_loaded=False, sas=()), [C.ADMIN_DOWN]),
        ({}, "gw", True, _with(missing=("10.0.0.0/24 - 10.2.0.0/24",)), [C.PARTIAL]),
        ({"status_reason": "peer-unreachable"}, "gw", True,
         _with(missing=("10.0.0.0/24 - 10.2.0.0/24",),
               sas=(msgspec.structs.replace(SA, state="CONNECTING", children=()),)),
         [C.PEER_UNREACHABLE]),
        ({}, "gw", True, _child(packets_in=0), [C.ONE_WAY]),
        ({}, "gw", True, _child(packets_in=0, age=2), []),
        ({}, "gw", True, _child(packets_in=0, packets_out=0), []),
        ({"revision": 3}, "gw", True, WELL, [C.PENDING]),
        ({"revision": 3, "status_reason": "pending"}, "gw", True, WELL, [C.PENDING]),
        ({"revision": 3, "status_reason": "peer-not-changed"}, "gw", True, WELL,
         [C.PEER_NOT_CHANGED]),
    ],
)  # fmt: skip
def test_the_most_probable_cause_comes_first(
    row: dict[str, Any],
    gateway: str | None,
    alive: bool,
    found: Diagnosis | None,
    expected: list[ReasonCode],
) -> None:
    told = findings(Evidence(replace(CONNECTION, **row), gateway, alive, found))
    assert [each.code for each in told] == expected
    assert all(each.meaning for each in told)


def test_every_reason_has_its_words() -> None:
    assert set(EXPLANATIONS) == set(ReasonCode)
    for told in EXPLANATIONS.values():
        assert told.here or told.there
        assert told.meaning.endswith(".")


def test_the_page_of_reasons_is_made_from_the_table() -> None:
    page = Path(__file__).parents[3] / "docs" / "status.md"
    assert markdown() in page.read_text()
