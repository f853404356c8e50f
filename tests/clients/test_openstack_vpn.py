"""`openstack vpn ...`: every command, every option, on a running landbridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.clients.clouds import Cloud
from tests.clients.site import build
from tests.clients.vpn_commands import CASES, Case, Shown

pytestmark = pytest.mark.clients


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
