"""The models that a plan needs: found or built before any worker starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import Case, PlannedBlock, TargetInfo
from mobilebench.engines.base import why_unsupported
from mobilebench.models.manifest import ModelFiles
from mobilebench.session.dependencies import ModelKey, Rooms

Models = dict[ModelKey, ModelFiles | str]
"""Files, or the reason why there are none."""

_LOOK_SECONDS = 0.1


def key_of(case: Case) -> ModelKey:
    return case.model, case.precision, case.batch


def obtain(
    blocks: Iterable[PlannedBlock],
    targets: Mapping[str, TargetInfo],
    rooms: Rooms,
    tell: Callable[[str, str], None],
    cancel: threading.Event,
    held: ExitStack,
) -> Models:
    """Files of every model that some engine could run here, or the reason why they cannot be had.

    The models are kept from being pruned until `held` is left.

    Stops early when `cancel` is set, with reasons for what is missing: building may take minutes.

    Raises:
        BadInput: a model could be had, but only after the user has done something, and no other one is there.
    """
    wanted = {
        key_of(block.case): None
        for block in blocks
        if why_unsupported(rooms.engine(block.case.engine), targets[block.case.target], block) is None
    }
    found: Models = {}
    failures: list[MobilebenchError] = []
    for key in wanted:
        if reason := rooms.why_no_model(key):
            found[key] = reason
            continue
        files = _in_background(key, rooms, tell, cancel)
        if isinstance(files, MobilebenchError):
            found[key] = files.text_with_hint
            failures.append(files)
        else:
            held.enter_context(rooms.in_use(files))
            found[key] = files
        if cancel.is_set():
            return found
    if failures and all(isinstance(files, str) for files in found.values()):
        raise BadInput(failures[0].message, hint=failures[0].hint) from failures[0]
    return found


def _in_background(
    key: ModelKey, rooms: Rooms, tell: Callable[[str, str], None], cancel: threading.Event
) -> ModelFiles | MobilebenchError:
    """Converters do not look at `cancel`: they run in a thread that is left behind when it is set."""
    answer: list[ModelFiles | MobilebenchError] = []
    defects: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(rooms.model(key, lambda step: tell(key[0], step)))
        except MobilebenchError as error:
            answer.append(error)
        except BaseException as error:
            defects.append(error)

    thread = threading.Thread(target=work, name=f"model {key[0]}", daemon=True)
    thread.start()
    while thread.is_alive() and not cancel.is_set():
        thread.join(_LOOK_SECONDS)
    if defects:
        raise defects[0]
    return answer[0] if answer else MobilebenchError(f"Obtaining {key[0]} was interrupted.")
