"""Handles the signals that end a command: Ctrl-C, SIGTERM, and SIGHUP when the terminal closes."""

from __future__ import annotations

import signal
from types import FrameType


def ending() -> tuple[signal.Signals, ...]:
    """The signals that end a command cleanly. SIGHUP is excluded if it was ignored at the start, as under nohup."""
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *hangup)


def as_ctrl_c() -> None:
    """Handle SIGTERM and SIGHUP like Ctrl-C, so that temporary folders and started processes are cleaned up."""
    for number in ending():
        if number != signal.SIGINT:
            signal.signal(number, _interrupt)


def hang_up_no_more() -> None:
    """Ignore further SIGHUPs: a closed terminal sends several, and the clean-up must finish."""
    if signal.SIGHUP in ending():
        signal.signal(signal.SIGHUP, lambda *_: None)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    hang_up_no_more()
    raise KeyboardInterrupt
