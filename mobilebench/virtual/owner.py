"""The process with which virtual phones end. Tests name one, so that their phones do not outlive a killed test run.

Without an owner, a phone runs until it is switched off.
"""

from __future__ import annotations

import os

from mobilebench.core.errors import BadInput
from mobilebench.virtual import processes
from mobilebench.virtual.processes import ProcessId

VARIABLE = "MOBILEBENCH_VIRTUAL_OWNER"
"""Environment variable: the owner of the phones that are switched on, as PID:START (see `ProcessId`)."""


def own() -> None:
    """Make this process the owner of all phones that it, or a process that it starts, switches on from now on."""
    this = processes.identify(os.getpid())
    assert this is not None
    os.environ[VARIABLE] = f"{this.pid}:{this.started}"


def descriptor() -> int | None:
    """A new descriptor that becomes readable when the owner ends; None if there is no owner.

    Raises:
        BadInput: the variable names no running process.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    try:
        process = ProcessId(*map(int, text.split(":")))
        found = os.pidfd_open(process.pid)
    except (ValueError, TypeError, OverflowError, OSError):
        raise _no_owner(text) from None
    if not process.running:
        os.close(found)
        raise _no_owner(text)
    return found


def _no_owner(text: str) -> BadInput:
    return BadInput(
        f"{VARIABLE} is “{text[:50]}”, which names no running process.",
        hint="Unset it: a phone then runs until it is switched off.",
    )
