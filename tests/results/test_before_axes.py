"""A store of an earlier release gives the same numbers now, and the axes that its settings mean."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.axes import OFFERED
from mobilebench.core.records import Case, Run
from mobilebench.results import export
from mobilebench.results.store import Store

from . import before_axes


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tables that the earlier release exported."""
    folder = tmp_path_factory.mktemp("exports")
    before_axes.unpack_exports(folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run of the earlier release, after its store was brought up to date."""
    folder = tmp_path_factory.mktemp("store")
    before_axes.unpack_store(folder)
    with Store.open(folder, create=False) as store:
        return store.load(store.resolve("last"))


@pytest.fixture(scope="module")
def cases(run: Run, exports: Path) -> dict[str, Case]:
    """Today's cases by the keys that they had."""
    rows = json.loads((exports / "samples.json").read_text())
    old_keys = {row["block"]: before_axes.old_key(row) for row in rows}
    return {old_keys[planned.index]: planned.case for planned in run.planned}


def test_the_settings_have_become_axes(cases: dict[str, Case]) -> None:
    assert cases.keys() == before_axes.AXES_OF.keys()
    for key, expected in before_axes.AXES_OF.items():
        found = {name: getattr(cases[key], name) for name in OFFERED}
        assert found == {name: expected.get(name) for name in OFFERED}, key
        assert cases[key].backend == expected.get("backend", key.split("/")[2])
        assert cases[key].precision == "fp32"


def test_the_stored_keys_are_those_that_cases_have_now(tmp_path: Path) -> None:
    before_axes.unpack_store(tmp_path)
    with Store.open(tmp_path, create=False) as store:
        run = store.load(store.resolve("last"))
        timed = store.block_seconds({planned.case.key for planned in run.planned})
    assert {key for key, _ in timed} == {block.planned.case.key for block in run.blocks if block.measurement}


@pytest.mark.slow
def test_every_case_has_the_statistics_that_it_had(run: Run, cases: dict[str, Case]) -> None:
    found = {case.case: case for target in summarise(run).targets for case in target.cases}
    assert len(found) == len(before_axes.STATISTICS)
    for key, expected in before_axes.STATISTICS.items():
        case = found[cases[key]]
        assert case.status == expected["status"], key
        assert case.stages.keys() == expected["stages"].keys(), key
        for stage, numbers in expected["stages"].items():
            one = case.stages[stage]
            assert one.samples == numbers["samples"]
            assert median(one.blocks) == pytest.approx(numbers["median"], rel=1e-12)
            assert list(one.blocks) == pytest.approx(numbers["blocks"], rel=1e-12)


def test_every_stored_sample_is_there(run: Run, exports: Path) -> None:
    def samples(rows: list[dict[str, Any]]) -> dict[int, list[tuple[Any, ...]]]:
        found = defaultdict(list)
        for row in rows:
            found[row["block"]].append(tuple(row[name] for name in ("stage", "part", "position", "value_ms")))
        return found

    before = samples(json.loads((exports / "samples.json").read_text()))
    assert samples(export.rows(run)) == before
    assert sum(map(len, before.values())) == 246


_LATER = ("series", "energy", "attempts", "page_quality")
"""Tables that earlier releases did not have."""


@pytest.mark.parametrize("table", [name for name in export.TABLES if name not in _LATER])
def test_every_table_has_the_values_that_it_had(run: Run, exports: Path, table: export.TableName) -> None:
    before = json.loads((exports / f"{table}.json").read_text())
    now = export.rows(run, table)
    assert len(now) == len(before)
    for row, old in zip(now, before, strict=True):
        kept = {name: value for name, value in old.items() if name not in ("setting", "variant", "backend")}
        assert {name: row[name] for name in kept} == kept
        assert row["precision"] == old["variant"]
