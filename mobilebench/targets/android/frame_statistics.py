"""What Android itself counts of a browser's frames: `dumpsys gfxinfo` and `dumpsys SurfaceFlinger --latency`.

`gfxinfo` counts frames that an app draws with Android's own views since its process started: of Chrome its toolbar, not
its pages. SurfaceFlinger keeps, for each layer on the screen, when its last 127 frames were presented; Chrome shows its
pages in a layer of its own (`ChromeChildSurface`), or in a `SurfaceView` on older versions.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.recorders import reading
from mobilebench.recorders.reading import Void

MOST_LAYERS = 8
"""Layers that are asked for their frames; those that show pages come first."""
MOST_FRAMES = 1024
"""Frames that are read of a layer; Android keeps 127 or 128."""
LONGEST = 2_000_000
"""Characters that are read of an answer."""
SEPARATOR = "mobilebench-layer"

_PENDING = 2**63 - 1
"""Stands for a frame that has not been presented yet."""
_COUNT = r"([0-9]{1,12})\b"
_SHOWS_PAGES = ("ChromeChildSurface", "SurfaceView")
_IS_NOT_DRAWN = ("Background for ", "Bounds for ", "Input")
_WRAPPED = re.compile(r"RequestedLayerState\{(.*?)(?: (?:parentId|relativeParentId|z)=.*)?\}?$")
_LAYER = re.compile(r"[\x20-\x7e]{1,300}")
_PERIOD = re.compile(r"[0-9]{1,15}")
_TIMES = re.compile(r"[0-9]{1,19}\t([0-9]{1,19})\t[0-9]{1,19}")


@dataclass(frozen=True)
class Drawn:
    """Frames that an app's process drew with Android's views."""

    pid: int
    rendered: int
    """Since the process started, or since somebody reset the counts."""
    janky: int
    """Of these, frames that took longer than they may."""


def parse_drawn(text: str, package: str) -> Drawn | Void:
    """The counts in the answer to `dumpsys gfxinfo PACKAGE`. Those of its windows, which follow, are left out."""
    text = text[:LONGEST]
    if why := reading.refusal("gfxinfo", text):
        return Void(why)
    head = re.search(rf"^\*\* Graphics info for pid ([0-9]{{1,9}}) \[{re.escape(package)}\] \*\*", text, re.MULTILINE)
    if head is None:
        gone = re.search(r"^No process found for:", text, re.MULTILINE)
        return Void(f"{package} does not run" if gone else f"the phone's gfxinfo names no process {package}")
    own = text[head.end() :].partition("\n** Graphics info")[0]
    rendered = re.search(rf"^Total frames rendered: {_COUNT}", own, re.MULTILINE)
    janky = re.search(rf"^Janky frames: {_COUNT}", own, re.MULTILINE)
    if rendered is None or janky is None:
        return Void("the phone's gfxinfo has no count of frames")
    return Drawn(int(head[1]), int(rendered[1]), int(janky[1]))


def parse_layers(text: str, package: str) -> list[str] | Void:
    """The layers of a browser in the answer to `dumpsys SurfaceFlinger --list`, those that show pages first."""
    text = text[:LONGEST]
    if why := reading.refusal("SurfaceFlinger", text):
        return Void(why)
    found: list[str] = []
    for line in text.splitlines():
        wrapped = _WRAPPED.fullmatch(line.strip())
        name = (wrapped[1] if wrapped else line).strip()
        if f"{package}/" in name and _LAYER.fullmatch(name) and not name.startswith(_IS_NOT_DRAWN):
            found.append(name)
    if not found:
        return Void(f"SurfaceFlinger has no layer of {package}")
    return sorted(dict.fromkeys(found), key=lambda name: not any(one in name for one in _SHOWS_PAGES))[:MOST_LAYERS]


@dataclass(frozen=True)
class LayerFrames:
    """What SurfaceFlinger remembers of a layer."""

    refresh_ns: int
    """Time between two refreshes of the screen."""
    presented_ns: tuple[int, ...]
    """When its last frames were presented, by the phone's clock, in order."""
    full: bool
    """Whether older frames may have been forgotten."""


def parse_latency(text: str) -> LayerFrames | Void:
    """The frames in the answer to `dumpsys SurfaceFlinger --latency LAYER`.

    Its first line is the time between two refreshes; then one line for each frame: when it was to be presented, when
    it was presented, and when it was ready. Lines of zeros are free.
    """
    if why := reading.refusal("SurfaceFlinger", text):
        return Void(why)
    period, *lines = text[:LONGEST].strip().splitlines() or [""]
    if not _PERIOD.fullmatch(period.strip()):
        return Void("the phone's SurfaceFlinger does not say how often the screen is refreshed")
    times: list[int] = []
    free = False
    for line in lines[:MOST_FRAMES]:
        if (found := _TIMES.fullmatch(line.strip())) is None:
            return Void("the phone's SurfaceFlinger reports frames in an unknown form")
        at = int(found[1])
        free = free or at == 0
        if 0 < at < _PENDING:
            times.append(at)
    return LayerFrames(int(period), tuple(sorted(set(times))), full=bool(lines) and not free)


def latency_script(layers: Sequence[str]) -> str:
    """A shell program that prints what SurfaceFlinger remembers of these layers, each after a line `SEPARATOR`."""
    return "; ".join(f"echo {SEPARATOR}; dumpsys SurfaceFlinger --latency {shlex.quote(one)}" for one in layers)


def parse_latencies(text: str, layers: Sequence[str]) -> dict[str, LayerFrames | Void]:
    """The answers to `latency_script` by layer."""
    parts = re.split(rf"^{SEPARATOR}\r?$", text[:LONGEST], flags=re.MULTILINE)[1:]
    return {
        layer: parse_latency(parts[number]) if number < len(parts) else Void("the phone did not answer")
        for number, layer in enumerate(layers)
    }


def new_frames(before: LayerFrames | None, after: LayerFrames) -> tuple[list[int], bool]:
    """The frames that were presented between two readings, and whether these are all of them.

    They are if the later reading still remembers a frame of the earlier one, or never forgot any.
    """
    newest = before.presented_ns[-1] if before and before.presented_ns else None
    if newest is None:
        return list(after.presented_ns), not after.full
    overlaps = any(at <= newest for at in after.presented_ns)
    return [at for at in after.presented_ns if at > newest], overlaps or not after.full
