"""Asks the native runner to end its predictions early and to report what it has measured until then."""

from __future__ import annotations

import os
import signal

from mobilebench.core.errors import MobilebenchError
from mobilebench.recorders.base import Observable
from mobilebench.recorders.sources import measured_here, short_name

_LIMIT_SECONDS = 5.0
_SCRIPT = 'kill -TERM $(pgrep -n -x -- "$1")'


def ask_to_end(target: Observable, program: str) -> bool:
    """Send SIGTERM to the process of this name that measures on the target; False if there is none or it is refused."""
    if target.info.kind == "host":
        pid = measured_here(program)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return False
        return True
    try:
        answer = target.observe(("sh", "-c", _SCRIPT, "end", short_name(program)), timeout=_LIMIT_SECONDS)
    except MobilebenchError:
        return False
    return answer.exit_code == 0
