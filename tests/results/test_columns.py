"""Columns of exports keep their names and types within a schema version, and the data dictionary describes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.results import export
from mobilebench.results.columns import COLUMNS, HOLDS, SCHEMA, TABLES, TableName
from scripts import data_dictionary

from .making import measured, planned, run_info

ROOT = Path(__file__).parents[2]


def test_the_data_dictionary_is_that_of_this_version() -> None:
    text = (ROOT / data_dictionary.DOCUMENT).read_text(encoding="utf-8")
    assert text == data_dictionary.text(), "run `python scripts/data_dictionary.py`"


def test_the_columns_of_this_schema_are_still_there() -> None:
    """A column that goes, or gets another type or unit, needs a higher `SCHEMA` and a new file beside this test."""
    promised = json.loads((Path(__file__).parent / f"columns_{SCHEMA}.json").read_text())
    for table, columns in promised.items():
        now = {name: [one.type_name, one.unit] for name, one in COLUMNS[table].items()}
        assert {name: now.get(name) for name in columns} == columns, table


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_meaning_and_times_and_sizes_a_unit(table: TableName) -> None:
    assert HOLDS[table].endswith(".")
    for name, column in COLUMNS[table].items():
        assert column.meaning.endswith("."), name
        assert "|" not in column.meaning + column.unit, name
        for suffix, unit in (("_ms", "ms"), ("_kb", "KiB"), ("_bytes", "bytes")):
            assert not name.endswith(suffix) or column.unit == unit, name


def test_every_export_states_its_schema(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from mobilebench.core.records import Run

    run = Run(info=run_info("r1"), planned=[planned(0)], blocks=[measured(planned(0))])
    assert {row["schema"] for row in export.rows(run)} == {SCHEMA}
    assert export.to_csv(run).startswith("schema,run,")
    export.write(run, tmp_path / "x.parquet", "parquet", "proof")
    said = pq.read_schema(tmp_path / "x.parquet").metadata
    assert (said[b"mobilebench.schema"], said[b"mobilebench.table"]) == (str(SCHEMA).encode(), b"proof")
