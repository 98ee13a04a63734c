"""What a phone counts between two readings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mobilebench.core.errors import BlockFailed
from mobilebench.core.page_metrics import readings
from mobilebench.core.page_quality import InterfaceFrames, LayerFrames, PhoneFrames, Void
from mobilebench.scenarios.phone_frames import PhoneWatch
from mobilebench.targets.base import ShellResult
from tests.scenarios.made import result

CHROME = "com.android.chrome"
PAGES, MAIN = f"{CHROME}/ChromeChildSurface#7", f"{CHROME}/x.Main#5"


def drawn(rendered: int, janky: int, pid: int = 4731) -> str:
    return (
        f"** Graphics info for pid {pid} [{CHROME}] **\n"
        f"Total frames rendered: {rendered}\nJanky frames: {janky} (1.00%)\n"
    )


def latency(*times: int, full: bool = False) -> str:
    lines = [*([] if full else ["0\t0\t0"]), *(f"{at}\t{at}\t{at}" for at in times)]
    return "16666667\n" + "".join(f"{line}\n" for line in lines) + "\n"


class FakePhone:
    """Answers each command with what it is told."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.drawn = drawn(100, 3)
        self.listed = f"{MAIN}\n{PAGES}\n"
        self.layers = {PAGES: latency(1_000_000, 2_000_000), MAIN: latency()}
        self.fails: BlockFailed | None = None

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Any = None) -> ShellResult:
        self.asked.append(argv)
        if self.fails:
            raise self.fails
        match list(argv):
            case ["dumpsys", "gfxinfo", package]:
                assert package == CHROME
                text = self.drawn
            case ["dumpsys", "SurfaceFlinger", "--list"]:
                text = self.listed
            case ["sh", "-c", script]:
                named = [name for name in self.layers if name in script]
                named.sort(key=script.index)
                text = "".join(f"mobilebench-layer\n{self.layers[name]}" for name in named)
            case _:
                raise AssertionError(argv)
        return ShellResult(text.encode(), b"", 0)


def watched(phone: FakePhone) -> PhoneWatch:
    return PhoneWatch(phone, CHROME)  # type: ignore[arg-type]


def test_what_came_between_two_readings() -> None:
    phone = FakePhone()
    watch = watched(phone)
    phone.drawn = drawn(110, 5)
    phone.layers[PAGES] = latency(2_000_000, 18_000_000, 51_000_000)
    found = watch.frames()
    assert found.interface == InterfaceFrames(rendered=10, janky=2)
    assert isinstance(found.layer, LayerFrames)
    assert (found.layer.layer, found.layer.presented_ms, found.layer.complete) == (PAGES, [0.0, 33.0], True)
    assert found.layer.between_ms > 0
    assert {argv[0] for argv in phone.asked} == {"dumpsys", "sh"}


def test_frames_that_were_forgotten_and_a_new_layer() -> None:
    phone = FakePhone()
    watch = watched(phone)
    phone.layers[PAGES] = latency(5_000_000, 25_000_000, 45_000_000, full=True)
    found = watch.frames().layer
    assert isinstance(found, LayerFrames)
    assert not found.complete
    phone = FakePhone()
    phone.listed = f"{MAIN}\n"
    watch = watched(phone)
    phone.listed = f"{MAIN}\n{PAGES}\n"
    found = watch.frames().layer
    assert isinstance(found, LayerFrames)
    assert (found.layer, found.complete) == (PAGES, True)


def reasons(phone: FakePhone, watch: PhoneWatch) -> tuple[str, str]:
    found = watch.frames()
    assert isinstance(found.interface, Void)
    assert isinstance(found.layer, Void)
    return found.interface.reason, found.layer.reason


def test_what_a_phone_does_not_say_is_void() -> None:
    phone = FakePhone()
    watch = watched(phone)
    phone.drawn = drawn(110, 5, pid=1)
    anew = "the browser's process was started anew, or its counts were reset"
    assert reasons(phone, watch) == (anew, "SurfaceFlinger remembers no new frame of the browser's layers")
    phone.drawn = drawn(99, 3)
    phone.listed = "StatusBar\n"
    assert reasons(phone, watch) == (anew, f"SurfaceFlinger has no layer of {CHROME}")
    phone.fails = BlockFailed("R58M: `dumpsys` took more than 10 s.", fault="hang")
    assert set(reasons(phone, watch)) == {"R58M: `dumpsys` took more than 10 s"}


def test_a_cancelled_block_is_no_void() -> None:
    phone = FakePhone()
    phone.fails = BlockFailed("The block was cancelled.")
    with pytest.raises(BlockFailed, match="cancelled"):
        watched(phone)


def values(interface: InterfaceFrames | Void, layer: LayerFrames | Void) -> dict[str, float | Void]:
    found = readings(result(phone=PhoneFrames(interface=interface, layer=layer)))
    return {one.metric.name: one.value for one in found}


def layer(*times: float, complete: bool) -> LayerFrames:
    return LayerFrames(layer=PAGES, refresh_ms=16.7, presented_ms=list(times), complete=complete, between_ms=2000)


def test_rates_of_all_frames_and_of_the_last() -> None:
    found = values(InterfaceFrames(rendered=8, janky=2), layer(0, 20, 40, complete=True))
    assert found["interface_janky"] == 25
    assert found["layer_fps"] == pytest.approx(1.5)
    found = values(InterfaceFrames(rendered=0, janky=0), layer(0, 20, 40, complete=False))
    assert found["interface_janky"] == Void(reason="the browser drew no frame of its own interface meanwhile")
    assert found["layer_fps"] == pytest.approx(50)
    assert isinstance(values(Void(reason="a"), layer(0, complete=False))["layer_fps"], Void)


def test_this_computer_has_no_such_metrics() -> None:
    assert "layer_fps" not in {one.metric.name for one in readings(result())}
