"""Finds or builds the models that a plan needs, before any worker starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import PlannedBlock
from mobilebench.models.manifest import ModelFiles
from mobilebench.session.dependencies import Dependencies, ModelKey, model_key
from mobilebench.session.support import Unsupported, case_and_pass

Models = dict[ModelKey, ModelFiles]

_LOOK_SECONDS = 0.1


def obtain_models(
    blocks: Iterable[PlannedBlock],
    unsupported: Unsupported,
    dependencies: Dependencies,
    progress: Callable[[str, str], None],
    cancel: threading.Event,
    held: ExitStack,
) -> Models:
    """Find or build the model of every supported block. Blocks whose model cannot be obtained become unsupported.

    The models are kept from being pruned until `held` is left. Building takes minutes: it stops early when `cancel` is
    set.

    Args:
        blocks: the blocks to measure.
        unsupported: what is known to be unsupported; reasons are added to it.
        dependencies: functions of other packages that a session calls.
        progress: called with a model and a step of building it.
        cancel: set when the run is to end.
        held: keeps the models from being pruned until it is left.

    Raises:
        BadInput: no model can be obtained, and the user can fix that for one of them.
    """
    by_model: dict[ModelKey, list[PlannedBlock]] = {}
    for block in blocks:
        if case_and_pass(block) not in unsupported:
            by_model.setdefault(model_key(block.case), []).append(block)
    found: Models = {}
    failures: list[MobilebenchError] = []
    for key, needing in by_model.items():
        files = _in_background(key, dependencies, progress, cancel)
        if isinstance(files, MobilebenchError):
            failures.append(files)
            unsupported.update({case_and_pass(block): files.text_with_hint for block in needing})
        else:
            held.enter_context(dependencies.in_use(files))
            found[key] = files
        if cancel.is_set():
            return found
    if failures and not found:
        raise BadInput(failures[0].message, hint=failures[0].hint) from failures[0]
    return found


def _in_background(
    key: ModelKey, dependencies: Dependencies, progress: Callable[[str, str], None], cancel: threading.Event
) -> ModelFiles | MobilebenchError:
    """Obtain a model in a thread that is abandoned when `cancel` is set, because converters do not check `cancel`."""
    outcome: list[ModelFiles | MobilebenchError] = []
    defects: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(dependencies.model(key, lambda step: progress(key[0], step)))
        except MobilebenchError as error:
            outcome.append(error)
        except BaseException as error:
            defects.append(error)

    thread = threading.Thread(target=work, name=f"model {key[0]}", daemon=True)
    thread.start()
    while thread.is_alive() and not cancel.is_set():
        thread.join(_LOOK_SECONDS)
    if defects:
        raise defects[0]
    return outcome[0] if outcome else MobilebenchError(f"Obtaining {key[0]} was interrupted.")
