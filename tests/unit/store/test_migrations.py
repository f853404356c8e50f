"""Upgrades: all or nothing, alone, and named when they cannot be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url

from landbridge.store import migrations
from landbridge.store.database import DRIVERS, dialect
from landbridge.store.migrations import SchemaError


class Killed(Exception):
    pass


def _tables(url: str) -> list[str]:
    engine = create_engine(make_url(url).set(drivername=DRIVERS[dialect(url)]))
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_an_upgrade_that_breaks_off_has_not_happened(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(op, "create_index", killed)
        with pytest.raises(Killed):
            migrations.upgrade(empty_database_url)
    assert _tables(empty_database_url) == []
    migrations.upgrade(empty_database_url)
    assert migrations.is_current(empty_database_url)


def test_of_upgrades_at_once_one_does_the_work(empty_database_url: str) -> None:
    program = "import sys; from landbridge.store import migrations; migrations.upgrade(sys.argv[1])"
    command = [sys.executable, "-c", program, empty_database_url]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert migrations.is_current(empty_database_url)


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="unable to open database file"):
        migrations.upgrade(f"sqlite:///{tmp_path}/missing/landbridge.db")


def test_the_files_are_numbered_as_alembic_orders_them() -> None:
    settings = Config()
    settings.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(settings)
    assert scripts.get_current_head() == migrations.newest()


def test_a_start_with_nothing_to_migrate_loads_no_alembic(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    program = (
        "import sys; from landbridge.store import migrations; migrations.upgrade(sys.argv[1]);"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, empty_database_url], check=True, timeout=60)
