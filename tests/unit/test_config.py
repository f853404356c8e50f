"""The configuration: what is read, and the one line for everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from landbridge.config.load import ConfigError, load
from landbridge.servertrust import Trust

NO_ENVIRONMENT: dict[str, str] = {}


def write(directory: Path, text: str) -> Path:
    path = directory / "landbridge.conf"
    path.write_text(text)
    return path


def test_without_a_file_everything_has_its_default() -> None:
    settings = load(environment=NO_ENVIRONMENT)
    assert settings.state_dir == Path("/var/lib/landbridge")
    assert (settings.bind_host, settings.bind_port) == ("127.0.0.1", 9696)
    assert settings.database.url == "sqlite:////var/lib/landbridge/landbridge.db"
    assert settings.auth.strategy == "token"
    assert settings.agent.server_url == "http://127.0.0.1:9696"
    assert settings.agent.token_file == Path("/var/lib/landbridge/agent-token")
    assert settings.agent.update_deadline == 0
    assert not settings.vpn.weak_algorithms
    assert set(settings.quotas.values()) == {-1}


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[DEFAULT]\nstate_dir = /file\nbind = 127.0.0.1:1\n")
    environment = {"LANDBRIDGE_CONFIG": str(path)}
    assert load(environment=environment).state_dir == Path("/file")
    environment |= {"LANDBRIDGE_STATE_DIR": "/env", "LANDBRIDGE_BIND": "127.0.0.1:2"}
    from_environment = load(environment=environment)
    assert (from_environment.state_dir, from_environment.bind_port) == (Path("/env"), 2)
    given = load(path, state_dir="/given", bind="[::1]:3", environment=environment)
    assert (given.state_dir, given.bind_host, given.bind_port) == (Path("/given"), "::1", 3)
    assert given.agent.server_url == "http://[::1]:3"


def test_what_operators_copy_from_other_services_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [auth]
        strategy = keystone
        [keystone_authtoken]
        www_authenticate_uri = https://keystone.example
        auth_url = https://keystone.example/v3
        auth_type = password
        username = landbridge
        password = hunter2
        project_name = service
        memcached_servers = cache:11211
        service_token_roles = service, helper
        [oslo_policy]
        enforce_scope = true
        [agent]
        bridges = public:br-ex, lan:br-lan
        [quotas]
        quota_vpnservice = 3
        """.replace("        ", ""),
    )
    settings = load(path, environment=NO_ENVIRONMENT)
    assert settings.keystone.service_token_roles == ("service", "helper")
    assert settings.agent.bridges == {"public": "br-ex", "lan": "br-lan"}
    assert settings.quotas["vpnservice"] == 3
    assert settings.policy.policy_file == tmp_path / "policy.yaml"
    assert "hunter2" not in repr(settings)


def test_with_a_certificate_the_hosts_own_agent_knows_it(tmp_path: Path) -> None:
    tls = "[api]\ntls_certificate = /c.pem\ntls_key = /k.pem\n"
    agent = load(write(tmp_path, tls), environment=NO_ENVIRONMENT).agent
    assert agent.server_url == "https://127.0.0.1:9696"
    assert agent.trust == Trust(own=Path("/c.pem"))
    elsewhere = f"{tls}[agent]\nserver_url = https://api.example:9696/\n"
    agent = load(write(tmp_path, elsewhere), environment=NO_ENVIRONMENT).agent
    assert (agent.server_url, agent.trust) == ("https://api.example:9696", Trust())
    named = f"{elsewhere}server_ca_file = /ca.pem\n"
    agent = load(write(tmp_path, named), environment=NO_ENVIRONMENT).agent
    assert agent.trust == Trust(ca_file=Path("/ca.pem"))


WRONG = [
    ("foo", ":1", "NAME = VALUE"),
    ("[auth\n", ":1", "section"),
    ("x = 1\n", ":1", "Section must be started"),
    ("[agnt]\nx = 1\n", "[agnt]", "did you mean agent?"),
    ("[agent]\nbridgs = a:b\n", "[agent] bridgs", "did you mean bridges?"),
    ("[agent]\nbridges = a\n", "[agent] bridges", "NAME:VALUE"),
    ("[agent]\nupdate_deadline = -1\n", "[agent] update_deadline", "'-1'"),
    ("[auth]\nstrategy = ldap\n", "[auth] strategy", "token, keystone"),
    ("[auth]\nstrategy = keystone\n", "[keystone_authtoken] auth_url", "set it"),
    ("[DEFAULT]\nbind = nine\n", "[DEFAULT] bind", "HOST:PORT"),
    ("[DEFAULT]\nbind = 127.0.0.1:70000\n", "[DEFAULT] bind", "HOST:PORT"),
    ("[database]\nurl = mysql://h/d\n", "[database] url", "postgresql://"),
    ("[oslo_policy]\npolicy_file = nope.yaml\n", "[oslo_policy] policy_file", "create it"),
    ("[api]\ntls_certificate = /c.pem\n", "[api] tls_key", "set it"),
    ("[api]\ntls_key = /k.pem\n", "[api] tls_certificate", "set it"),
    ("[agent]\nserver_url = api:9696\n", "[agent] server_url", "https://"),
    ("[limits]\nhandshake_seconds = 0\n", "[limits] handshake_seconds", "'0'"),
    ("[vpn]\nweak_algorithms = maybe\n", "[vpn] weak_algorithms", "maybe"),
    ("[quotas]\nquota_port = many\n", "[quotas] quota_port", "'many'"),
    ("[log]\nlevel = loud\n", "[log] level", "debug"),
    ("[log]\nrequests = none\n", "[log] requests", "failures, changes, all"),
    ("[log]\nslow_request = -1\n", "[log] slow_request", "'-1'"),
]


@pytest.mark.parametrize(("text", "where", "what"), WRONG, ids=[case[1] for case in WRONG])
def test_a_wrong_value_is_one_line_with_file_option_and_remedy(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path, environment=NO_ENVIRONMENT)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(str(path))
    assert where in line
    assert what in line


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path, "[keystone_authtoken]\npassword = hunter2\ntoken_cache_time = soon\n")
    with pytest.raises(ConfigError) as caught:
        load(path, environment=NO_ENVIRONMENT)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent.conf", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=str(tmp_path)):
        load(tmp_path / name, environment=NO_ENVIRONMENT)


def test_a_wrong_option_names_itself() -> None:
    with pytest.raises(ConfigError, match="--bind"):
        load(bind="9696", environment=NO_ENVIRONMENT)
    with pytest.raises(ConfigError, match="LANDBRIDGE_BIND"):
        load(environment={"LANDBRIDGE_BIND": "x"})
