"""Every option of the configuration file: its section, name, type and default.

Rules this module keeps:
- It only declares; `landbridge.config.load` reads, and says what is wrong.
- The help text is what the operator's guide prints.
- Sections of other projects (`FOREIGN_SECTIONS`) may carry options that we do not use,
  because operators copy them from a service that does.
"""

from __future__ import annotations

from typing import Final

from oslo_config import cfg

FOREIGN_SECTIONS: Final = frozenset({"keystone_authtoken", "oslo_policy"})

QUOTA_RESOURCES: Final = (
    "network",
    "subnet",
    "port",
    "router",
    "vpnservice",
    "ikepolicy",
    "ipsecpolicy",
    "endpoint_group",
    "ipsec_site_connection",
)

DEFAULT: Final = (
    cfg.StrOpt("state_dir", default="/var/lib/landbridge", help="Where state is kept."),
    cfg.StrOpt("bind", default="127.0.0.1:9696", help="HOST:PORT that the API listens on."),
    cfg.StrOpt("user", default="landbridge", help="Whom the API becomes where root starts it."),
    cfg.FloatOpt(
        "frozen_after",
        default=30.0,
        min=2.0,
        help="Seconds without a sign of life after which `serve` kills its API or agent and starts "
        "it again.",
    ),
)
DATABASE: Final = (
    cfg.StrOpt(
        "url",
        default="",
        help="sqlite:///FILE or postgresql://...; default: landbridge.db in state_dir.",
    ),
    cfg.FloatOpt(
        "statement_seconds",
        default=10.0,
        min=0.1,
        help="How long a read on SQLite, or a statement on PostgreSQL, may take (503).",
    ),
)
AUTH: Final = (
    cfg.StrOpt("strategy", default="token", choices=("token", "keystone")),
    cfg.FloatOpt(
        "revalidate_after",
        default=5.0,
        min=0.0,
        help="Seconds after which a cached verdict of Keystone is asked for again.",
    ),
)
KEYSTONE: Final = (
    cfg.StrOpt("auth_url", default=""),
    cfg.StrOpt("www_authenticate_uri", default=""),
    cfg.StrOpt("auth_type", default="password", choices=("password", "v3password")),
    cfg.StrOpt("username", default=""),
    cfg.StrOpt("password", default="", secret=True),
    cfg.StrOpt("project_name", default=""),
    cfg.StrOpt("user_domain_name", default="Default"),
    cfg.StrOpt("project_domain_name", default="Default"),
    cfg.StrOpt("cafile"),
    cfg.StrOpt("certfile"),
    cfg.StrOpt("keyfile"),
    cfg.BoolOpt("insecure", default=False),
    cfg.StrOpt("region_name"),
    cfg.StrOpt("interface", default="internal", choices=("public", "internal", "admin")),
    cfg.IntOpt("token_cache_time", default=300, min=-1),
    cfg.FloatOpt("http_connect_timeout", default=5.0, min=0.1),
    cfg.IntOpt("http_request_max_retries", default=3, min=0),
    cfg.ListOpt("service_token_roles", default=["service"]),
    cfg.BoolOpt("service_token_roles_required", default=True),
)
POLICY: Final = (
    cfg.StrOpt("policy_file", default="policy.yaml", help="Beside the configuration file."),
)
VPN: Final = (
    cfg.BoolOpt("weak_algorithms", default=False, help="Accept sha1 and 3des for old peers."),
)
AGENT: Final = (
    cfg.StrOpt("server_url", default="", help="The API; default: where `bind` says."),
    cfg.StrOpt("gateway_id", default="", help="Default: the host's name."),
    cfg.StrOpt("token_file", default="", help="Default: agent-token in state_dir."),
    cfg.DictOpt(
        "bridges",
        default={},
        help="PHYSICAL_NETWORK:BRIDGE, ...; a network's id stands for that network.",
    ),
    cfg.FloatOpt(
        "update_deadline",
        default=0.0,
        min=0.0,
        help="Seconds that an update waits for its peer before it is forced; 0: for ever.",
    ),
    cfg.StrOpt(
        "metrics_bind",
        default="127.0.0.1:9697",
        help="HOST:PORT of the agent's metrics for Prometheus; empty: none.",
    ),
    cfg.StrOpt(
        "kernel",
        default="auto",
        choices=("auto", "netlink", "libipsec"),
        help="Who encrypts: the kernel, charon itself, or (auto) the kernel where it can.",
    ),
    cfg.StrOpt("charon", default="/usr/sbin/charon-systemd"),
)
LIMITS: Final = (
    cfg.IntOpt("connections", default=4096, min=16, help="Open connections to the API, in all."),
    cfg.IntOpt(
        "connections_per_address",
        default=512,
        min=1,
        help="Of these, from one IPv4 address or one IPv6 /64.",
    ),
    cfg.ListOpt(
        "proxies",
        default=[],
        help="Addresses or networks of front proxies: many clients behind one address, which "
        "only `connections` limits.",
    ),
    cfg.IntOpt("address_size", default=65536, min=2048, help="Bytes of path and query (414)."),
    cfg.IntOpt("head_size", default=65536, min=4096, help="Bytes of all header lines (431)."),
    cfg.IntOpt("head_lines", default=100, min=20, help="Header lines (431)."),
    cfg.FloatOpt("head_seconds", default=10.0, min=0.1, help="For a head to arrive (408)."),
    cfg.FloatOpt(
        "body_seconds",
        default=30.0,
        min=0.1,
        help="For a body to arrive, or for each further 64 KiB of a long one (408).",
    ),
    cfg.IntOpt("listeners", default=1024, min=1, help="Open streams of events, in all (503)."),
    cfg.IntOpt("listeners_per_project", default=256, min=1, help="Of these, of a project (429)."),
    cfg.IntOpt("listeners_per_token", default=64, min=1, help="Of these, with a token (429)."),
    cfg.IntOpt(
        "streams_per_gateway",
        default=8,
        min=1,
        help="Open streams of changes, of a gateway's credentials (429).",
    ),
    cfg.IntOpt(
        "gone_seconds",
        default=30,
        min=1,
        help="After which a client that takes in nothing of what it is sent is gone.",
    ),
    cfg.IntOpt("idle_seconds", default=65, min=1, help="Between two requests."),
)
CONSOLE: Final = (
    cfg.BoolOpt("enabled", default=True, help="Whether the API serves its console, /console/."),
)
QUOTAS: Final = tuple(
    cfg.IntOpt(f"quota_{name}", default=-1, min=-1, help="-1: no limit.")
    for name in QUOTA_RESOURCES
)
LOG: Final = (
    cfg.StrOpt("level", default="info", choices=("debug", "info", "warning", "error")),
    cfg.StrOpt("format", default="auto", choices=("auto", "console", "json")),
    cfg.StrOpt(
        "requests",
        default="failures",
        choices=("failures", "changes", "all"),
        help="A line for each request that failed by our fault (5xx) or was slow, also for each "
        "that was to change something, or for each.",
    ),
    cfg.FloatOpt(
        "slow_request",
        default=5.0,
        min=0.0,
        help="Seconds after which an answer that has not begun makes a request slow; 0: never.",
    ),
)

SECTIONS: Final = {
    "DEFAULT": DEFAULT,
    "database": DATABASE,
    "auth": AUTH,
    "keystone_authtoken": KEYSTONE,
    "oslo_policy": POLICY,
    "vpn": VPN,
    "agent": AGENT,
    "limits": LIMITS,
    "console": CONSOLE,
    "quotas": QUOTAS,
    "log": LOG,
}
