"""A limit of time that a busy machine does not change into another one."""

from __future__ import annotations

import subprocess
import sys
import time

_WORK = """
import time
import mobilebench.report.compose, mobilebench.results.store, mobilebench.session
print(time.monotonic())
"""
_SECONDS_ALONE = 1.0
"""What this work takes where nothing else runs, about."""


class Yardstick:
    """Known work that begins when a time to be judged does, in a process of its own: a fresh Python imports what a run
    needs. Where it takes as many times longer as it would alone, so may what is judged.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._process = subprocess.Popen([sys.executable, "-c", _WORK], stdout=subprocess.PIPE, text=True)

    def allowed(self, seconds: float) -> float:
        """The limit that is `seconds` where nothing else runs."""
        ended, _ = self._process.communicate(timeout=300)
        return seconds * max(1.0, (float(ended) - self._begun) / _SECONDS_ALONE)
