"""What a phone counts of its browser's frames while a page is used: read before and after, and nothing is changed."""

from __future__ import annotations

import time

from mobilebench.core.errors import BlockFailed
from mobilebench.core.page_quality import InterfaceFrames, LayerFrames, PhoneFrames, Void
from mobilebench.recorders import reading
from mobilebench.targets.android import frame_statistics as statistics
from mobilebench.targets.base import Target

_SECONDS = 10.0
_MS = 1_000_000
"""Nanoseconds."""


class PhoneWatch:
    """The counts at the beginning, to be compared with those at the end.

    Raises:
        BlockFailed: the block was cancelled.
        TargetLost: the phone went away.
    """

    def __init__(self, target: Target, package: str) -> None:
        self._target = target
        self._package = package
        self._drawn = self._read_drawn()
        self._layers = self._read_layers()
        self._began = time.monotonic()

    def frames(self) -> PhoneFrames:
        """Read again, and return what came between. Raises as when it was begun."""
        between_ms = (time.monotonic() - self._began) * 1000
        layers = self._read_layers()
        return PhoneFrames(interface=self._interface(self._read_drawn()), layer=self._layer(layers, between_ms))

    def _interface(self, after: statistics.Drawn | reading.Void) -> InterfaceFrames | Void:
        before = self._drawn
        if isinstance(before, reading.Void) or isinstance(after, reading.Void):
            return Void(reason=next(one.reason for one in (before, after) if isinstance(one, reading.Void)))
        rendered, janky = after.rendered - before.rendered, after.janky - before.janky
        if before.pid != after.pid or rendered < 0 or janky < 0:
            return Void(reason="the browser's process was started anew, or its counts were reset")
        return InterfaceFrames(rendered=min(rendered, 2**31 - 1), janky=min(janky, 2**31 - 1))

    def _layer(
        self, after: dict[str, statistics.LayerFrames | reading.Void] | reading.Void, between_ms: float
    ) -> LayerFrames | Void:
        """The layer with the most new frames."""
        if isinstance(after, reading.Void):
            return Void(reason=after.reason)
        earlier = {} if isinstance(self._layers, reading.Void) else self._layers
        found: list[LayerFrames] = []
        for name, frames in after.items():
            before = earlier.get(name)
            if isinstance(frames, reading.Void):
                continue
            times, complete = statistics.new_frames(None if isinstance(before, reading.Void) else before, frames)
            since = [round((at - times[0]) / _MS, 3) for at in times]
            if since and since[-1] < 1e9:
                found.append(
                    LayerFrames(
                        layer=name,
                        refresh_ms=min(frames.refresh_ns / _MS, 1e6),
                        presented_ms=since,
                        complete=complete,
                        between_ms=between_ms,
                    )
                )
        if not found:
            return Void(reason="SurfaceFlinger remembers no new frame of the browser's layers")
        return max(found, key=lambda one: len(one.presented_ms))

    def _read_drawn(self) -> statistics.Drawn | reading.Void:
        text = self._answer(["dumpsys", "gfxinfo", self._package])
        return text if isinstance(text, reading.Void) else statistics.parse_drawn(text, self._package)

    def _read_layers(self) -> dict[str, statistics.LayerFrames | reading.Void] | reading.Void:
        text = self._answer(["dumpsys", "SurfaceFlinger", "--list"])
        layers = text if isinstance(text, reading.Void) else statistics.parse_layers(text, self._package)
        if isinstance(layers, reading.Void):
            return layers
        text = self._answer(["sh", "-c", statistics.latency_script(layers)])
        return text if isinstance(text, reading.Void) else statistics.parse_latencies(text, layers)

    def _answer(self, argv: list[str]) -> str | reading.Void:
        try:
            found = self._target.observe(argv, timeout=_SECONDS)
        except BlockFailed as error:
            if error.fault is None:
                raise
            return reading.Void(error.message.rstrip("."))
        return (found.stdout + found.stderr).decode(errors="replace")
