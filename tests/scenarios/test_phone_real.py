"""A scenario on a phone: driven over adb, and nothing is left on it. The phone is a virtual one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mobilebench import targets
from mobilebench.core.page_quality import InterfaceFrames, OwnFrames, PhoneFrames, PresentedFrames, ScenarioResult, Void
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.registry import scenario_of
from mobilebench.scenarios.repetition import repeated
from mobilebench.virtual import phones
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.browser]


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        yield phones.up(names=["typist"])[0].serial


def looks(serial: str) -> bytes:
    """What a browser that is driven changes on a phone."""
    (info,) = targets.select(serial)
    with targets.open_target(info) as phone:
        script = "settings list global; ls /data/local/tmp"
        return phone.shell(["sh", "-c", script], timeout=20).stdout


def test_the_pages_are_used_in_the_chrome_of_a_phone(serial: str) -> None:
    (info,) = targets.select(serial)
    results: list[ScenarioResult] = []
    before = looks(serial)
    with targets.open_target(info) as phone:
        for name in ("interaction", "typing"):
            results += repeated(phone, scenario_of(name), "chrome", seconds=2, times=1)
    assert looks(serial) == before
    interaction, typing = results
    assert not isinstance(interaction.runs, Void)
    assert not isinstance(typing.typing, Void)
    assert typing.typing.characters > 0
    assert interaction.frames_ms
    assert typing.frames_ms
    assert isinstance(typing.presented, PresentedFrames), typing.presented
    assert isinstance(typing.presented.own, OwnFrames)
    assert typing.presented.own.presented_ms
    none = "SurfaceFlinger remembers no new frame of the browser's layers"
    assert typing.phone == PhoneFrames(interface=InterfaceFrames(rendered=0, janky=0), layer=Void(reason=none))


def test_the_camera_of_a_phone_is_shown(serial: str) -> None:
    (info,) = targets.select(serial)
    with targets.open_target(info) as phone:
        (found,) = repeated(phone, scenario_of("call"), "chrome", seconds=2, times=1)
    assert not isinstance(found.video, Void)
    assert found.video.frames_ms
    assert not isinstance(found.runs, Void)


def test_a_phone_whose_browser_gives_no_camera(serial: str) -> None:
    (info,) = targets.select(serial)
    phones.change_state("typist", {"browser.camera": False})
    before = looks(serial)
    with targets.open_target(info) as phone, pytest.raises(ScenarioFailed) as failed:
        list(repeated(phone, scenario_of("call"), "chrome", seconds=2, times=1))
    assert failed.value.outcome == "no camera"
    assert looks(serial) == before
