"""`mobilebench store …`, and `--store` of the other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.results.places import VARIABLE, Place
from mobilebench.results.store import Store
from tests.postgresql import GUARDED, Server
from tests.results.making import START, measured, planned, run_info

from .command_line import mobilebench

RUNS = ("20261121-120000-ab12", "20261122-120000-cd34")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a store of two runs."""
    folder = tmp_path / "here"
    with Store.open(folder) as store:
        for days, run_id in enumerate(RUNS):
            store.create_run(run_info(run_id, at=START.replace(day=START.day + days)), [planned(0)])
            store.append(run_id, measured(planned(0)))
            store.finish(run_id, "finished", at=START)
        store.run_folder(RUNS[1]).mkdir(parents=True)
        (store.run_folder(RUNS[1]) / "run.log").write_text("a log")
    return folder


class TestFolders:
    def test_info(self, here: Path) -> None:
        found = json.loads(mobilebench(f"store info --out {here} --json").out)
        assert (found["runs"], found["blocks"], found["samples"]) == (2, 2, 12)
        assert (found["store"], found["first run"]) == (str(here), "2026-11-21 12:00 UTC")
        shown = mobilebench(f"store info --store {here}")
        assert shown.code == ExitCode.OK
        assert "SQLite" in shown.out

    def test_copy_and_check(self, here: Path, tmp_path: Path) -> None:
        copied = mobilebench(f"store copy {here} {tmp_path / 'there'}")
        assert copied.code == ExitCode.OK
        assert copied.out.splitlines()[-1] == "2 copied"
        assert (tmp_path / "there" / "runs" / RUNS[1] / "run.log").read_text() == "a log"
        assert mobilebench(f"store copy {here} {tmp_path / 'there'}").out.splitlines()[-1] == "2 already there"
        checks = [
            json.loads(mobilebench(f"store check --out {folder} --json").out)
            for folder in ("here", "there")
            for folder in [tmp_path / folder]
        ]
        assert checks[0]["runs"] == checks[1]["runs"]
        assert mobilebench(f"store check --out {here}").out.strip().endswith("no findings.")

    def test_a_copy_that_differs(self, here: Path, tmp_path: Path) -> None:
        with Store.open(tmp_path / "there") as store:
            store.create_run(run_info(RUNS[0]), [planned(0)])
        copied = mobilebench(f"store copy {here} {tmp_path / 'there'} --json")
        assert copied.code == ExitCode.CASES_FAILED
        assert [one["outcome"] for one in json.loads(copied.out)["runs"]] == ["differs", "copied"]

    def test_a_damaged_store_is_found(self, here: Path) -> None:
        with Store.open(here) as store, store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE samples SET value_ms = -1")
        checked = mobilebench(f"store check --out {here}")
        assert checked.code == ExitCode.CASES_FAILED
        assert "impossible values" in checked.out

    def test_prune(self, here: Path) -> None:
        plan = mobilebench(f"store prune --older-than 1d --out {here} --json")
        assert json.loads(plan.out) == {
            "removed": False,
            "would_go": [RUNS[0]],
            "kept": {RUNS[1]: "the newest of suite quick on host"},
        }
        shown = mobilebench(f"store prune --older-than 1d --out {here}")
        assert "Add --yes to remove them." in shown.out
        assert len(json.loads(mobilebench(f"results --json --out {here}").out)) == 2
        assert mobilebench(f"store prune --older-than 1d --yes --out {here}").code == ExitCode.OK
        assert [one["id"] for one in json.loads(mobilebench(f"results --json --out {here}").out)] == [RUNS[1]]
        assert mobilebench(f"store prune --older-than 1d --keep suite:none --yes --out {here}").code == ExitCode.OK
        assert json.loads(mobilebench(f"results --json --out {here}").out) == []

    @pytest.mark.parametrize("age", ["90", "0d", "soon", "-1d"])
    def test_no_age(self, here: Path, age: str) -> None:
        refused = mobilebench(f"store prune --older-than={age} --out {here}")
        assert refused.code == ExitCode.BAD_INPUT
        assert "is no age" in refused.err

    def test_the_variable_names_the_store(self, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, str(here))
        assert len(json.loads(mobilebench("results --json").out)) == 2
        written = mobilebench(f"report last --out {tmp_path / 'files'}")
        assert written.out.strip() == str(tmp_path / "files" / "runs" / RUNS[1] / "report.html")


