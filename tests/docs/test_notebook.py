"""The example notebook runs as it is shown, and computes the gaps of the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.analysis.gaps import gaps
from mobilebench.analysis.summary import summarise
from mobilebench.core.axes import Case
from mobilebench.results import export
from tests.analysis.example import example_run

NOTEBOOK = Path(__file__).parents[2] / "docs" / "examples" / "analysis.ipynb"


def test_it_is_stored_without_outputs() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 4
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)


@pytest.mark.slow
@pytest.mark.build
def test_it_computes_the_gaps_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    run = example_run(rounds=3)
    export.write(run, tmp_path / "samples.parquet", "parquet")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("gaps.to_json('gaps.json', orient='records')"))
    NotebookClient(
        notebook,
        timeout=120,
        startup_timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()

    found = {(row["target"], row["model"], row["web"]): row for row in json.loads((tmp_path / "gaps.json").read_text())}
    expected = [
        (group, gap.web, gap.ratios["prediction"])
        for group in gaps(summarise(run))
        for gap in group.main
        if "prediction" in gap.ratios
    ]
    assert len(expected) > 5
    figure = notebook.cells[-2].outputs[-1]["data"]
    assert figure["image/svg+xml"].count('aria-roledescription="bar"') == len(found)
    for group, web, ratio in expected:
        row = found[group.target.info.id, group.model, _name(web)]
        assert row["fastest native"] == _name(group.fastest_native)
        assert row["gap"] == pytest.approx(ratio.value)
        assert row["rounds"] == ratio.rounds
        assert (row["low"] is None) == (ratio.interval is None)


def _name(case: Case | None) -> str:
    assert case is not None
    return " ".join(case.key.split("/")[1:])
