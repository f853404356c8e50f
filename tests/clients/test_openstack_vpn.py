"""`openstack vpn ...`: every command, every option, on a running landbridge."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

import pytest

from tests.clients.clouds import Cloud
from tests.clients.site import build
from tests.clients.vpn_commands import CASES, Case, Shown

# The program deprecates its own parts, which is nothing of ours.
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
APART = ("--name", "--dpd", "--lifetime", "--flavor", "--project", "--project-domain")


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Mapping[str, str]:
    return build(cloud)


def filled(value: Any, site: Mapping[str, str]) -> Any:
    """`value` with the site's names and ids in it."""
    if isinstance(value, str):
        return value.format_map(site)
    if isinstance(value, list):
        return [filled(one, site) for one in value]
    return value


def expect(shown: Shown, wanted: Shown, site: Mapping[str, str]) -> None:
    told = {column: shown.get(column) for column in wanted}
    assert told == {column: filled(value, site) for column, value in wanted.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}, {case.title}")
def test_create_show_list_set_delete(cloud: Cloud, site: Mapping[str, str], case: Case) -> None:
    openstack, name = cloud.openstack("a"), f"a {case.kind}"
    kind = f"vpn {case.kind}"

    created = openstack.show(f"{kind} create '{name}' {filled(case.create, site)}")
    try:
        expect(created, {"Name": name, **case.created}, site)
        assert created["Project"] == cloud.callers.project_id("a")
        assert openstack.show(f"{kind} show {created['ID']}") == created

        assert [row["ID"] for row in openstack.list(f"{kind} list") if row["Name"] == name] == [
            created["ID"]
        ]
        rows = openstack.list(f"{kind} list --long")
        long = next(row for row in rows if row["ID"] == created["ID"])
        expect(long, {column: created[column] for column in case.listed}, {})

        openstack.do(f"{kind} set '{name}' {filled(case.set_, site)}")
        openstack.do(f"{kind} set '{name}' --name renamed")
        expect(openstack.show(f"{kind} show renamed"), {"Name": "renamed", **case.changed}, site)
    finally:
        openstack.do(f"{kind} delete {created['ID']}")
    assert created["ID"] in openstack.refused(f"{kind} show {created['ID']}")


def options(command: Any) -> set[str]:
    return set(command(None, None).get_parser("x")._option_string_actions)


def test_no_option_is_left_out() -> None:
    """The table of cases has every option that the program has."""
    entries = entry_points(group="openstack.network.v2.vpnaas")
    common = options(entries["vpn_service_show"].load())
    commands = [entry for entry in entries if entry.name.endswith(("_create", "_set"))]
    assert len(commands) == 10
    for entry in commands:
        kind, _, verb = entry.name.removeprefix("vpn_").replace("_", " ").rpartition(" ")
        cases = [case for case in CASES if case.kind == kind]
        tried = " ".join(case.create if verb == "create" else case.set_ for case in cases).split()
        apart = {*APART, "--subnet"} if entry.name == "vpn_service_set" else {*APART}
        missing = options(entry.load()) - common - {*tried, *apart}
        assert not missing, entry.name


def test_there_are_no_flavors(cloud: Cloud, site: Mapping[str, str]) -> None:
    create = "vpn service create x --flavor fast --router {router}".format_map(site)
    assert "flavors?name=fast" in cloud.openstack("a").refused(create)


def test_a_service_keeps_its_subnet(cloud: Cloud, site: Mapping[str, str]) -> None:
    told = cloud.openstack("a").refused(f"vpn service set --subnet more {site['service']}")
    assert "read-only attribute subnet_id" in told


def test_an_admin_creates_for_another_project(cloud: Cloud) -> None:
    """`--project` asks the identity service for the project's id."""
    project = cloud.callers.project_id("b")
    made = cloud.openstack("admin").show(f"vpn ike policy create --project {project} theirs")
    assert made["Project"] == cloud.callers.project_id("b")
    cloud.openstack("b").do("vpn ike policy delete theirs")


@pytest.mark.parametrize(
    "command",
    [
        "ike policy create --lifetime units=seconds,value=7200 x",
        "ipsec policy create --lifetime value=7200 x",
        "ipsec site connection set --dpd action=restart,interval=10,timeout=60 x",
    ],
)
def test_two_options_fail_in_the_client(cloud: Cloud, command: str) -> None:
    """openstackclient itself stumbles over them and sends nothing; `test_sdk` has the values.

    When this fails, the program was mended: move its options to the table of cases.
    """
    assert "'list' object has no attribute" in cloud.openstack("a").refused(f"vpn {command}")
