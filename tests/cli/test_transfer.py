"""`mobilebench export` and `mobilebench import`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.results.store import Store
from tests.pinning import Pinned
from tests.results.making import START, measured, planned, run_info

from .command_line import mobilebench

RUNS = ("20261121-120000-ab12", "20261122-120000-cd34")


@pytest.fixture(scope="module")
def measured_here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with two runs."""
    folder = tmp_path_factory.mktemp("here")
    with Store.open(folder) as store:
        for days, run_id in enumerate(RUNS):
            store.create_run(run_info(run_id, at=START.replace(day=START.day + days)), [planned(0)])
            store.append(run_id, measured(planned(0)))
            store.finish(run_id, "finished", at=START)
        store.run_folder(RUNS[1]).mkdir(parents=True)
        (store.run_folder(RUNS[1]) / "run.log").write_text("a log")
    return folder


@pytest.fixture
def here(measured_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Options that name that store; the working directory is empty."""
    monkeypatch.chdir(tmp_path)
    return f"--out {measured_here}"


def test_a_run_of_another_lab(here: str, tmp_path: Path, pinned: Pinned) -> None:
    exported = mobilebench(f"export last --file a.zip {here}")
    assert exported.code == ExitCode.OK
    imported = mobilebench("import a.zip --from 'Lab A' --out there")
    assert imported.code == ExitCode.OK
    pinned(exported.out.partition(" was written")[0])
    pinned(imported.out)

    listed = json.loads(mobilebench("results --json --out there").out)
    assert [one["imports"][0]["source"] for one in listed] == ["Lab A"]
    assert "Lab A" in mobilebench("results --out there").out
    assert "Imported from Lab A on " in mobilebench("results last --out there").out
    assert mobilebench("report --out there").code == ExitCode.OK
    for name in ("report.html", "report.md"):
        assert "Imported from Lab A on " in (tmp_path / "there" / "runs" / RUNS[1] / name).read_text()


def test_again(here: str, pinned: Pinned) -> None:
    mobilebench(f"export --all --file a.zip {here}")
    mobilebench("import a.zip --out there")
    again = mobilebench("import a.zip --out there")
    assert again.code == ExitCode.OK
    pinned(again.out)
    found = json.loads(mobilebench("import a.zip --json --out there").out)
    assert [(one["run_id"], one["same_as"]) for one in found] == [(one, one) for one in RUNS]


def test_the_file_is_named_after_the_run(here: str, tmp_path: Path) -> None:
    mobilebench(f"export 20261121 {here}")
    mobilebench(f"export {' '.join(RUNS)} {here}")
    assert {one.name for one in tmp_path.glob("*.zip")} == {f"mobilebench-{RUNS[0]}.zip", "mobilebench-runs.zip"}


def test_a_folder(here: str, measured_here: Path) -> None:
    assert mobilebench(f"import {measured_here} --from 'the other PC' --out there").code == ExitCode.OK
    with Store.open(Path("there")) as store:
        assert [one.id for one in store.runs()] == list(RUNS)


def test_a_source_that_holds_control_characters(here: str) -> None:
    mobilebench(f"export last --file a.zip {here}")
    mobilebench("import a.zip --from '\x1b[31mLab' --out there")
    assert "\x1b" not in mobilebench("results --out there").out + mobilebench("results last --out there").out


@pytest.mark.parametrize(
    "line", ["export --all last", "export never", "import absent.zip", "import bad.zip", "export last --file bad.zip"]
)
def test_refused(here: str, tmp_path: Path, line: str, pinned: Pinned) -> None:
    (tmp_path / "bad.zip").write_text("not a zip file")
    ended = mobilebench(f"{line} {here if line.startswith('export') else '--out there'}")
    assert ended.code == ExitCode.BAD_INPUT
    assert not (tmp_path / "there").exists()
    pinned(ended.err.replace(here.removeprefix("--out "), "HERE"))
