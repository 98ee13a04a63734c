"""The figures of a report as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.errors import BadInput
from mobilebench.report import figure_files
from mobilebench.report.compose import document
from tests.analysis import pages, watching
from tests.report.hostile import hostile_run


@pytest.mark.slow
def test_names_say_where_a_figure_stands_and_are_unique() -> None:
    names = figure_files.named(document(summarise(watching.watched_run())))
    assert "example-pc-mobilenet-v2-fp32-batch-1-prediction" in names
    assert "spread-over-devices" in names
    assert len({id(figure) for figure in names.values()}) == len(names)


@pytest.mark.slow
def test_names_of_devices_cannot_lead_elsewhere() -> None:
    names = figure_files.named(document(summarise(hostile_run())))
    assert names
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names)


@pytest.mark.slow
def test_each_figure_is_written_in_each_format(tmp_path: Path) -> None:
    made = document(summarise(pages.page_run()))
    told: list[tuple[int, int, str]] = []
    files = figure_files.write(
        figure_files.named(made), tmp_path / "figures", ("svg", "pdf"), lambda *of: told.append(of)
    )
    names = list(figure_files.named(made))
    assert told == [(number, len(names), name) for number, name in enumerate(names, 1)]
    assert sorted(file.name for file in (tmp_path / "figures").iterdir()) == sorted(file.name for file in files)
    assert {file.suffix for file in files} == {".svg", ".pdf"}
    assert len(files) == 2 * len(names)


@pytest.mark.parametrize("names", [["gif"], ["svg", "exe"], []])
def test_unknown_formats_are_refused(names: list[str]) -> None:
    with pytest.raises(BadInput):
        figure_files.formats(names)


def test_formats_are_taken_once() -> None:
    assert figure_files.formats(["pdf", "svg", "pdf"]) == ("svg", "pdf")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput):
        figure_files.write(
            figure_files.named(document(summarise(pages.page_run()))), tmp_path / "file" / "figures", ("svg",)
        )
