"""Runs inside Keystone's own virtual environment: prepare a Keystone, then serve it.

    python keystone_main.py DIRECTORY PORT ADMIN_PASSWORD

One process does what ``keystone-manage db_sync``, ``fernet_setup``, ``credential_setup`` and
``bootstrap`` do, because each of them would spend four seconds on its imports.
"""

from __future__ import annotations

import sys
from multiprocessing import get_context
from pathlib import Path

import keystone.conf
import keystone.server
from keystone.cmd.bootstrap import Bootstrapper
from keystone.common import fernet_utils
from keystone.common.sql import upgrades
from keystone.credential.providers import fernet as credential_keys
from keystone.server.flask import core
from werkzeug.serving import WSGIRequestHandler, make_server

CONF = keystone.conf.CONF
REGION = "RegionOne"


class KeepAlive(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"


def make_keys() -> None:
    for repository, active, group in (
        (CONF.fernet_tokens.key_repository, CONF.fernet_tokens.max_active_keys, "fernet_tokens"),
        (CONF.credential.key_repository, credential_keys.MAX_ACTIVE_KEYS, "credential"),
    ):
        keys = fernet_utils.FernetUtils(repository, active, group)
        keys.create_key_directory()
        keys.initialize_key_repository()


def bootstrap(url: str, password: str) -> None:
    bootstrapper = Bootstrapper()
    bootstrapper.admin_username = bootstrapper.project_name = "admin"
    bootstrapper.admin_role_name = "admin"
    bootstrapper.admin_password = password
    bootstrapper.service_name = "keystone"
    bootstrapper.region_id = REGION
    bootstrapper.public_url = bootstrapper.internal_url = bootstrapper.admin_url = url
    bootstrapper.immutable_roles = True
    bootstrapper.bootstrap()


def prepare(files: list[str], url: str, password: str) -> None:
    keystone.server.configure(config_files=files)
    upgrades.offline_sync_database_to_version()
    make_keys()
    bootstrap(url, password)


def main(directory: Path, port: int, password: str) -> None:
    files = [str(directory / "keystone.conf")]
    # Keystone configures itself once a process: a fork has the imports and nothing else done.
    preparation = get_context("fork").Process(
        target=prepare, args=(files, f"http://127.0.0.1:{port}/v3", password)
    )
    preparation.start()
    preparation.join()
    if preparation.exitcode:
        sys.exit("preparing Keystone failed")
    application = core.initialize_application(name="public", config_files=files)
    make_server(
        "127.0.0.1", port, application, threaded=True, request_handler=KeepAlive
    ).serve_forever()


if __name__ == "__main__":
    given = sys.argv[1:]
    del sys.argv[1:]  # Keystone's configuration reads the command line too
    main(Path(given[0]), int(given[1]), given[2])
