"""Gets a model by name: from the cache, by building it, or from the user's own models.

A model is built once, even when two processes ask for it; an unfinished build is never visible in the cache. TensorFlow
and the converters run in a separate process (`models.build.worker`), so that this one stays small.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilebench.core import file_locks, log
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.worker_process import ENGINES_ON_CPU, Worker, WorkerFailed
from mobilebench.models import pins, registry, store, user_store
from mobilebench.models.build import cache
from mobilebench.models.manifest import ModelFiles

_logger = logging.getLogger(__name__)

Progress = Callable[[str], None]
"""Called with a short text at each step of a build."""

_ENVIRONMENT = {**ENGINES_ON_CPU, "PYTHONHASHSEED": "0"}
"""The fixed hash seed makes the converters' output reproducible."""
_GRACE_S = 3.0
"""Seconds that an interrupted builder may take to clean up."""

_FULL = os.strerror(errno.ENOSPC)
_BASE = "fp32"
"""The precision from which every other one is made."""


def find(model: str, precision: str = "fp32", batch: int = 1) -> ModelFiles | None:
    """The built model, or None if it is not built from the current definition.

    Raises:
        BadInput: the model is unknown, or its files are damaged (a file is missing, cut short, or its manifest
            unreadable); the hint says how to build it again.
    """
    if added := user_store.find(model):
        return None if user_store.why_not(added, precision, batch) else user_store.whole(added)
    registry.get(model)
    folder = cache.folder_of(model, precision, batch)
    return store.read(folder) if folder.is_dir() else None


def ensure(
    model: str,
    precision: str = "fp32",
    batch: int = 1,
    progress: Progress | None = None,
    *,
    thorough: bool = True,
) -> ModelFiles:
    """The built model; it is built if it is missing or damaged.

    Args:
        model: name.
        precision: number format.
        batch: the batch size that is built into the model.
        progress: called with a short text at each step.
        thorough: hash every file, as before a run; otherwise only files modified since they were built.

    Raises:
        BadInput: it cannot be built (no definition, no such precision, or the `models` extra is not installed).
        MobilebenchError: building failed, or its formats do not agree.
    """
    if added := user_store.find(model):
        if reason := user_store.why_not(added, precision, batch):
            raise BadInput(f"{reason}.")
        return user_store.whole(added)
    return build(model, precision, batch, progress=progress, thorough=thorough)


def build(
    name: str,
    precision: str = "fp32",
    batch: int = 1,
    *,
    progress: Progress | None = None,
    thorough: bool = True,
) -> ModelFiles:
    """Build the model in every format and check each against TensorFlow; a complete earlier build is kept.

    Other precisions are made from fp32, which is built first if missing. With `thorough`, every existing file is
    hashed; otherwise only files modified since they were built.

    Raises:
        BadInput: the name or precision is unknown or has no definition, or the `models` extra is not installed.
        MobilebenchError: a converter failed, or in fp32 a format's output differs from TensorFlow's (the message says
            by how much).
    """
    tell = progress or (lambda _: None)
    if reason := registry.why_not(name, precision):
        raise BadInput(f"{reason}.", hint="`mobilebench models list` shows what can be built.")
    if batch < 1:
        raise BadInput(f"A batch of {batch} cannot be built.", hint="The batch is 1 or more.")
    folder = cache.folder_of(name, precision, batch)
    if files := _intact(folder, lambda _: None, thorough=thorough):
        return files
    pins.require()
    base = None
    if precision != _BASE:
        base = build(name, _BASE, batch, progress=lambda step: tell(f"{_BASE}: {step}"), thorough=thorough)
    with (
        log.step(_logger, f"build of {name} {precision}, batch {batch}"),
        _space_in(folder.parent),
        file_locks.exclusive(cache.lock_of(folder), lambda: tell("another process is building it; waiting")),
    ):
        if files := _intact(folder, tell, thorough=thorough):
            return files
        workshop = folder.parent / f".{folder.name}.building"
        _remove(workshop)
        workshop.mkdir()
        try:
            arguments = [name, precision, str(batch), str(workshop), *([str(base.folder)] if base else [])]
            _run_builder(arguments, folder.with_name(f"{folder.name}.log"), tell)
            if cache.folder_of(name, precision, batch) != folder:
                raise MobilebenchError(f"The weights of {name} changed while it was built.", hint="Build it again.")
            store.verify(store.read(workshop), changed_only=True)
            _put_in_place(workshop, folder)
        finally:
            _remove(workshop)
    return store.read(folder)


@contextmanager
def _space_in(folder: Path) -> Iterator[None]:
    """Turn an error about a full disk into a `BadInput` that says so."""
    try:
        yield
    except (OSError, MobilebenchError) as error:
        if _FULL not in str(error):
            raise
        raise BadInput(
            f"There is not enough space for the model in {folder} ({_FULL}).",
            hint="Free some space (`mobilebench models prune` may help), or set MOBILEBENCH_CACHE to another disk.",
        ) from error


def _intact(folder: Path, tell: Progress, *, thorough: bool) -> ModelFiles | None:
    if not folder.is_dir():
        return None
    try:
        files = store.read(folder)
        store.verify(files, changed_only=not thorough)
    except BadInput as error:
        tell(f"{error.message} It is built again.")
        return None
    return files


def _run_builder(arguments: list[str], log_file: Path, tell: Progress) -> None:
    """Run `models.build.worker` to its end and report its steps to `progress`."""
    reported: dict[str, str | None] | None = None
    failure: WorkerFailed | None = None
    builder = Worker("mobilebench.models.build.worker", *arguments, environment=_ENVIRONMENT, log=log_file)
    try:
        for message in builder.messages():
            if "error" in message:
                reported = message
            else:
                tell(message["step"])
    except WorkerFailed as error:
        failure = error
    finally:
        builder.close(_GRACE_S)
    if reported and _FULL in log_file.read_text(errors="replace"):
        raise MobilebenchError(_FULL)
    if reported:
        hint = reported.get("hint") or f"The converters' log is {log_file}."
        raise MobilebenchError(str(reported["error"]), hint=hint)
    if failure:
        killed = failure.exit_code == -signal.SIGKILL
        reason = "it was killed, most likely because memory ran out" if killed else failure.reason.rstrip(".")
        raise MobilebenchError(f"Building {arguments[0]} failed: {reason}.", hint=f"The converters' log is {log_file}.")
    log_file.unlink()


def _put_in_place(workshop: Path, folder: Path) -> None:
    """Move the finished model to its final folder; a damaged model there is removed first."""
    if folder.exists():
        discarded = folder.with_name(f".{folder.name}.damaged")
        _remove(discarded)
        folder.rename(discarded)
        workshop.rename(folder)
        _remove(discarded)
    else:
        workshop.rename(folder)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
