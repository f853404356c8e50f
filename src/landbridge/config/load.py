"""The only reader of configuration files and of the environment.

Rules this module keeps:
- `load` is given everything and returns frozen `Settings`; nothing is global and
  nothing is read at import.
- Order: command line, then environment (``LANDBRIDGE_*``), then file, then default.
- Whatever is wrong is one `ConfigError` of one line: the file, the option, what to do.
- Option names and sections that OpenStack operators know keep their meaning
  (``[keystone_authtoken]``, ``[oslo_policy]``, ``[quotas] quota_*``).
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from landbridge.config.file import ConfigError, Values
from landbridge.config.options import QUOTA_RESOURCES, VARIABLES
from landbridge.config.settings import (
    AgentSettings,
    ApiSettings,
    AuthSettings,
    ConsoleSettings,
    DatabaseSettings,
    KeystoneSettings,
    LimitSettings,
    LogSettings,
    PolicySettings,
    Settings,
    VpnSettings,
)
from landbridge.model.gateway import is_gateway_name
from landbridge.servertrust import Trust

__all__ = ["ConfigError", "Settings", "load"]

KEY_FILE: Final = "secret.key"
DATABASE_SCHEMES: Final = ("sqlite:///", "postgresql://")
KEYSTONE_NEEDS: Final = ("auth_url", "username", "password", "project_name")
PORTS: Final = range(1, 65536)


def load(
    config_file: str | os.PathLike[str] | None = None,
    *,
    state_dir: str | os.PathLike[str] | None = None,
    bind: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the configuration; `bind` is ``HOST:PORT``.

    Raises:
        ConfigError: a file that is missing or unreadable, or a wrong value in it.
    """
    env = os.environ if environment is None else environment
    path = config_file or env.get("LANDBRIDGE_CONFIG")
    values = Values(Path(path) if path else None)
    state = _state_dir(values, state_dir, env)
    host, port = _bind(values, bind, env)
    api = _api(values)
    scheme = "https" if api.tls_certificate else "http"
    return Settings(
        config_file=values.path,
        state_dir=state,
        bind_host=host,
        bind_port=port,
        user=values.text("DEFAULT", "user"),
        frozen_after=values.get("DEFAULT", "frozen_after", float),
        api=api,
        database=_database(values, state, env),
        auth=values.struct("auth", AuthSettings),
        keystone=_keystone(values),
        policy=_policy(values, state),
        vpn=values.struct("vpn", VpnSettings),
        agent=_agent(values, state, f"{scheme}://{_reachable(host)}:{port}", api),
        limits=_limits(values),
        console=values.struct("console", ConsoleSettings),
        quotas={name: values.get("quotas", f"quota_{name}", int) for name in QUOTA_RESOURCES},
        log=values.struct("log", LogSettings),
    )


def _state_dir(
    values: Values, given: str | os.PathLike[str] | None, env: Mapping[str, str]
) -> Path:
    chosen = given or env.get(VARIABLES["state_dir"]) or values.text("DEFAULT", "state_dir")
    return Path(chosen).absolute()


def _bind(values: Values, given: str | None, env: Mapping[str, str]) -> tuple[str, int]:
    sources = (
        ("--bind", given),
        (VARIABLES["bind"], env.get(VARIABLES["bind"])),
        (values.where("DEFAULT", "bind"), values.text("DEFAULT", "bind")),
    )
    where, text = next((where, text) for where, text in sources if text)
    parsed = _host_port(text)
    if parsed is None:
        raise ConfigError(f"{where}: {text!r} is not HOST:PORT; write for example 127.0.0.1:9696")
    return parsed


def _host_port(text: str) -> tuple[str, int] | None:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) in PORTS):
        return None
    return host.strip("[]"), int(port)


