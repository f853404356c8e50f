"""docs/clients.md: its settings, with real clients, on a landbridge with its own tokens."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest
from keystoneauth1 import exceptions

from tests.clients.openstack_cli import openstack as program
from tests.environments.databases import Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.environments.pages import Page

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
PAGE = Page("clients.md")
CLOUDS = ("landbridge", "landbridge-direct")


@pytest.fixture(scope="module")
def landbridge(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("state")
    with databases.fresh("sqlite") as url, running(state, with_tokens(url)) as running_one:
        yield running_one


def here(text: str, landbridge: Landbridge) -> str:
    """The page's text with this server's address and token."""
    token = f"$(cat {landbridge.state}/admin-token)"
    text = text.replace("http://127.0.0.1:9696", landbridge.url)
    return text.replace("$(cat .landbridge/admin-token)", token)


def test_clouds_yaml_by_the_sdk(landbridge: Landbridge, tmp_path: Path) -> None:
    section = "`clouds.yaml`: the SDK, `openstack --os-cloud`, Ansible"
    text = here(PAGE.block(section, "yaml"), landbridge)
    assert re.findall(r"^  ([\w-]+):$", text, re.MULTILINE) == list(CLOUDS)
    (tmp_path / "clouds.yaml").write_text(text.replace("TOKEN", landbridge.admin_token))
    script = [sys.executable, "-c", PAGE.block(section, "python")]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n" * len(CLOUDS)), done.stderr


def test_each_way_of_openstack(landbridge: Landbridge) -> None:
    for block in PAGE.blocks("`openstack`"):
        settings = dict(re.findall(r"(OS_\w+)=(\S+?)(?:\s|$)", here(block, landbridge)))
        settings["OS_TOKEN"] = landbridge.admin_token
        with program(settings) as one:
            for command in re.findall(r"^openstack (.*)$", block, re.MULTILINE):
                one.do(command)


@pytest.mark.parametrize(
    ("auth_type", "auth", "words"),
    [
        ("none", {"endpoint": "URL"}, "401"),
        ("http_basic", {"endpoint": "URL", "username": "admin", "password": "TOKEN"}, "401"),
        (
            "v3token",
            {"auth_url": "URL/identity/v3", "token": "lbt_none"},
            "The token is not known, or was revoked.",
        ),
        (
            "v3password",
            {"auth_url": "URL/identity/v3", "username": "admin", "password": "TOKEN",
             "user_domain_name": "Default"},
            "There are no passwords here, log in with a token",
        ),
    ],
)  # fmt: skip
def test_what_does_not_log_in_says_so(
    landbridge: Landbridge, auth_type: str, auth: dict[str, str], words: str
) -> None:
    real = {"URL": landbridge.url, "TOKEN": landbridge.admin_token}
    given = {
        name: re.sub("URL|TOKEN", lambda found: real[found.group()], value)
        for name, value in auth.items()
    }
    refused = (exceptions.ClientException, openstack.exceptions.SDKException)
    with (
        pytest.raises(refused, match=words),
        openstack.connect(auth_type=auth_type, auth=given) as one,
    ):
        list(one.network.networks())
