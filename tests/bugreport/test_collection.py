from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilebench import targets
from mobilebench.bugreport import collection
from mobilebench.cli import app
from mobilebench.core.errors import BadInput
from mobilebench.results.store import Store
from mobilebench.session.journal import FILE_NAME, LOG_NAME
from tests.pinning import Pinned
from tests.results import making

PHONE = making.phone("R58M123ABC")
RUN = "20261129-120000-abcd"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run on a phone: its first block is valid, its second failed and names the phone; with journal and log."""
    store = Store.open(tmp_path)
    planned = [making.planned(index, index, target=PHONE.id) for index in range(2)]
    store.create_run(making.run_info(RUN, PHONE), planned)
    store.append(RUN, making.measured(planned[0], proof=making.PROVEN))
    store.append(RUN, making.failed(planned[1], f"{PHONE.id}: the connection was cut while reading {tmp_path}/x"))
    folder = store.run_folder(RUN)
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text('{"kind": "RunStarted", "targets": ["R58M123ABC"]}\n', encoding="utf-8")
    (folder / LOG_NAME).write_text("first line\nadb -s R58M123ABC shell true\n", encoding="utf-8")
    return store


def packed(store: Store | None, run: str | None = RUN) -> dict[str, str]:
    members, _ = collection.collect(store, run, [making.host()])
    return {one.name: one.text for one in members}


@pytest.mark.slow
def test_a_report_holds_the_failing_blocks_of_a_run(store: Store) -> None:
    files = packed(store)
    (block,) = json.loads(files["blocks.json"])
    assert block["planned"]["index"] == 1
    assert block["reason"].startswith("<serial-1>: the connection was cut while reading <")
    assert json.loads(files["run.json"])["targets"][0]["id"] == "<serial-1>"


def test_a_report_holds_journal_log_and_versions(store: Store, pinned: Pinned) -> None:
    files = packed(store)
    pinned(files[LOG_NAME])
    assert json.loads(files[FILE_NAME])["targets"] == ["<serial-1>"]
    assert json.loads(files["versions.json"])["packages"]["typer"]


def test_no_file_names_the_phone(store: Store) -> None:
    assert "r58m123abc" not in "".join(packed(store).values()).lower()


def test_without_a_run_there_are_versions_and_devices() -> None:
    assert set(packed(None, None)) == {"versions.json", "attached.json"}


def test_of_a_long_log_the_end_is_packed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST_BYTES", 20)
    text = packed(store)[LOG_NAME]
    assert "first line" not in text
    assert text.startswith("(the first ")


class TestCommand:
    @pytest.fixture(autouse=True)
    def nothing_attached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(targets, "discover", lambda *_: [making.host()])

    def invoke(self, *arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["bugreport", *arguments])
        return result.exit_code, result.stdout, result.stderr

    def test_it_writes_one_file_and_prints_what_is_in_it(self, store: Store, tmp_path: Path) -> None:
        file = tmp_path / "report.zip"
        code, out, _ = self.invoke("--out", str(store.folder), "--file", str(file))
        assert code == 0
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            assert "blocks.json" in names
            assert b"R58M123ABC" not in b"".join(archive.read(name) for name in names)
        assert all(name in out for name in names)
        assert "serial in " in out

    def test_an_existing_file_is_left_alone(self, store: Store, tmp_path: Path, pinned: Pinned) -> None:
        file = tmp_path / "report.zip"
        file.write_text("mine")
        code, _, err = self.invoke("--out", str(store.folder), "--file", str(file))
        assert code == 2
        pinned(err)
        assert file.read_text() == "mine"

    def test_without_results_it_reports_this_computer(self, tmp_path: Path) -> None:
        file = tmp_path / "report.zip"
        code, out, _ = self.invoke("--out", str(tmp_path / "empty"), "--file", str(file))
        assert code == 0, out
        assert file.is_file()

    def test_an_unknown_run_is_refused(self, store: Store, tmp_path: Path) -> None:
        code, _, err = self.invoke("nonsense", "--out", str(store.folder), "--file", str(tmp_path / "r.zip"))
        assert code == 2
        assert "nonsense" in err


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        collection.write([], tmp_path / "none" / "report.zip")
