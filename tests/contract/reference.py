"""A real Networking server with its VPN plugin, on a port of this host.

It runs in a virtual environment of its own (`scripts/oracle`):

    .oracle/bin/python tests/contract/reference.py FOLDER

`FOLDER` gets its configuration, its database (SQLite) and its log. It prints the address it
listens at, one line, and serves until its standard input ends.

Rules this module keeps:
- Nothing of Networking is replaced: core plugin (ML2 without mechanism drivers), router, tags and
  VPN plugins, quotas, policies. There are no agents; no token is checked.
- Text is compared without regard to case, as its usual database does.
- One request at a time, so that the same requests give the same answers.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from socketserver import BaseServer
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

CONFIGURATION: Final = """
[DEFAULT]
auth_strategy = keystone
core_plugin = ml2
service_plugins = router,vpnaas
transport_url = fake://
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
allow_overlapping_ips = true
rpc_workers = 0
rpc_state_report_workers = 0
api_workers = 1
debug = false
log_file = {folder}/networking.log
state_path = {folder}
api_paste_config = {folder}/api-paste.ini
dhcp_agents_per_network = 1
[database]
connection = sqlite:///{folder}/networking.db
[oslo_concurrency]
lock_path = {folder}/locks
[oslo_messaging_notifications]
driver = noop
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
[ml2]
type_drivers = local,flat,vlan,vxlan
tenant_network_types = local
mechanism_drivers =
[ml2_type_flat]
flat_networks = *
[quotas]
quota_network = -1
quota_subnet = -1
quota_port = -1
quota_router = -1
[service_providers]
service_provider = {provider}
"""
PROVIDER: Final = (
    "VPN:strongswan:neutron_vpnaas.services.vpn.service_drivers.ipsec.IPsecVPNDriver:default"
)


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    _collate_without_case()
    application = _application(folder)
    with make_server("127.0.0.1", 0, application, handler_class=_Silent) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        threading.Thread(target=_until_closed, args=(server,), daemon=True).start()
        server.serve_forever(poll_interval=0.05)


def _application(folder: Path) -> Any:
    file = folder / "neutron.conf"
    file.write_text(CONFIGURATION.format(folder=folder, provider=PROVIDER))
    pipelines = Path(sys.prefix, "etc/neutron/api-paste.ini").read_text()
    # Callers stand in the headers that Keystone's middleware would have set.
    (folder / "api-paste.ini").write_text(pipelines.replace(" authtoken ", " "))
    from neutron.common import config

    config.register_common_config_options()
    config.init(["--config-file", str(file)], default_config_files=[])
    config.setup_logging()
    config.set_config_defaults()
    _create_tables()
    logging.captureWarnings(True)
    return config.load_paste_app("neutron")


def _create_tables() -> None:
    """As the newest models are; the migrations are for other databases."""
    from neutron.db.migration.models import head
    from neutron_lib.db import api, model_base
    from neutron_vpnaas.db.models import head as vpn_head

    _ = head, vpn_head  # all models are known from here on
    model_base.BASEV2.metadata.create_all(api.CONTEXT_WRITER.get_engine())


def _collate_without_case() -> None:
    from sqlalchemy import String
    from sqlalchemy.ext.compiler import compiles

    @compiles(String, "sqlite")
    def text(kind: Any, compiler: Any, **options: Any) -> str:
        return f"{compiler.visit_VARCHAR(kind, **options)} COLLATE NOCASE"


def _until_closed(server: BaseServer) -> None:
    sys.stdin.read()
    server.shutdown()


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


if __name__ == "__main__":
    main()
