"""Remembers whether an engine's libraries load on a target, which is tried once while the target is open."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from mobilebench.core.errors import Unsupported
from mobilebench.targets.base import Target

Key = tuple[str, ...]
"""What was tried: engine, checksums of its libraries, and backend and setting where these matter."""

_found: WeakKeyDictionary[Target, dict[Key, Unsupported | None]] = WeakKeyDictionary()


def require(target: Target, key: Key, try_it: Callable[[], None]) -> None:
    """Require that `try_it` succeeds on this target; it is called only the first time that a key is required.

    Raises:
        Unsupported: `try_it` raised it, now or the first time.
        MobilebenchError: `try_it` raised another error; it is called again the next time.
    """
    if not known(target, key):
        try:
            try_it()
        except Unsupported as error:
            refuse(target, key, error)
            raise
        _found.setdefault(target, {})[key] = None


def known(target: Target, key: Key) -> bool:
    """Whether this was tried and found to be possible.

    Raises:
        Unsupported: it was tried and found to be impossible.
    """
    found = _found.get(target, {})
    if error := found.get(key):
        raise Unsupported(error.message, hint=error.hint)
    return key in found


def refuse(target: Target, key: Key, why: Unsupported) -> None:
    """Remember, as long as the target is open, that something is impossible."""
    _found.setdefault(target, {})[key] = why
