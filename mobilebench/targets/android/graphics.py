"""Parse `dumpsys SurfaceFlinger`: which renderer draws a phone's display."""

from __future__ import annotations

import re

from mobilebench.recorders import dumpsys
from mobilebench.recorders.values import Void
from mobilebench.targets import gpus

QUESTION = "dumpsys SurfaceFlinger | grep -E 'GLES: |^[*]|^Permission|^Error'"

_LINE = re.compile(r"GLES: *(.+?)\s*$", re.MULTILINE)
_VERSION = "OpenGL ES"


def parse_renderer(text: str) -> str | Void:
    """Return the renderer in `GLES: vendor, renderer, version`; each of the three may contain commas."""
    if why := dumpsys.refusal("SurfaceFlinger", text):
        return Void(why)
    found = dict.fromkeys(filter(None, map(_renderer, _LINE.findall(text))))
    if not found:
        return Void("the phone names no renderer")
    if len({gpus.plain_name(one) for one in found}) > 1:
        return Void(f"the phone names several renderers: {'; '.join(found)}")
    return next(iter(found))


def _renderer(line: str) -> str | None:
    parts = gpus.fields(line)
    if len(parts) == 1:
        parts = [part.strip() for part in line.split(",")]
    version = next((place for place, part in enumerate(parts) if part.startswith(_VERSION)), len(parts) - 1)
    return ", ".join(gpus.without_company(parts[:version])[1:]) or None
