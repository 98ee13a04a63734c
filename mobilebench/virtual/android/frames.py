"""What Android counts of frames: `dumpsys gfxinfo`, and the layers of SurfaceFlinger.

Nothing of a virtual phone is drawn by Android, so its browser has a process and a layer, and no frame in either.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from mobilebench.virtual.android.device import Device, lines

_OREO, _Q, _SNOW_CONE, _VANILLA = 26, 29, 31, 35
"""API levels of Android 8, 10, 12 and 15."""
_REMEMBERED = 127
_REFRESH_NS = 16_666_666


def gfxinfo(device: Device, arguments: Sequence[str]) -> str:
    """The frames that an app drew with Android's views: none."""
    words = [word for word in arguments if word not in ("framestats", "reset")]
    pids = {name: pid for name, pid in device.browser_pids.items() if not words or name in words}
    if words and not pids:
        return f"No process found for: {words[0]}\n"
    now = round(time.monotonic() * 1000)
    report = ["Applications Graphics Acceleration Info:", f"Uptime: {now} Realtime: {now}", ""]
    for name, pid in pids.items():
        report += [f"** Graphics info for pid {pid} [{name}] **", "", *_counts(device), ""]
    return lines(*report)


def _counts(device: Device) -> list[str]:
    """Counts without a frame. Android 10 added those of the GPU, and Android 12 deadlines."""
    none = "0 (0.00%)" if device.api >= _Q else "0 (nan%)"
    newest = device.api >= _SNOW_CONE
    return [
        f"Stats since: {time.monotonic_ns()}ns",
        "Total frames rendered: 0",
        f"Janky frames: {none}",
        *([f"Janky frames (legacy): {none}"] if newest else []),
        *(f"{share}th percentile: 0ms" for share in (50, 90, 95, 99)),
        "Number Missed Vsync: 0",
        "Number High input latency: 0",
        "Number Slow UI thread: 0",
        "Number Slow bitmap uploads: 0",
        "Number Slow issue draw commands: 0",
        *(["Number Frame deadline missed: 0", "Number Frame deadline missed (legacy): 0"] if newest else []),
        "HISTOGRAM: 5ms=0 6ms=0 7ms=0 8ms=0",
        *([f"{share}th gpu percentile: 0ms" for share in (50, 90, 95, 99)] if device.api >= _Q else []),
    ]


def layers(device: Device) -> list[str]:
    """The layers of the app in front. Their names differ between versions of Android."""
    if device.api < _OREO:
        return [f"SurfaceView - {device.front}", device.front]
    if device.api < _SNOW_CONE:
        return [f"SurfaceView - {device.front}#0", f"{device.front}#0"]
    return [f"SurfaceView[{device.front}](BLAST)#42", f"{device.front}#40"]


def listed(device: Device) -> str:
    """The answer to `dumpsys SurfaceFlinger --list`. Android 15 wraps the names."""
    found = layers(device)
    if device.api >= _VANILLA:
        found = [f"RequestedLayerState{{{name} parentId={number} z=0}}" for number, name in enumerate(found, 38)]
    return lines(*found)


def latency(device: Device, arguments: Sequence[str]) -> str:
    """The answer to `dumpsys SurfaceFlinger --latency LAYER`: no frame; of a layer that is unknown, no lines either."""
    known = bool(arguments) and arguments[0] in layers(device)
    return lines(str(_REFRESH_NS), *(["0\t0\t0"] * _REMEMBERED if known else []), "")
