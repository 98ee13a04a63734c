"""The call page: camera and interaction at once, and every way in which there is no camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench import targets
from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.errors import Unsupported
from mobilebench.core.page_metrics import readings
from mobilebench.core.page_quality import ScenarioResult, Void
from mobilebench.scenarios import measuring
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.call import call, show_camera
from mobilebench.scenarios.registry import scenario_of
from mobilebench.scenarios.scenario import Scenario
from tests.pinning import Pinned
from tests.scenarios.made import NOT_HERE, result, run, video


class Answers:
    """A page that answers every question with this."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def evaluate(self, _expression: str, **_: Any) -> str:
        return self.answer


def without_camera(answer: str) -> ScenarioFailed:
    page: Any = Answers(answer)
    with pytest.raises(ScenarioFailed) as failed:
        show_camera(page)
    return failed.value


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("NotAllowedError", "Permission denied"),
        ("NotFoundError", "Requested device not found"),
        ("NotReadableError", "Could not start video source"),
        ("TimeoutError", "nothing happened within 45 s"),
        ("InsecureContext", "the page is not secure"),
        ("", ""),
    ],
)
def test_each_reason_has_its_next_step(error: str, why: str, pinned: Pinned) -> None:
    failure = without_camera(f'{{"camera": "none", "error": "{error}", "why": "{why}"}}')
    assert failure.outcome == "no camera"
    pinned(failure.text_with_hint)


def test_an_answer_that_is_none() -> None:
    assert without_camera('{"camera": "perhaps"}').outcome == "page error"


def test_the_name_of_the_camera_is_no_path() -> None:
    page: Any = Answers('{"camera": "running", "label": "/home/kim/secret/camera.mjpeg"}')
    assert show_camera(page) == ["the camera is “camera.mjpeg”"]


def test_without_our_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    with pytest.raises(Unsupported) as failure:
        scenario_of("call")
    pinned(failure.value.text_with_hint)


def test_all_three_metrics_come_from_one_measurement() -> None:
    measured = result(scenario="call", runs=[run(0, 10, 20)], video=video(), inp_ms=16.0)
    values = {one.metric.name: one.value for one in readings(measured)}
    assert (values["runs_per_minute"], values["video_fps"], values["fps"]) == (2000, 1.5, 1.5)
    assert values["inp"] == 16
    gone = {one.metric.name: one.value for one in readings(result(scenario="call", runs=NOT_HERE))}
    assert gone["runs_per_minute"] == NOT_HERE


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    server = PageServer(paths.web_pages())
    yield server
    server.close()


def used(scenario: Scenario, browser: str, server: PageServer) -> ScenarioResult:
    (host,) = targets.select("host")
    with targets.open_target(host) as target, measuring.opened(target, scenario, browser, server) as page:
        return measuring.measure(page, scenario, 1)


@pytest.mark.browser
@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_the_camera_is_shown_while_the_page_is_used(browser: str, server: PageServer) -> None:
    found = used(scenario_of("call"), browser, server)
    assert not isinstance(found.runs, Void)
    assert len(found.runs[0].steps_ms) > 25
    assert not isinstance(found.video, Void)
    assert found.video.frames_ms
    assert found.video.width > 0
    assert found.video.least_visible == 1
    assert found.frames_ms
    assert found.inputs >= len(found.runs[0].steps_ms)


NO_CAMERA = {"chrome": ("--use-fake-ui-for-media-stream",), "firefox": ("media.navigator.permission.disabled=true",)}
"""Flags with which a page may use a camera of this computer, which has none."""


@pytest.mark.browser
@pytest.mark.parametrize("browser", ["chrome", "firefox"])
@pytest.mark.skipif(any(Path("/dev").glob("video*")), reason="this computer has a camera")
def test_a_computer_without_a_camera(browser: str, server: PageServer) -> None:
    with pytest.raises(ScenarioFailed) as failed:
        used(replace(scenario_of("call"), flags=NO_CAMERA), browser, server)
    assert failed.value.outcome == "no camera"
    assert "NotFoundError" in failed.value.message


@pytest.mark.browser
def test_a_page_that_may_not_use_the_camera(server: PageServer) -> None:
    scenario = scenario_of("call")
    denied = ("--use-fake-device-for-media-stream", "--deny-permission-prompts")
    with pytest.raises(ScenarioFailed) as failed:
        used(replace(scenario, flags={"chrome": denied}), "chrome", server)
    assert failed.value.outcome == "no camera"
    assert "NotAllowedError" in failed.value.message


@pytest.mark.browser
def test_a_clip_that_the_camera_cannot_show(server: PageServer, tmp_path: Path) -> None:
    clip = tmp_path / "camera.mjpeg"
    clip.write_bytes(b"no picture at all" * 100)
    with pytest.raises(ScenarioFailed) as failed:
        used(call(clip), "chrome", server)
    assert failed.value.outcome == "no camera"
