"""What drivers of GPUs show on virtual phones, read by the recorder that reads real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.profiles.catalogue import all_profiles
from mobilebench.recorders.gpu import CLOCK, LOAD, parse
from mobilebench.recorders.reading import Readings, Void
from mobilebench.virtual import device_identity, gpu
from mobilebench.virtual.state import BadState, State, with_value
from tests.virtual.test_commands import make_device


def read(profile: str, load: int, folder: Path) -> Readings:
    device = make_device(folder, profile)
    device.files.change(lambda state: with_value(state, "gpu.load", load))
    written = {
        f"/sys/{name}": (folder / "sys" / name).read_text()
        for name in gpu.sys_files(device.config.gpu, device.config.properties["ro.product.manufacturer"], load)
    }
    return parse("".join(f"{path} {line}" for path, line in written.items()))


@pytest.mark.parametrize(
    ("profile", "tells_load"),
    [("snapdragon-8-gen-2", True), ("tensor-g3", True), ("dimensity-9300", True), ("exynos-2400", True),
     ("kirin-990", False)],
)  # fmt: skip
def test_the_recorder_reads_clock_and_load(profile: str, tells_load: bool, tmp_path: Path) -> None:
    idle, busy = read(profile, 0, tmp_path / "idle"), read(profile, 94, tmp_path / "busy")
    assert (idle[CLOCK], busy[CLOCK]) == (gpu.LOWEST_MHZ, 850)
    if tells_load:
        assert (idle[LOAD], busy[LOAD]) == (0, 94)
    else:
        assert isinstance(busy[LOAD], Void)


def test_every_profile_has_files_that_are_understood() -> None:
    for profile in all_profiles():
        maker = device_identity.properties(profile, "phone-1")["ro.product.manufacturer"]
        files = gpu.sys_files(profile.gpu.name, maker, 40)
        assert not isinstance(parse("".join(f"/sys/{name} {text}\n" for name, text in files.items()))[CLOCK], Void)
    assert gpu.sys_files("PowerVR", "x", 40) == {}


def test_a_load_is_a_percentage() -> None:
    with pytest.raises(BadState, match=r"gpu\.load must be from 0 to 100"):
        with_value(State(), "gpu.load", 101)
    assert with_value(with_value(State(), "gpu.load", 30), "gpu.load", None).fixed == ()


def test_the_load_is_the_processor_time_of_the_process_that_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    used = {7: 1.0}
    monkeypatch.setattr(gpu, "_draws", lambda pid: pid == 7)
    monkeypatch.setattr(gpu, "_seconds", used.get)
    load = gpu.Load(lambda: [1, *used])
    assert load.percent(100.0) == 0
    used[7] = 1.5
    assert load.percent(100.1) == 0, "too soon for a new value"
    assert load.percent(101.0) == 50
    used[7] = 9.0
    assert load.percent(102.0) == 100
    del used[7]
    assert load.percent(103.0) == 0
    assert load.percent(104.0) == 0
