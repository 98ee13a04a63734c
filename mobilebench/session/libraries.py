"""The engine libraries that a plan needs: fetched before any worker starts, so that no block waits for a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from mobilebench.core.records import PlannedBlock, TargetInfo
from mobilebench.session.dependencies import Rooms

_LOOK_SECONDS = 0.1


def obtain(
    blocks: Iterable[PlannedBlock],
    targets: Mapping[str, TargetInfo],
    rooms: Rooms,
    tell: Callable[[str, str], None],
    cancel: threading.Event,
) -> None:
    """Fetch the library of every case that some target could run; `tell` hears of each fetch, by engine.

    What cannot be had is left to the block that needs it. Stops early when `cancel` is set.
    """
    wanted = {
        (case.engine, case.backend, targets[case.target].runner): None
        for case in (block.case for block in blocks)
        if rooms.engine(case.engine).supports(targets[case.target], case) is None
    }
    thread = threading.Thread(target=_fetch, args=(wanted, rooms, tell, cancel), name="libraries", daemon=True)
    thread.start()
    while thread.is_alive() and not cancel.is_set():
        thread.join(_LOOK_SECONDS)


def _fetch(
    wanted: Iterable[tuple[str, str, str]], rooms: Rooms, tell: Callable[[str, str], None], cancel: threading.Event
) -> None:
    for engine, backend, build in wanted:
        if cancel.is_set():
            return
        rooms.library(engine, backend, build, partial(tell, engine))
