"""Android's own counts of frames, as phones of several versions answer, and as none should."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.recorders.reading import Void
from mobilebench.targets.android import frame_statistics as statistics
from mobilebench.targets.android.frame_statistics import Drawn, LayerFrames

CHROME = "com.android.chrome"
NOUGAT = """Applications Graphics Acceleration Info:
Uptime: 102809662 Realtime: 196891968

** Graphics info for pid 31148 [com.android.chrome] **

Stats since: 102794621664587ns
Total frames rendered: 105
Janky frames: 2 (1.90%)
90th percentile: 7ms
95th percentile: 9ms
99th percentile: 19ms
Number Missed Vsync: 0
Number High input latency: 0
Number Slow UI thread: 2
Number Slow bitmap uploads: 0
Number Slow issue draw commands: 1
HISTOGRAM: 5ms=78 6ms=16 7ms=4

Caches:
Current memory usage / total memory usage (bytes):
"""
SNOW_CONE = """Applications Graphics Acceleration Info:
Uptime: 22215460 Realtime: 38892707

** Graphics info for pid 4711 [com.android.chrome:privileged_process0] **

Stats since: 54444436332ns
Total frames rendered: 7
Janky frames: 7 (100.00%)

** Graphics info for pid 4731 [com.android.chrome] **

Stats since: 54444436332ns
Total frames rendered: 11835
Janky frames: 280 (2.37%)
Janky frames (legacy): 341 (2.88%)
50th percentile: 12ms
90th percentile: 21ms
95th percentile: 27ms
99th percentile: 61ms
Number Missed Vsync: 296
Number High input latency: 32
Number Slow UI thread: 1092
Number Slow bitmap uploads: 159
Number Slow issue draw commands: 1251
Number Frame deadline missed: 280
Number Frame deadline missed (legacy): 341
HISTOGRAM: 5ms=1254 6ms=581
50th gpu percentile: 3ms
GPU HISTOGRAM: 1ms=0 2ms=3

Profile data in ms:

