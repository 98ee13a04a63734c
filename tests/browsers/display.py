"""A screen for windows that a test opens: one in memory (Xvfb), else that of a desktop."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from mobilebench.browsers import launching


@contextmanager
def a_screen() -> Iterator[dict[str, str] | None]:
    """The variables that name it; None where this computer has none. One in memory is nobody's but ours."""
    server = shutil.which("Xvfb")
    if server is None:
        names = ("DISPLAY", "WAYLAND_DISPLAY")
        yield None if launching.why_no_screen() else {name: os.environ[name] for name in names if name in os.environ}
        return
    reading, writing = os.pipe()
    argv = [server, "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    process = subprocess.Popen(argv, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield {"DISPLAY": f":{told.readline().strip()}", "WAYLAND_DISPLAY": ""}
    finally:
        process.terminate()
        process.wait()
