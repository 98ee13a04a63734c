"""Frames of a virtual phone: answers in the form of its Android, with no frame, read as mobilebench reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mobilebench.recorders.reading import Void
from mobilebench.targets.android import frame_statistics as statistics
from mobilebench.virtual.android.device import Device
from mobilebench.virtual.browsers import CHROME_PACKAGE
from mobilebench.virtual.device_identity import LEVELS
from tests.virtual.test_commands import ask, make_device

FRONT = f"{CHROME_PACKAGE}/{CHROME_PACKAGE}.Main"


def running() -> Any:
    """A phone on which Chrome is in front."""
    pids = mock.PropertyMock(return_value={CHROME_PACKAGE: os.getpid()})
    return mock.patch.multiple(Device, browser_pids=pids, front=mock.PropertyMock(return_value=FRONT))


@pytest.mark.parametrize("android", LEVELS)
def test_a_browser_that_runs_has_a_process_and_layers_without_frames(tmp_path: Path, android: int) -> None:
    device = make_device(tmp_path, android=android)
    with running():
        text = ask(device, "dumpsys", "gfxinfo", CHROME_PACKAGE).stdout
        assert statistics.parse_drawn(text, CHROME_PACKAGE) == statistics.Drawn(os.getpid(), 0, 0)
        layers = statistics.parse_layers(ask(device, "dumpsys", "SurfaceFlinger", "--list").stdout, CHROME_PACKAGE)
        assert isinstance(layers, list)
        assert "SurfaceView" in layers[0]
        for layer in layers:
            answer = ask(device, "dumpsys", "SurfaceFlinger", "--latency", layer).stdout
            assert len(answer.splitlines()) == 129
            assert statistics.parse_latency(answer) == statistics.LayerFrames(16_666_666, (), full=False)


def test_only_newer_versions_wrap_names_and_count_deadlines(tmp_path: Path) -> None:
    found = {}
    for android in LEVELS:
        device = make_device(tmp_path / str(android), android=android)
        with running():
            listed = ask(device, "dumpsys", "SurfaceFlinger", "--list").stdout
            counted = ask(device, "dumpsys", "gfxinfo", CHROME_PACKAGE).stdout
        found[android] = "RequestedLayerState" in listed, "(BLAST)" in listed, "deadline missed" in counted
    assert {android for android, one in found.items() if one[0]} == {one for one in LEVELS if LEVELS[one] >= 35}
    assert {android for android, one in found.items() if one[1]} == {one for one in LEVELS if LEVELS[one] >= 31}
    assert {android for android, one in found.items() if one[2]} == {one for one in LEVELS if LEVELS[one] >= 31}


def test_a_phone_without_a_running_browser(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    text = ask(device, "dumpsys", "gfxinfo", CHROME_PACKAGE).stdout
    assert statistics.parse_drawn(text, CHROME_PACKAGE) == Void(f"{CHROME_PACKAGE} does not run")
    listed = ask(device, "dumpsys", "SurfaceFlinger", "--list").stdout
    assert statistics.parse_layers(listed, CHROME_PACKAGE) == Void(f"SurfaceFlinger has no layer of {CHROME_PACKAGE}")
    assert ask(device, "dumpsys", "SurfaceFlinger", "--latency", "unknown").stdout == "16666666\n\n"