\tcom.android.chrome/com.google.android.apps.chrome.Main/android.view.ViewRootImpl@1 (visibility=0)
Stats since: 1ns
Total frames rendered: 3
Janky frames: 1 (33.33%)
---PROFILEDATA---
Flags,FrameTimelineVsyncId,IntendedVsync,Vsync,InputEventId,HandleInputStart
0,12,100,200,0,300
---PROFILEDATA---
"""


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (NOUGAT, Drawn(31148, 105, 2)),
        (SNOW_CONE, Drawn(4731, 11835, 280)),
        (SNOW_CONE.replace("\n", "\r\n").replace("\r\n", "\n"), Drawn(4731, 11835, 280)),
        (NOUGAT.replace("105", "0").replace("2 (1.90%)", "0 (nan%)"), Drawn(31148, 0, 0)),
    ],
)
def test_the_counts_of_the_browsers_first_process(text: str, drawn: Drawn) -> None:
    assert statistics.parse_drawn(text, CHROME) == drawn


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the phone's service gfxinfo answered nothing"),
        ("Can't find service: gfxinfo\n", "the phone has no service gfxinfo"),
        (f"No process found for: {CHROME}\n", f"{CHROME} does not run"),
        (NOUGAT.replace(CHROME, "com.chrome.beta"), f"the phone's gfxinfo names no process {CHROME}"),
        (NOUGAT.partition("Stats since")[0], "the phone's gfxinfo has no count of frames"),
        (NOUGAT.replace("rendered: 105", f"rendered: {'9' * 13}"), "the phone's gfxinfo has no count of frames"),
        (NOUGAT.replace("rendered: 105", "rendered: -1"), "the phone's gfxinfo has no count of frames"),
        (
            "** Graphics info for pid 1 [com.android.chrome] **\n\n** Graphics info for pid 2 [x] **\n"
            "Total frames rendered: 1\nJanky frames: 0 (0%)\n",
            "the phone's gfxinfo has no count of frames",
        ),
    ],
)
def test_a_phone_without_these_counts_says_why(text: str, reason: str) -> None:
    assert statistics.parse_drawn(text, CHROME) == Void(reason)


MAIN = f"{CHROME}/com.google.android.apps.chrome.Main"


@pytest.mark.parametrize(
    ("lines", "layers"),
    [
        # Android 7, 10 and 12
        (["StatusBar", f"{MAIN}", f"SurfaceView - {MAIN}"], [f"SurfaceView - {MAIN}", f"{MAIN}"]),
        (
            ["NavigationBar#0", f"SurfaceView - {MAIN}#0", f"{MAIN}#0", f"Background for -SurfaceView - {MAIN}#0"],
            [f"SurfaceView - {MAIN}#0", f"{MAIN}#0"],
        ),
        (
            [f"{MAIN}#1204", f"SurfaceView[{MAIN}](BLAST)#1209", f"{CHROME}/ChromeChildSurface#1211"],
            [f"SurfaceView[{MAIN}](BLAST)#1209", f"{CHROME}/ChromeChildSurface#1211", f"{MAIN}#1204"],
        ),
        # Android 15 and 16
        (
            [
                f"RequestedLayerState{{SurfaceView[{MAIN}](BLAST)#92 parentId=90 z=-2}}",
                f"RequestedLayerState{{{CHROME}/ChromeChildSurface#95 parentId=92}}",
                f"RequestedLayerState{{81 {MAIN}#88 relativeParentId=3 z=1}}",
                "RequestedLayerState{Wallpaper BBQ wrapper#12 parentId=4}",
            ],
            [f"SurfaceView[{MAIN}](BLAST)#92", f"{CHROME}/ChromeChildSurface#95", f"81 {MAIN}#88"],
        ),
    ],
)
def test_layers_of_the_browser_those_of_pages_first(lines: list[str], layers: list[str]) -> None:
    assert statistics.parse_layers("\n".join(lines), CHROME) == layers


def test_layers_are_bounded_and_their_names_too() -> None:
    many = "\n".join(f"{MAIN}#{number}" for number in range(1000))
    assert statistics.parse_layers(many, CHROME) == [f"{MAIN}#{number}" for number in range(8)]
    none = Void(f"SurfaceFlinger has no layer of {CHROME}")
    assert statistics.parse_layers(f"{MAIN}{'x' * 300}\n\x1b{MAIN}\x07\nStatusBar\n", CHROME) == none


LAST = 9223372036854775807


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("16666667\n", LayerFrames(16666667, (), full=False)),
        ("8333333\n0\t0\t0\n0\t0\t0\n\n", LayerFrames(8333333, (), full=False)),
        ("16666667\n0\t0\t0\n10\t30\t20\n11\t20\t21\n", LayerFrames(16666667, (20, 30), full=False)),
        (f"16666667\n10\t30\t20\n40\t{LAST}\t{LAST}\n", LayerFrames(16666667, (30,), full=True)),
    ],
)
def test_times_of_presented_frames(text: str, found: LayerFrames) -> None:
    assert statistics.parse_latency(text) == found


@pytest.mark.parametrize(
    "text", ["x", "-1\n", "1e9\n", "9" * 16, "16666667\n1\t2\n", "16666667\n1\t-2\t3\n", "16666667\n1\t2\t3\t4\n"]
)
def test_frames_in_another_form_are_void(text: str) -> None:
    assert isinstance(statistics.parse_latency(text), Void)


def test_answers_about_several_layers() -> None:
    layers = [f"{MAIN}#1", "it's; $(x)#2", "c"]
    script = statistics.latency_script(layers)
    assert "--latency 'it'\"'\"'s; $(x)#2'" in script
    text = "mobilebench-layer\n16\n1\t2\t3\nmobilebench-layer\r\nPermission Denial: can't dump\n"
    assert statistics.parse_latencies(text, layers) == {
        layers[0]: LayerFrames(16, (2,), full=True),
        layers[1]: Void("the phone does not let a shell query its service SurfaceFlinger"),
        layers[2]: Void("the phone did not answer"),
    }


def frames(*times: int, full: bool = True) -> LayerFrames:
    return LayerFrames(16, times, full)


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        (None, frames(1, 2), ([1, 2], False)),
        (None, frames(1, 2, full=False), ([1, 2], True)),
        (frames(full=False), frames(1, 2), ([1, 2], False)),
        (frames(1, 2), frames(2, 3), ([3], True)),
        (frames(1, 2), frames(3, 4), ([3, 4], False)),
        (frames(1, 2), frames(3, 4, full=False), ([3, 4], True)),
        (frames(1, 2), frames(1, 2), ([], True)),
    ],
)
def test_new_frames_and_whether_some_were_forgotten(
    before: LayerFrames | None, after: LayerFrames, new: tuple[list[int], bool]
) -> None:
    assert statistics.new_frames(before, after) == new


PIECES = ["16666667", "\n", "\t", "0", "9" * 19, "9" * 5000, "mobilebench-layer", MAIN, "RequestedLayerState{", "}"]
texts = st.lists(st.sampled_from([*PIECES, *NOUGAT.splitlines(keepends=True)]) | st.text(max_size=5), max_size=30)


@settings(deadline=None)
@given(texts.map("".join))
def test_any_text_is_counts_or_a_reason(text: str) -> None:
    drawn = statistics.parse_drawn(text, CHROME)
    assert isinstance(drawn, Void) or 0 <= drawn.rendered < 10**12
    layers = statistics.parse_layers(text, CHROME)
    assert isinstance(layers, Void) or all(len(name) <= 300 and name.isprintable() for name in layers)
    for one in statistics.parse_latencies(text, ["a"]).values():
        assert isinstance(one, Void) or all(0 < at < LAST for at in one.presented_ns)
