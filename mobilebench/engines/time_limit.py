"""Blocks that take longer than their rule allows: the case is too slow here, which is an outcome and no fault.

What counts as stuck is another matter: each engine has a patience of its own for that, which is long.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule


class _TooSlow(BlockFailed):
    """Silence up to the time limit, as long as nothing else explains it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it did not end within {seconds:g} s, the time limit of a block.", fault="hang")


@contextmanager
def too_slow_is_unsupported() -> Iterator[None]:
    """Around all that may find another reason for the silence, such as a browser's death.

    Raises:
        Unsupported: none was found.
    """
    try:
        yield
    except _TooSlow as error:
        raise Unsupported(error.message, hint="`--time-limit` allows another one, or `none`.") from error


@contextmanager
def waiting(rule: BlockRule, patience_s: float, *, downloads_s: float = 0.0) -> Iterator[float]:
    """Around the wait for an answer: for how many seconds, which is the shorter of time limit and patience.

    Args:
        rule: of the block.
        patience_s: after which the engine counts as stuck.
        downloads_s: that an imitated network takes on purpose, beside either.

    Raises:
        BlockFailed: in place of a hang, where the time limit was the shorter one.
    """
    limit = rule.time_limit_seconds
    if limit is None or limit >= patience_s:
        yield patience_s + downloads_s
        return
    try:
        yield limit + downloads_s
    except BlockFailed as error:
        if error.fault != "hang":
            raise
        raise _TooSlow(limit) from error
