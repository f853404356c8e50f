"""Every option of the configuration file: its section, name, type and default.

Rules this module keeps:
- It only declares; `landbridge.config.load` reads, and says what is wrong.
- The help text is what docs/configuration.md prints (`landbridge.config.reference`): what it is,
  with its unit; what the API answers beyond a limit, in parentheses.
- Sections of other projects (`FOREIGN_SECTIONS`) may carry options that we do not use,
  because operators copy them from a service that does.
"""

from __future__ import annotations

from typing import Final

from oslo_config import cfg

FOREIGN_SECTIONS: Final = frozenset({"keystone_authtoken", "oslo_policy"})

#: What may be given in the environment, and by an option of the command line, too.
VARIABLES: Final = {"state_dir": "LANDBRIDGE_STATE_DIR", "bind": "LANDBRIDGE_BIND"}

#: Options whose default follows from something else.
DERIVED: Final = {
    ("database", "url"): "SQLite, the file `landbridge.db` in `state_dir`",
    ("database", "key_file"): "systemd's credential `secret.key`, else `secret.key` in `state_dir`",
    ("agent", "server_url"): "the API of this host, where `bind` says",
    ("agent", "gateway_id"): "the host's name",
    ("agent", "token_file"): "`agent-token` in `state_dir`",
}

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
    cfg.StrOpt(
        "state_dir",
        default="/var/lib/landbridge",
        help="The directory with the database, its key, the first tokens and what the agent keeps.",
    ),
    cfg.StrOpt("bind", default="127.0.0.1:9696", help="`HOST:PORT` that the API listens on."),
    cfg.StrOpt(
        "user",
        default="landbridge",
        help="The user that the API, and every command that works on the database, becomes where "
        "root starts it; empty: none.",
    ),
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
        help="`sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.",
    ),
    cfg.StrOpt(
        "key_file",
        default="",
        help="The file with the keys that pre-shared keys are sealed with, the same on every API "
        "process of a database.",
    ),
    cfg.StrOpt(
        "key_command",
        default="",
        help="A shell command that prints what would be in `key_file`, in place of it (of a key "
        "management service, for example); it is run at each start, as the API's user.",
    ),
    cfg.FloatOpt(
        "statement_seconds",
        default=10.0,
        min=0.1,
        help="Seconds that a read on SQLite, or a statement on PostgreSQL, may take (503).",
    ),
)
AUTH: Final = (
    cfg.StrOpt(
        "strategy",
        default="token",
        choices=("token", "keystone"),
        help="Whose tokens are good: landbridge's own (`landbridge token create`), or Keystone's.",
    ),
    cfg.FloatOpt(
        "revalidate_after",
        default=5.0,
        min=0.0,
        help="Seconds after which a cached verdict of Keystone is asked for again.",
    ),
)
KEYSTONE: Final = (
    cfg.StrOpt("auth_url", default="", help="Keystone, as in `https://keystone:5000/v3`; needed."),
    cfg.StrOpt(
        "www_authenticate_uri",
        default="",
        help="The Keystone that clients are pointed at in `WWW-Authenticate`.",
    ),
    cfg.StrOpt(
        "auth_type",
        default="password",
        choices=("password", "v3password"),
        help="How landbridge itself is authenticated.",
    ),
    cfg.StrOpt("username", default="", help="The user that asks about tokens; needed."),
    cfg.StrOpt("password", default="", secret=True, help="Its password; needed."),
    cfg.StrOpt("project_name", default="", help="The project that it acts in; needed."),
    cfg.StrOpt("user_domain_name", default="Default", help="The user's domain."),
    cfg.StrOpt("project_domain_name", default="Default", help="The project's domain."),
    cfg.StrOpt("cafile", help="The authorities that Keystone's certificate is checked by (PEM)."),
    cfg.StrOpt("certfile", help="A client certificate (PEM)."),
    cfg.StrOpt("keyfile", help="Its key (PEM)."),
    cfg.BoolOpt("insecure", default=False, help="Do not check Keystone's certificate."),
    cfg.StrOpt("region_name", help="The region whose Keystone is asked."),
    cfg.StrOpt(
        "interface",
        default="internal",
        choices=("public", "internal", "admin"),
        help="Which of Keystone's endpoints is asked.",
    ),
    cfg.IntOpt(
        "token_cache_time",
        default=300,
        min=-1,
        help="Seconds that a known token is good for while Keystone cannot be reached; -1: not.",
    ),
    cfg.FloatOpt(
        "http_connect_timeout", default=5.0, min=0.1, help="Seconds for an answer of Keystone's."
    ),
    cfg.IntOpt(
        "http_request_max_retries",
        default=3,
        min=0,
        help="How many times more a question is asked that was not answered.",
    ),
    cfg.ListOpt(
        "service_token_roles",
        default=["service"],
        help="Roles of which `X-Service-Token` must have one.",
    ),
    cfg.BoolOpt(
        "service_token_roles_required", default=True, help="Whether it must have one of them."
    ),
)
POLICY: Final = (
    cfg.StrOpt(
        "policy_file",
        default="policy.yaml",
        help="The rules that differ from the defaults; beside the configuration file, or in "
        "`state_dir` where there is none. Where the option is not set, it need not exist.",
    ),
)
VPN: Final = (
    cfg.BoolOpt(
        "weak_algorithms", default=False, help="Accept sha1 and 3des in policies, for old peers."
    ),
)
API: Final = (
    cfg.StrOpt(
        "tls_certificate",
        default="",
        help="PEM file of the API's certificate, followed by those of who issued it: with it the "
        "API speaks https only. Read again when it is renewed.",
    ),
    cfg.StrOpt("tls_key", default="", help="PEM file of the key that belongs to it."),
    cfg.BoolOpt(
        "allow_plain_http",
        default=False,
        help="Listen without TLS on an address that other hosts reach: a proxy in front has it.",
    ),
)
AGENT: Final = (
    cfg.StrOpt("server_url", default="", help="The API, as in `https://api.example:9696`."),
    cfg.StrOpt(
        "server_ca_file",
        default="",
        help="PEM file of the authorities that vouch for the API's certificate; empty: the "
        "system's, or this host's own `tls_certificate` where `server_url` is not set.",
    ),
    cfg.StrOpt(
        "gateway_id",
        default="",
        help="The gateway's name, which its credential is for (`landbridge gateway add NAME`).",
    ),
    cfg.StrOpt("token_file", default="", help="The file with the gateway's credential."),
    cfg.DictOpt(
        "bridges",
        default={},
        help="`PHYSICAL_NETWORK:BRIDGE, ...`: Linux bridges of this host; a network's id may stand "
        "for a physical network.",
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
        help="`HOST:PORT` of the agent's metrics for Prometheus; empty: none.",
    ),
    cfg.StrOpt(
        "kernel",
        default="auto",
        choices=("auto", "netlink", "libipsec"),
        help="Who encrypts: the kernel (netlink), charon itself (libipsec, slower), or the kernel "
        "where it has ESP (auto).",
    ),
    cfg.StrOpt("charon", default="/usr/sbin/charon-systemd", help="strongSwan's IKE daemon."),
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
    cfg.FloatOpt(
        "handshake_seconds", default=10.0, min=0.1, help="Seconds for TLS to be agreed on."
    ),
    cfg.FloatOpt("head_seconds", default=10.0, min=0.1, help="Seconds for a head to arrive (408)."),
    cfg.FloatOpt(
        "body_seconds",
        default=30.0,
        min=0.1,
        help="Seconds for a body to arrive, or for each further 64 KiB of a long one (408).",
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
        help="Seconds after which a client that takes in nothing of what it is sent is gone.",
    ),
    cfg.IntOpt(
        "idle_seconds", default=65, min=1, help="Seconds between two requests of a connection."
    ),
)
CONSOLE: Final = (
    cfg.BoolOpt("enabled", default=True, help="Whether the API serves its console, /console/."),
)
QUOTAS: Final = tuple(
    cfg.IntOpt(
        f"quota_{name}",
        default=-1,
        min=-1,
        help=f"How many objects of the kind {name} a project may have; -1: no limit.",
    )
    for name in QUOTA_RESOURCES
)
LOG: Final = (
    cfg.StrOpt(
        "level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="The least that has a line.",
    ),
    cfg.StrOpt(
        "format",
        default="auto",
        choices=("auto", "console", "json"),
        help="Of lines: columns on a terminal and JSON elsewhere (auto), or always one of them.",
    ),
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
    "api": API,
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
