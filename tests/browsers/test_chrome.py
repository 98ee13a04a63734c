"""Chrome on this computer: found or missed, started and ended without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from mobilebench.browsers import cdp, chrome
from mobilebench.browsers.launching import Binary
from mobilebench.errors import BlockFailed, Unsupported


def program(folder: Path, script: str, name: str = "chrome") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where profiles are made during a test: a short path, because a browser's socket lies below it."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_the_browser_that_was_chosen_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, 'echo "Chromium 140.0.7000.12 built on Debian"')
    monkeypatch.setenv("MOBILEBENCH_CHROME", str(path))
    assert chrome.find() == Binary(path, "140.0.7000.12")


def test_a_chosen_browser_that_is_none_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOBILEBENCH_CHROME", str(program(tmp_path, "echo hello")))
    assert chrome.find() is None


def test_no_chrome_is_unsupported_and_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOBILEBENCH_CHROME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unsupported, match="no Chrome or Chromium on this computer") as raised, chrome.launch():
        pass
    assert raised.value.hint is not None
    assert "MOBILEBENCH_CHROME" in raised.value.hint


def test_a_browser_that_ends_at_once_says_its_last_words(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'case $1 in --version) echo "Chrome 1.2.3.4";; *) echo "cannot open display" >&2; exit 7;; esac'
    monkeypatch.setenv("MOBILEBENCH_CHROME", str(program(tmp_path, script)))
    with pytest.raises(BlockFailed, match=r"exit code 7.*cannot open display"), chrome.launch():
        pass
    assert list(temporary.iterdir()) == []


def hanging(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'case $1 in --version) echo "Chrome 1.2.3.4";; *) sleep 60 & sleep 60;; esac'
    monkeypatch.setenv("MOBILEBENCH_CHROME", str(program(folder, script)))


def test_a_browser_that_never_opens_its_port_is_ended(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging(tmp_path, monkeypatch)
    with pytest.raises(BlockFailed, match="Chrome did not open its port for us within"), chrome.launch(timeout=0.3):
        pass
    assert list(temporary.iterdir()) == []
    assert processes_with(str(temporary)) == []


def test_cancelling_the_start_ends_it_within_a_second(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging(tmp_path, monkeypatch)
    cancel = Event()
    cancel.set()
    began = time.monotonic()
    with pytest.raises(BlockFailed, match="cancelled"), chrome.launch(cancel=cancel):
        pass
    assert time.monotonic() - began < 1


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


@pytest.mark.real
def test_a_real_browser_runs_a_page_and_leaves_nothing(temporary: Path) -> None:
    with chrome.launch() as running:
        assert running.version.count(".") == 3
        with cdp.open_page(running.address) as page:
            page.open("data:text/html,<script>x = 6 * 7</script>")
            assert page.evaluate("`${x} ${document.visibilityState}`", timeout=10) == "42 visible"
        assert processes_with(str(running.profile))
    wait_until(lambda: not processes_with(str(running.profile)))
    assert list(temporary.iterdir()) == []


@pytest.mark.real
def test_a_real_browser_that_is_killed_is_named(temporary: Path) -> None:
    with chrome.launch() as running, pytest.raises(BlockFailed, match="cut"), cdp.open_page(running.address) as page:
        os.kill(running.pid, signal.SIGKILL)
        page.evaluate("new Promise(() => {})", timeout=20)
    assert list(temporary.iterdir()) == []


@pytest.mark.real
def test_a_page_that_crashes_is_named(temporary: Path) -> None:
    with (
        chrome.launch() as running,
        pytest.raises(BlockFailed, match="The page crashed"),
        cdp.open_page(running.address) as page,
    ):
        page.open("data:text/html,<p>soon gone</p>")
        page.call("Page.crash", timeout=20)


@pytest.mark.real
def test_a_page_in_an_endless_loop_is_given_up_and_its_browser_still_answers(temporary: Path) -> None:
    with chrome.launch() as running:
        with pytest.raises(BlockFailed, match="never answered"), cdp.open_page(running.address) as page:
            page.evaluate("for (;;) {}", timeout=0.5)
        with cdp.open_page(running.address) as page:
            assert page.evaluate("1 + 1", timeout=10) == 2


@pytest.mark.real
def test_the_browser_dies_with_a_killed_mobilebench(temporary: Path) -> None:
    script = (
        "import sys, tempfile, time\n"
        f"tempfile.tempdir = {str(temporary)!r}\n"
        "from mobilebench.browsers import chrome\n"
        "with chrome.launch() as running:\n"
        "    print(running.profile, flush=True)\n"
        "    time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    profile = owner.stdout.readline().strip()
    assert processes_with(profile)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: not processes_with(profile))


def processes_with(text: str) -> list[int]:
    """Processes whose command line holds `text`, without zombies."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                if text.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
