"""The Keystone that the other tests rely on is what it says."""

from __future__ import annotations

import httpx2

from tests.environments.keystone import ROLES, Keystone


def verdict(keystone: Keystone, token: str) -> httpx2.Response:
    """What Keystone says of `token` when landbridge asks."""
    headers = {"X-Auth-Token": keystone.token("landbridge"), "X-Subject-Token": token}
    return httpx2.get(f"{keystone.auth_url}/auth/tokens", headers=headers)


def test_everybody_has_one_role_in_one_project(keystone: Keystone) -> None:
    for user, (role, project) in ROLES.items():
        told = verdict(keystone, keystone.token(user)).json()["token"]
        assert [given["name"] for given in told["roles"]][:1] == [role] or role in {
            given["name"] for given in told["roles"]
        }
        assert told["project"]["name"] == project


def test_an_unscoped_token_has_no_project(keystone: Keystone) -> None:
    assert "project" not in verdict(keystone, keystone.unscoped_token()).json()["token"]


def test_a_revoked_token_is_not_found(keystone: Keystone) -> None:
    token = keystone.token()
    keystone.revoke(token)
    assert verdict(keystone, token).status_code == 404
