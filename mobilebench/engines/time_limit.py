"""Ends blocks that take longer than their rule allows. Such a case is too slow here: an outcome, not a failure.

A block that is stuck is something else: each engine has its own, longer timeout for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule


class _TooSlow(BlockFailed):
    """No answer within the time limit, and no other explanation so far."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it did not end within {seconds:g} s, the time limit of a block.", fault="hang")


@contextmanager
def too_slow_is_unsupported() -> Iterator[None]:
    """Turn the time limit's error into `Unsupported`, around code that may find another reason, such as a crash.

    Raises:
        Unsupported: there was no answer in time, and no other reason was found.
    """
    try:
        yield
    except _TooSlow as error:
        raise Unsupported(error.message, hint="Set another limit by `--time-limit`, or `none`.") from error


@contextmanager
def waiting(rule: BlockRule, patience_s: float, *, downloads_s: float = 0.0) -> Iterator[float]:
    """Wrap the wait for an answer. Yields for how many seconds to wait: the shorter of time limit and `patience_s`.

    Args:
        rule: the block's rule.
        patience_s: seconds after which the engine counts as stuck.
        downloads_s: seconds that an imitated network takes on purpose, added to either limit.

    Raises:
        BlockFailed: there was no answer within the time limit, where that is the shorter one.
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
