"""The settings, as frozen structs.

Rules this module keeps:
- Defaults stand in `landbridge.config.options` alone; every field here is given.
- No secret shows in a `repr`.
- Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from landbridge.servertrust import Trust


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all."""


class DatabaseSettings(Frozen, frozen=True, kw_only=True):
    url: str
    key_file: Path
    key_command: str
    statement_seconds: float

    def __repr__(self) -> str:
        return f"DatabaseSettings(url={self.url.partition(':')[0]}:...)"


class AuthSettings(Frozen, frozen=True, kw_only=True):
    """`revalidate_after`: how old a cached verdict of Keystone may grow before it is asked
    for again; it bounds how long a revoked token lives."""

    strategy: Literal["token", "keystone"]
    revalidate_after: float


class KeystoneSettings(Frozen, frozen=True, kw_only=True):
    """``[keystone_authtoken]``, as keystonemiddleware has it."""

    auth_url: str
    www_authenticate_uri: str
    username: str
    password: str
    project_name: str
    user_domain_name: str
    project_domain_name: str
    cafile: str | None
    certfile: str | None
    keyfile: str | None
    insecure: bool
    region_name: str | None
    interface: str
    token_cache_time: int
    http_connect_timeout: float
    http_request_max_retries: int
    service_token_roles: tuple[str, ...]
    service_token_roles_required: bool

    def __repr__(self) -> str:
        return f"KeystoneSettings(auth_url={self.auth_url!r}, username={self.username!r})"


class PolicySettings(Frozen, frozen=True, kw_only=True):
    """`policy_file` need not exist: then upstream's defaults hold."""

    policy_file: Path


class VpnSettings(Frozen, frozen=True, kw_only=True):
    weak_algorithms: bool


class ApiSettings(Frozen, frozen=True, kw_only=True):
    """`tls_certificate`, `tls_key`: both, or neither: plain HTTP. `allow_plain_http`: also where
    other hosts reach it."""

    tls_certificate: Path | None
    tls_key: Path | None
    allow_plain_http: bool


class AgentSettings(Frozen, frozen=True, kw_only=True):
    """`bridges`: a physical network, or a network's id -> the host's Linux bridge.
    `update_deadline`: after how long an update is forced on a peer that has not changed yet;
    0: never. `trust`: what the API's certificate is verified with. `metrics_bind`: ``HOST:PORT``
    for Prometheus; empty: none. `kernel`: who encrypts."""

    server_url: str
    trust: Trust
    gateway_id: str
    token_file: Path
    state_dir: Path
    bridges: Mapping[str, str]
    update_deadline: float
    metrics_bind: str
    kernel: Literal["auto", "netlink", "libipsec"]
    charon: str


class LimitSettings(Frozen, frozen=True, kw_only=True):
    """What the API takes of one address and of all, and how long it waits for it. Sizes in bytes;
    `proxies`: addresses and networks that only `connections` limits."""

    connections: int
    connections_per_address: int
    proxies: tuple[str, ...]
    address_size: int
    head_size: int
    head_lines: int
    handshake_seconds: float
    head_seconds: float
    body_seconds: float
    idle_seconds: int
    listeners: int
    listeners_per_project: int
    listeners_per_token: int
    streams_per_gateway: int
    gone_seconds: int


class LogSettings(Frozen, frozen=True, kw_only=True):
    """`requests`: which requests have a line at ``info``; `slow_request`: how many seconds make
    one slow, 0: none is."""

    level: Literal["debug", "info", "warning", "error"]
    format: Literal["auto", "console", "json"]
    requests: Literal["failures", "changes", "all"]
    slow_request: float


class ConsoleSettings(Frozen, frozen=True, kw_only=True):
    """`enabled` False: /console/ is a path that is not there."""

    enabled: bool


class Settings(Frozen, frozen=True, kw_only=True):
    """`user`: whom the API becomes where root starts it; empty: nobody. `frozen_after`: after how
    long a child of `serve` that gives no sign of life is killed.
    `quotas`: a resource such as ``ipsec_site_connection`` -> its limit, -1: none."""

    config_file: Path | None
    state_dir: Path
    bind_host: str
    bind_port: int
    user: str
    frozen_after: float
    api: ApiSettings
    database: DatabaseSettings
    auth: AuthSettings
    keystone: KeystoneSettings
    policy: PolicySettings
    vpn: VpnSettings
    agent: AgentSettings
    limits: LimitSettings
    console: ConsoleSettings
    quotas: Mapping[str, int]
    log: LogSettings
