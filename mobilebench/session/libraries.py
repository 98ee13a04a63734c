"""Fetches the engine libraries that a plan needs, before any worker starts, so that no block waits for a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from mobilebench.core.records import PlannedBlock, TargetInfo
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.support import Unsupported, case_and_pass

_LOOK_SECONDS = 0.1

LibraryKey = tuple[str, str, str]
"""Engine, backend, and build of the runner."""


def obtain_libraries(
    blocks: Iterable[PlannedBlock],
    targets: Mapping[str, TargetInfo],
    unsupported: Unsupported,
    dependencies: Dependencies,
    progress: Callable[[str, str], None],
    cancel: threading.Event,
) -> None:
    """Fetch the library of every block that is supported; `progress` is called with an engine and a step of fetching.

    Blocks whose library cannot be fetched become unsupported: the reason is added to `unsupported`. It stops early when
    `cancel` is set.
    """
    by_library: dict[LibraryKey, list[PlannedBlock]] = {}
    for block in blocks:
        if case_and_pass(block) not in unsupported:
            key = (block.case.engine, block.case.backend, targets[block.case.target].runner)
            by_library.setdefault(key, []).append(block)
    reasons: dict[LibraryKey, str] = {}
    thread = threading.Thread(
        target=_fetch, args=(list(by_library), dependencies, progress, cancel, reasons), name="libraries", daemon=True
    )
    thread.start()
    while thread.is_alive() and not cancel.is_set():
        thread.join(_LOOK_SECONDS)
    for key, reason in list(reasons.items()):
        unsupported.update({case_and_pass(block): reason for block in by_library[key]})


def _fetch(
    wanted: Iterable[LibraryKey],
    dependencies: Dependencies,
    progress: Callable[[str, str], None],
    cancel: threading.Event,
    reasons: dict[LibraryKey, str],
) -> None:
    for key in wanted:
        if cancel.is_set():
            return
        if reason := dependencies.library(*key, partial(progress, key[0])):
            reasons[key] = reason
