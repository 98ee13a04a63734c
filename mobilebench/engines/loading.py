"""Whether an engine's libraries load on a target: found out once while it is open, before the engine is entered."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from mobilebench.core.errors import Unsupported
from mobilebench.targets.base import Target

Key = tuple[str, ...]
"""What was tried: engine, sums of its libraries, and backend and setting where these matter."""

_found: WeakKeyDictionary[Target, dict[Key, Unsupported | None]] = WeakKeyDictionary()


def require(target: Target, key: Key, try_it: Callable[[], None]) -> None:
    """Hold what `try_it` tries to be possible on this target; it is called for the first question of a key only.

    Raises:
        Unsupported: `try_it` raised it, now or the first time.
        MobilebenchError: `try_it` raised another one, and is called again for the next question.
    """
    if not known(target, key):
        try:
            try_it()
        except Unsupported as error:
            refuse(target, key, error)
            raise
        _found.setdefault(target, {})[key] = None


def known(target: Target, key: Key) -> bool:
    """Whether this was found out to be possible.

    Raises:
        Unsupported: it was found out to be impossible.
    """
    found = _found.get(target, {})
    if error := found.get(key):
        raise Unsupported(error.message, hint=error.hint)
    return key in found


def refuse(target: Target, key: Key, why: Unsupported) -> None:
    """Remember that something is impossible, as long as the target is open."""
    _found.setdefault(target, {})[key] = why
