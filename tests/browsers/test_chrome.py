"""Chrome on this computer: found or missed, started and ended without a trace."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from threading import Event
from types import ModuleType

import pytest

from mobilebench.browsers import chrome, firefox
from mobilebench.browsers.launching import Binary
from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from tests.browsers.processes import processes_with, program, wait_until
from tests.pinning import Pinned


def test_the_browser_that_was_chosen_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, 'echo "Chromium 140.0.7000.12 built on Debian"')
    monkeypatch.setenv("MOBILEBENCH_CHROME", str(path))
    assert chrome.find() == Binary(path, "140.0.7000.12")


@pytest.mark.parametrize("browser", [chrome, firefox])
def test_a_chosen_program_that_is_not_a_browser_is_refused_and_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: ModuleType, pinned: Pinned
) -> None:
    variable = f"MOBILEBENCH_{browser.__name__.rpartition('.')[2].upper()}"
    path = program(tmp_path, "echo hello")
    for chosen, why in ((path, "it does not answer --version"), (tmp_path / "missing", "there is no such program")):
        monkeypatch.setenv(variable, str(chosen))
        with pytest.raises(BadInput, match=f"{variable} is {chosen}: {why}") as raised:
            browser.find()
        assert raised.value.hint is not None
        pinned(raised.value.hint)


def test_of_two_chromes_the_first_of_the_usual_names_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOBILEBENCH_CHROME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, 'echo "Chromium 140.0.7000.12"', "chromium")
    program(tmp_path, 'echo "Google Chrome 141.0.0.1"', "google-chrome")
    assert chrome.find() == Binary(tmp_path / "google-chrome", "141.0.0.1")
    program(tmp_path, "exit 1", "google-chrome-stable")
    assert chrome.find() == Binary(tmp_path / "google-chrome", "141.0.0.1")


def test_no_chrome_is_unsupported_with_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.delenv("MOBILEBENCH_CHROME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pinned.raises(Unsupported) as raised, chrome.launch():
        pass
    assert raised.value.hint is not None
    assert "MOBILEBENCH_CHROME" in raised.value.hint


def test_a_browser_that_ends_at_once_is_reported_with_its_last_message(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    script = 'case $1 in --version) echo "Chrome 1.2.3.4";; *) echo "cannot open display" >&2; exit 7;; esac'
    monkeypatch.setenv("MOBILEBENCH_CHROME", str(program(tmp_path, script)))
    with pinned.raises(BlockFailed), chrome.launch():
        pass
    assert list(temporary.iterdir()) == []


def hanging(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'case $1 in --version) echo "Chrome 1.2.3.4";; *) sleep 60 & sleep 60;; esac'
    monkeypatch.setenv("MOBILEBENCH_CHROME", str(program(folder, script)))


def test_a_browser_that_never_opens_its_port_is_ended(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    hanging(tmp_path, monkeypatch)
    with pinned.raises(BlockFailed), chrome.launch(timeout=0.3):
        pass
    assert list(temporary.iterdir()) == []
    wait_until(lambda: processes_with(str(temporary)) == [])  # a child may end after its parent


def test_cancelling_the_start_ends_it_at_once(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging(tmp_path, monkeypatch)
    cancel = Event()
    cancel.set()
    began = time.monotonic()
    with pytest.raises(BlockFailed, match="cancelled"), chrome.launch(cancel=cancel):
        pass
    assert time.monotonic() - began < 30


def test_profiles_of_killed_processes_are_removed_and_others_are_kept(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale = temporary / f"mobilebench-chrome-{ended.pid}-abc"
    alive = temporary / f"mobilebench-chrome-{os.getpid()}-abc"
    foreign = temporary / "mobilebench-chrome-notes"
    for folder in (stale, alive, foreign):
        folder.mkdir()
    hanging(tmp_path, monkeypatch)
    with pytest.raises(BlockFailed), chrome.launch(timeout=0.05):
        pass
    assert sorted(temporary.iterdir()) == sorted([alive, foreign])


def test_features_of_several_flags_become_one_list_as_chrome_would_take_the_last_alone() -> None:
    assert chrome.joined(("--disable-features=A,B", "--x", "--enable-features=C", "--disable-features=B,D")) == (
        "--x",
        "--disable-features=A,B,D",
        "--enable-features=C",
    )