@pytest.mark.database
class TestUrls:
    @pytest.fixture
    def store_at(self, here: Path, on_server: Place, tmp_path: Path) -> str:
        """Options that name a PostgreSQL store with the two runs."""
        url = str(on_server.database)
        copied = mobilebench(f"store copy {here} '{url}' --out {tmp_path / 'files'}")
        assert copied.out.splitlines()[-1] == "2 copied"
        return f"--store '{url}' --out {tmp_path / 'files'}"

    def test_every_command_that_reads(self, store_at: str, here: Path, tmp_path: Path) -> None:
        assert mobilebench(f"results --json {store_at}").out == mobilebench(f"results --json --out {here}").out
        for line in ("results last", "results last --format csv", "history --engine tflite --format csv"):
            assert mobilebench(f"{line} {store_at}").out == mobilebench(f"{line} --out {here}").out
        report = mobilebench(f"report last {store_at}")
        assert Path(report.out.strip()).is_relative_to(tmp_path / "files")
        url = store_at.split("'")[1]
        compared = mobilebench(f"compare last~1 '{url}:last' --json {store_at}")
        assert f"run {RUNS[0]} may be compared with run {RUNS[1]}" in compared.err
        checked = mobilebench(f"store check {store_at}")
        assert (checked.code, checked.out.strip().endswith("no findings.")) == (ExitCode.OK, True)
        assert json.loads(mobilebench(f"store info --json {store_at}").out)["database"].startswith("PostgreSQL")

    def test_transfer(self, store_at: str, server: Server, tmp_path: Path) -> None:
        file = tmp_path / "a.zip"
        assert mobilebench(f"export --all --file {file} {store_at}").code == ExitCode.OK
        other = server.create()
        imported = mobilebench(f"import {file} --store '{other}' --out {tmp_path / 'b'} --json")
        assert [one["same_as"] for one in json.loads(imported.out)] == [None, None]
        again = mobilebench(f"import {file} {store_at} --json")
        assert [one["same_as"] for one in json.loads(again.out)] == list(RUNS)

    def test_quarantine(self, store_at: str) -> None:
        with Store.open(store_at.split("'")[1]) as store:
            from mobilebench.results import quarantine
            from tests.results.making import phone

            later = START.replace(year=START.year + 5)
            quarantine.add(store, phone(), later, "its cable is loose")
        listed = json.loads(mobilebench(f"quarantine list --json {store_at}").out)
        assert [one["serial"] for one in listed] == ["R58M"]
        assert mobilebench(f"quarantine lift R58M {store_at}").code == ExitCode.OK
        assert json.loads(mobilebench(f"quarantine list --json {store_at}").out) == []

    def test_bug_report(self, store_at: str, tmp_path: Path) -> None:
        import zipfile

        file = tmp_path / "bug.zip"
        assert mobilebench(f"bugreport last --file {file} {store_at}").code == ExitCode.OK
        assert "run.json" in zipfile.ZipFile(file).namelist()

    def test_prune(self, store_at: str, tmp_path: Path) -> None:
        assert mobilebench(f"store prune --older-than 1d --keep {RUNS[0]} --yes {store_at}").code == ExitCode.OK
        assert [one["id"] for one in json.loads(mobilebench(f"results --json {store_at}").out)] == [RUNS[0]]
        assert not (tmp_path / "files" / "runs" / RUNS[1]).exists()


@pytest.mark.database
def test_a_wrong_password_is_not_printed(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    url = server.url("postgres", GUARDED, "wr0ng:pass")
    monkeypatch.setenv(VARIABLE, url)
    for line in (f"results --log-file {log} -vv", f"store copy '{url}' {tmp_path / 'x'}", f"store info '{url}'"):
        ended = mobilebench(line)
        assert ended.code == ExitCode.BAD_INPUT
        assert "wr0ng" not in ended.err + ended.out
    assert "wr0ng" not in log.read_text()