def _reachable(host: str) -> str:
    """`host` as a program on the same machine writes it in a URL."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, never bound
    name = anywhere.get(host, host)
    return f"[{name}]" if ":" in name else name


def _database(values: Values, state: Path, env: Mapping[str, str]) -> DatabaseSettings:
    url = values.text("database", "url")
    if not url:
        url = f"sqlite:///{state / 'landbridge.db'}"
    if not url.startswith(DATABASE_SCHEMES):
        raise values.wrong("database", "url", "must begin with sqlite:/// or postgresql://")
    key_file = values.text("database", "key_file")
    return values.struct(
        "database",
        DatabaseSettings,
        url=url,
        key_file=Path(key_file).absolute() if key_file else _key_file(state, env),
    )


def _key_file(state: Path, env: Mapping[str, str]) -> Path:
    """systemd's credential, where there is one (systemd.exec(5), ``LoadCredential=``)."""
    credentials = env.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials) / KEY_FILE if credentials else None
    return given if given is not None and given.exists() else state / KEY_FILE


def _api(values: Values) -> ApiSettings:
    names = ("tls_certificate", "tls_key")
    certificate, key = (values.text("api", name) for name in names)
    for name, one, other in zip(names, (certificate, key), (key, certificate), strict=True):
        if other and not one:
            what = "is needed as well: a certificate and its key belong together; set it"
            raise values.wrong("api", name, what)
    return values.struct(
        "api",
        ApiSettings,
        tls_certificate=Path(certificate).absolute() if certificate else None,
        tls_key=Path(key).absolute() if key else None,
    )


def _keystone(values: Values) -> KeystoneSettings:
    section = "keystone_authtoken"
    settings = values.struct(section, KeystoneSettings)
    if values.text("auth", "strategy") != "keystone":
        return settings
    for name in KEYSTONE_NEEDS:
        if not values.text(section, name):
            raise values.wrong(section, name, "is needed with [auth] strategy = keystone; set it")
    if not settings.auth_url.startswith(("http://", "https://")):
        raise values.wrong(section, "auth_url", "must be a URL such as https://keystone:5000/v3")
    return settings


def _policy(values: Values, state: Path) -> PolicySettings:
    """As oslo.policy: relative to the configuration file, and missing is no policy file,
    unless the file was asked for by name."""
    base = values.path.parent if values.path else state
    path = base / values.text("oslo_policy", "policy_file")
    if values.is_set("oslo_policy", "policy_file") and not path.is_file():
        raise values.wrong("oslo_policy", "policy_file", f"there is no file {path}; create it")
    return PolicySettings(policy_file=path)


def _limits(values: Values) -> LimitSettings:
    settings = values.struct("limits", LimitSettings)
    for proxy in settings.proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            what = f"{proxy!r} is no address and no network; write 192.0.2.1 or 192.0.2.0/24"
            raise values.wrong("limits", "proxies", what) from None
    return settings


def _agent(values: Values, state: Path, local_url: str, api: ApiSettings) -> AgentSettings:
    server_url = values.text("agent", "server_url").rstrip("/")
    if server_url and not server_url.startswith(("http://", "https://")):
        raise values.wrong("agent", "server_url", "must be a URL such as https://api.example:9696")
    authorities = values.text("agent", "server_ca_file")
    trust = Trust(
        ca_file=Path(authorities).absolute() if authorities else None,
        own=None if authorities or server_url else api.tls_certificate,
    )
    token_file = values.text("agent", "token_file")
    metrics = values.text("agent", "metrics_bind")
    if metrics and _host_port(metrics) is None:
        raise values.wrong("agent", "metrics_bind", "must be HOST:PORT, or empty for none")
    gateway_id = values.text("agent", "gateway_id") or socket.gethostname()
    if not is_gateway_name(gateway_id):
        raise values.wrong("agent", "gateway_id", "must be a name of up to 200 characters")
    return values.struct(
        "agent",
        AgentSettings,
        server_url=server_url or local_url,
        trust=trust,
        gateway_id=gateway_id,
        token_file=Path(token_file) if token_file else state / "agent-token",
        state_dir=state / "agent",
    )
