"""mobilebench's own app on a phone: which one is installed, and installing it as a change that is undone.

An app that was there before is never removed. What `pm` says is not trusted: only its known words are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_kept: ContextVar[bool] = ContextVar("keep_app", default=False)


@contextmanager
def keeping(keep: bool) -> Iterator[None]:
    """Whether the app stays on phones that are opened until the context ends (`run --keep-app`)."""
    token = _kept.set(keep)
    try:
        yield
    finally:
        _kept.reset(token)
