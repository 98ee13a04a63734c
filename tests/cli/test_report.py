"""`mobilebench report`: its files, the tables of the study, and references that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.results.store import Store
from tests.analysis import page_runs, pages
from tests.cli.command_line import mobilebench
from tests.results import making


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of results with one run of one block."""
    store = Store.open(tmp_path / "out", create=True)
    plan = making.planned(0)
    store.create_run(making.run_info("20261121-120000-ab12", making.host()), [plan])
    store.append("20261121-120000-ab12", making.measured(plan))
    return tmp_path / "out"


@pytest.mark.slow
def test_the_paths_of_what_was_written_are_printed(folder: Path) -> None:
    code, out, err = mobilebench(f"report last --tables --reference tosem2025 --out {folder}")
    assert (code, err) == (0, "")
    report, tables = map(Path, out.splitlines())
    assert report == folder / "runs" / "20261121-120000-ab12" / "report.html"
    assert report.is_file()
    assert tables == report.parent / "tables"
    assert {"tables.html", "tables.md", "tables.tex", "study.csv"} <= {path.name for path in tables.iterdir()}
    assert "Against published numbers" in (report.parent / "report.md").read_text()


@pytest.mark.slow
def test_without_options_there_is_only_the_report(folder: Path) -> None:
    code, out, _ = mobilebench(f"report last --out {folder}")
    assert code == 0
    assert len(out.splitlines()) == 1
    assert not (Path(out.strip()).parent / "tables").exists()


@pytest.mark.slow
def test_figures_are_written_beside_the_report_on_demand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = pages.run_of([(pages.WASM, pages.answer(pages.WASM))])
    monkeypatch.setattr(Store, "load", lambda _store, _id: run)
    monkeypatch.setattr(Store, "stored_events", lambda _store, _id: [])
    code, out, err = mobilebench(f"report last --out {folder} --figures svg --figures pdf")
    assert code == 0
    html, figures = Path(out.splitlines()[0]), out.splitlines()[1]
    assert {file.suffix for file in (html.parent / "figures").iterdir()} == {".svg", ".pdf"}
    assert str(html.parent / "figures") in figures
    assert "Drawing" in err


def test_an_unknown_format_of_figures_is_bad_input_and_nothing_is_written(folder: Path) -> None:
    code, out, _ = mobilebench(f"report last --figures gif --out {folder}")
    assert (code, out) == (2, "")
    assert not (folder / "runs").exists()


def test_an_unknown_reference_is_bad_input_and_nothing_is_written(folder: Path) -> None:
    code, out, err = mobilebench(f"report last --reference tosem1999 --out {folder}")
    assert (code, out) == (2, "")
    assert "tosem2025" in err
    assert not (folder / "runs").exists()


@pytest.mark.slow
def test_targets_are_grouped_by_a_fact(folder: Path) -> None:
    code, out, _ = mobilebench(f"report last --group-by isa --out {folder}")
    assert code == 0
    assert "## By instruction set" in (Path(out.strip()).parent / "report.md").read_text()


def test_a_fact_that_does_not_exist_is_bad_input(folder: Path) -> None:
    code, _, err = mobilebench(f"report last --group-by colour --out {folder}")
    assert code == 2
    assert "gpu_vendor" in err


@pytest.mark.parametrize("share", ["0", "101%", "most", "nan", "-5"])
def test_a_share_that_is_none_is_bad_input(folder: Path, share: str) -> None:
    code, out, err = mobilebench(f"report last --keep={share} --out {folder}")
    assert (code, out) == (2, "")
    assert "is no share of a page" in err
    assert not (folder / "runs").exists()


def test_the_advice_is_for_the_share_that_was_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "load", lambda _store, _id: page_runs.whole_run())
    monkeypatch.setattr(Store, "stored_events", lambda _store, _id: [])
    code, out, _ = mobilebench(f"report last --keep 99% --out {folder}")
    assert code == 0
    html = Path(out.strip())
    assert "Which case keeps 99" in html.read_text()
    assert (html.parent / "quality.csv").is_file()
