"""Who may do what, by upstream's defaults and by an operator's own policy.yaml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.policy import Policy
from landbridge.auth.policy_file import LOOK_EVERY, PolicyFile, PolicyFileError
from landbridge.auth.policy_rules import DEFAULTS, VPN_RESOURCES


def caller(project: str, *roles: str) -> Caller:
    return Caller(user_id=f"user-{project}", project_id=project, roles=frozenset(roles))


CALLERS = {
    "admin": caller("other", "admin", "member", "reader"),
    "member": caller("mine", "member", "reader"),
    "reader": caller("mine", "reader"),
    "stranger": caller("theirs", "member", "reader"),
    "nobody": caller("", "admin", "member", "reader"),
}
MINE: dict[str, Any] = {"project_id": "mine", "network:project_id": "mine"}
ADMIN, MEMBER, READER = {"admin"}, {"admin", "member"}, {"admin", "member", "reader"}
EVERYBODY = {"admin", "member", "reader", "stranger"}

MATRIX: list[tuple[str, dict[str, Any], set[str]]] = [
    *[
        (f"{verb}_{resource}", MINE, MEMBER)
        for resource in VPN_RESOURCES
        for verb in ("create", "get", "update", "delete")
    ],
    ("get_ipsec_site_connection:psk", MINE, MEMBER),
    *[
        (f"{verb}_{resource}", MINE, MEMBER)
        for resource in ("network", "subnet", "port", "router")
        for verb in ("create", "update", "delete")
    ],
    *[(f"get_{resource}", MINE, READER) for resource in ("network", "subnet", "port", "router")],
    ("get_network", {"project_id": "x", "shared": False, "router:external": True}, EVERYBODY),
    ("get_network", {"project_id": "x", "shared": False, "router_external": True}, EVERYBODY),
    ("get_network", {"project_id": "x", "shared": True, "router:external": False}, EVERYBODY),
    ("get_network", {"project_id": "x", "shared": False, "router:external": False}, ADMIN),
    ("create_network:router:external", MINE, ADMIN),
    ("create_network:shared", MINE, ADMIN),
    ("create_subnet", {"project_id": "mine", "network:project_id": "x"}, ADMIN),
    ("create_router:external_gateway_info:enable_snat", MINE, ADMIN),
    ("add_router_interface", MINE, MEMBER),
    ("remove_router_interface", MINE, MEMBER),
    ("get_quota", MINE, MEMBER),
    ("update_quota", MINE, ADMIN),
    ("delete_quota", MINE, ADMIN),
]


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def defaults(tmp_path: Path) -> Policy:
    return Policy(PolicyFile(tmp_path / "policy.yaml"))


@pytest.mark.parametrize(("rule", "target", "allowed"), MATRIX)
def test_upstream_defaults(
    defaults: Policy, rule: str, target: dict[str, Any], allowed: set[str]
) -> None:
    for _ in range(2):  # decided, then remembered
        assert {n for n, who in CALLERS.items() if defaults.check(who, rule, target)} == allowed


def test_only_admins_are_admins(defaults: Policy) -> None:
    assert [name for name, who in CALLERS.items() if defaults.known(who).is_admin] == ["admin"]


def test_a_refusal_names_the_rules_as_neutron_does(defaults: Policy) -> None:
    with pytest.raises(errors.PolicyNotAuthorized) as one:
        defaults.enforce(CALLERS["reader"], "create_vpnservice", MINE)
    assert one.value.message == "rule:create_vpnservice is disallowed by policy"
    with pytest.raises(errors.PolicyNotAuthorized) as two:
        defaults.enforce(CALLERS["member"], "create_network", MINE, ["name", "router:external"])
    assert two.value.message == (
        "(rule:create_network and rule:create_network:router:external) is disallowed by policy"
    )
    defaults.enforce(CALLERS["member"], "create_network", MINE, ["name", "mtu"])


def test_readers_can_be_let_in_without_the_key(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"get_ipsec_site_connection": "role:reader and project_id:%(project_id)s"\n')
    policy = Policy(PolicyFile(path))
    assert policy.check(CALLERS["reader"], "get_ipsec_site_connection", MINE)
    assert not policy.check(CALLERS["reader"], "get_ipsec_site_connection:psk", MINE)
    assert not policy.check(CALLERS["stranger"], "get_ipsec_site_connection", MINE)


def test_a_changed_file_holds_from_then_on(tmp_path: Path) -> None:
    path, clock = tmp_path / "policy.yaml", Clock()
    policy = Policy(PolicyFile(path, clock=clock))
    reader = CALLERS["reader"]
    assert not policy.check(reader, "get_vpnservice", MINE)
    path.write_text('"get_vpnservice": "role:reader"\n')
    assert not policy.check(reader, "get_vpnservice", MINE)  # not looked at yet
    clock.time += LOOK_EVERY
    assert policy.check(reader, "get_vpnservice", MINE)
    path.write_text('"get_vpnservice": "role:reader\n')  # the quote is not closed
    os.utime(path, (1, 1))
    clock.time += LOOK_EVERY
    assert policy.check(reader, "get_vpnservice", MINE)  # a broken file changes nothing
    path.unlink()
    clock.time += LOOK_EVERY
    assert not policy.check(reader, "get_vpnservice", MINE)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('"a": "role:x\n', "is not YAML"),
        ("- a\n- b\n", "must hold lines"),
        ('"get_vpnservice": "role:reader and and"\n', "get_vpnservice"),
        ('"get_vpnservice": 3\n', "get_vpnservice"),
        ("\x00", "YAML"),
    ],
)
def test_a_wrong_file_is_refused_at_the_start(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(PolicyFileError) as caught:
        PolicyFile(path)
    assert what in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


TREE = st.recursive(
    st.sampled_from(
        [
            "role:admin",
            "role:member",
            "project_id:%(project_id)s",
            "user_id:%(owner)s",
            "'red':%(colour)s",
            "rule:shared",
            "@",
            "!",
        ]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} and {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} or {two[1]})"),
        inner.map(lambda one: f"(not {one})"),
    ),
    max_leaves=6,
)
TARGET = st.fixed_dictionaries(
    {"project_id": st.sampled_from(["mine", "theirs"])},
    optional={
        "owner": st.sampled_from(["user-mine", "user-theirs"]),
        "colour": st.sampled_from(["red", "blue"]),
        "shared": st.booleans(),
    },
)


@given(rule=TREE, targets=st.lists(TARGET, min_size=1, max_size=12))
def test_what_is_remembered_is_what_would_be_decided(
    tmp_path_factory: pytest.TempPathFactory, rule: str, targets: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(f'"mine": "{rule}"\n')
    file = PolicyFile(path)
    remembering = Policy(file)
    for target in targets:
        for who in (CALLERS["admin"], CALLERS["member"], CALLERS["stranger"]):
            anew = Policy(file)
            assert remembering.check(who, "mine", target) == anew.check(who, "mine", target)


def test_every_default_can_be_evaluated(defaults: Policy) -> None:
    for rule in DEFAULTS:
        defaults.check(CALLERS["member"], rule, MINE)


def test_the_rules_of_members_are_told_with_their_attribute() -> None:
    refused = errors.PolicyNotAuthorized(
        "update_router",
        "update_router:name",
        "update_router:gateway",
        "update_router:gateway:network_id",
        "update_router:gateway:enable_snat",
    )
    assert refused.message == (
        "((rule:update_router and rule:update_router:name) and (rule:update_router:gateway and "
        "(rule:update_router:gateway:network_id and rule:update_router:gateway:enable_snat))) "
        "is disallowed by policy"
    )
