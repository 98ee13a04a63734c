"""`mobilebench run --headed`: in real windows where there is a screen or one can be had in memory; else refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Run
from mobilebench.results.store import Store
from tests.browsers.display import a_screen
from tests.browsers.processes import processes_with, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.build]

SUITE = """\
title: Windows
description: A page in a window of each browser
models: [bert_small]
threads: [1]
browsers: [chrome, firefox]
rule: {min_predictions: 3, max_predictions: MOST, max_seconds: SECONDS}
blocks: 1
groups:
  - targets: [host]
    engines:
      tfjs: {wasm: {wasm_build: simd}}
"""

Screen = dict[str, str]


class Place:
    """Folders of one run: for its results, and (by a short path, as a browser's sockets need it) for profiles."""

    def __init__(self, folder: Path, profiles: Path) -> None:
        self.folder = folder
        self.profiles = profiles

    def run(self, screen: Screen | None, rule: str = "3 1") -> subprocess.Popen[str]:
        most, seconds = rule.split()
        suite = self.folder / "windows.yaml"
        suite.write_text(SUITE.replace("MOST", most).replace("SECONDS", seconds))
        argv = [sys.executable, "-m", "mobilebench", "run", "--serial", "host", "--suite", str(suite), "--headed"]
        own = {"MOBILEBENCH_HOME": str(self.folder), "TMPDIR": str(self.profiles)}
        named = screen or {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
        return subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **own, **named}
        )

    def stored(self) -> Run:
        with Store.open(self.folder, create=False) as store:
            return store.load("last")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as profiles:
        yield Place(tmp_path, Path(profiles))


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen | None]:
    with a_screen() as found:
        yield found


def assert_refused(place: Place, screen: Screen | None) -> None:
    process = place.run(screen)
    said = " ".join(process.communicate(timeout=120)[0].split())
    assert process.returncode == ExitCode.BAD_INPUT, said
    assert "--headed is not possible on this computer:" in said
    assert "xvfb-run" in said
    with Store.open(place.folder) as store:
        assert store.runs() == []


def test_without_a_screen_nothing_is_begun(place: Place) -> None:
    assert_refused(place, None)


def test_both_browsers_show_their_page_in_front(place: Place, screen: Screen | None) -> None:
    if screen is None:
        assert_refused(place, {"DISPLAY": ":417", "WAYLAND_DISPLAY": ""})
        return
    process = place.run(screen)
    said = process.communicate(timeout=240)[0]
    blocks = place.stored().blocks
    assert {block.planned.case.browser for block in blocks} == {"chrome", "firefox"}
    for block in blocks:
        assert block.measurement is not None, said
        proof = block.measurement.proof
        assert block.planned.conditions.headed
        assert not any("headless" in flag for flag in proof.flags)
        assert (proof.visible, proof.focused) == (True, True), block.planned.case.browser
    assert list(place.profiles.iterdir()) == []


def test_ctrl_c_closes_the_window(place: Place, screen: Screen | None) -> None:
    if screen is None:
        assert_refused(place, {"DISPLAY": ":417", "WAYLAND_DISPLAY": ""})
        return
    process = place.run(screen, "1000000 3000")
    wait_until(lambda: bool(processes_with(str(place.profiles / "mobilebench-"))), seconds=60)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == ExitCode.INTERRUPTED, said
    assert "--resume" in said
    wait_until(lambda: processes_with(str(place.profiles)) == [], 60)  # what was killed takes a moment to be gone
    assert list(place.profiles.iterdir()) == []
