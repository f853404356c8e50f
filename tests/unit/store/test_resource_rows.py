"""The structs of rows and the tables: the same columns, and None where NULL may be."""

from __future__ import annotations

from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest

from landbridge.store import resource_rows
from landbridge.store.resource_rows import ResourceTable
from landbridge.store.tables import metadata

TABLES = [value for value in vars(resource_rows).values() if isinstance(value, ResourceTable)]


def test_every_resource_has_its_rows() -> None:
    names = {table.name for table in TABLES}
    resources = {table.name for table in metadata.sorted_tables if "revision_number" in table.c}
    assert names == {*resources, "tokens"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))
def test_a_row_has_the_columns_of_its_table(table: ResourceTable[Any]) -> None:
    hints = get_type_hints(table.row_type)
    assert hints.keys() == set(table.table.c.keys())
    for column in table.table.c:
        assert column.nullable is (NoneType in get_args(hints[column.name])), column.name
