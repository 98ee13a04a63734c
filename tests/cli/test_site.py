"""`mobilebench site`, and `mobilebench serve --history` where it cannot serve."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned
from tests.site import making

ONE = making.WAYS[:1]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    runs = [making.night(number, ways=ONE, suite="nightly" if number else "quick") for number in range(3)]
    return making.stored(tmp_path / "results", *runs, events=[making.skipped()])


@pytest.mark.slow
def test_the_pages_are_written_and_counted(tmp_path: Path, results: Path) -> None:
    code, out, err = mobilebench(f"site {tmp_path}/site --out {results}")
    assert (code, err) == (0, "")
    path, counts = out.splitlines()
    assert Path(path) == tmp_path / "site" / "index.html"
    assert re.fullmatch(r"1[0-9] pages were written \(.+\), 0 did not change, 0 were removed\.", counts)
    assert "3 cases on 3 targets over 3 nights" in Path(path).read_text()
    assert mobilebench(f"site {tmp_path}/site --out {results}")[1].splitlines()[1].startswith("0 pages were written")


@pytest.mark.slow
def test_only_runs_of_a_suite(tmp_path: Path, results: Path) -> None:
    mobilebench(f"site {tmp_path}/site --out {results} --suite nightly")
    assert "over 2 nights" in (tmp_path / "site" / "index.html").read_text()


@pytest.mark.slow
def test_anonymised_pages_have_no_serial(tmp_path: Path, results: Path) -> None:
    code, _, err = mobilebench(f"site {tmp_path}/site --out {results} --anonymise")
    assert (code, err) == (0, "")
    pages = list((tmp_path / "site").iterdir())
    assert any("phone-1" in page.name for page in pages)
    for page in pages:
        assert "R5CT10ABCDE".lower() not in f"{page.name} {page.read_text()}".lower()


def test_a_folder_with_foreign_files_is_bad_input(tmp_path: Path, results: Path, pinned: Pinned) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").touch()
    code, out, err = mobilebench(f"site {tmp_path}/site --out {results}")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    pinned(err.replace(str(tmp_path), "FOLDER"))


def test_without_a_store_there_is_nothing_to_show(tmp_path: Path) -> None:
    code, _, err = mobilebench(f"site {tmp_path}/site --out {tmp_path}/none")
    assert code == ExitCode.BAD_INPUT
    assert "There are no results" in err
    assert not (tmp_path / "site").exists()


def test_the_history_is_not_served_to_others(tmp_path: Path, results: Path, pinned: Pinned) -> None:
    code, out, err = mobilebench(f"serve --history --listen 0.0.0.0 --out {results}")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    pinned(err)


def test_options_of_the_history_need_it(tmp_path: Path) -> None:
    code, _, err = mobilebench(f"serve --anonymise --out {tmp_path}")
    assert code == ExitCode.BAD_INPUT
    assert "--history" in err


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_the_history_is_served_until_ctrl_c(results: Path, name: signal.Signals) -> None:
    command = [sys.executable, "-m", "mobilebench", "serve", "--history", "--out", str(results)]
    before = {path: path.read_bytes() for path in results.glob("results.sqlite")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as served:
        try:
            assert served.stdout
            url = served.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
            with urllib.request.urlopen(url, timeout=60) as answer:
                assert b"3 cases on 3 targets over 3 nights" in answer.read()
            served.send_signal(name)
            assert served.wait(60) == 0
        finally:
            served.kill()
    assert {path: path.read_bytes() for path in before} == before
