"""Build a model: once, even when two processes ask for it, and whole or not at all.

TensorFlow and the converters run in a process of their own (`models.build.worker`), so that this one stays light.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.models import file_locks, pins, registry, store
from mobilebench.models.build import cache
from mobilebench.models.manifest import ModelFiles

Progress = Callable[[str], None]
"""Receives a few words on each step of a build."""

_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "ORT_DISABLE_TELEMETRY": "1",
    "PYTHONHASHSEED": "0",
}
"""Quiet, on the CPU, and the same each time."""

_FULL = os.strerror(errno.ENOSPC)
_BASE = "fp32"
"""From which every other precision is made."""


def build(
    name: str,
    precision: str = "fp32",
    batch: int = 1,
    *,
    progress: Progress | None = None,
    thorough: bool = True,
) -> ModelFiles:
    """The model in every format, checked against TensorFlow; what is already built and whole is left alone.

    Other precisions are made from fp32, which is built first where it is missing. `thorough` hashes every file that
    is there; else only those that were written to since they were built.

    Raises:
        BadInput: the name or precision is unknown or has no definition, or the `models` extra is not installed.
        MobilebenchError: a converter failed, or in fp32 a format's answer differs from TensorFlow's (it says by how
            much).
    """
    tell = progress or (lambda _: None)
    if reason := registry.why_not(name, precision):
        raise BadInput(f"{reason}.", hint="`mobilebench models list` shows what can be built.")
    if batch < 1:
        raise BadInput(f"A batch of {batch} cannot be built.", hint="The batch is 1 or more.")
    folder = cache.folder_of(name, precision, batch)
    if files := _whole(folder, lambda _: None, thorough=thorough):
        return files
    pins.require()
    base = None
    if precision != _BASE:
        base = build(name, _BASE, batch, progress=lambda step: tell(f"{_BASE}: {step}"), thorough=thorough)
    with (
        _room_in(folder.parent),
        file_locks.turn(cache.lock_of(folder), lambda: tell("another process is building it; waiting")),
    ):
        if files := _whole(folder, tell, thorough=thorough):
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
def _room_in(folder: Path) -> Iterator[None]:
    """Say that the disk is full when it is."""
    try:
        yield
    except (OSError, MobilebenchError) as error:
        if _FULL not in str(error):
            raise
        raise BadInput(
            f"There is no room for the model in {folder} ({_FULL}).",
            hint="Make room (`mobilebench models prune` may help), or set MOBILEBENCH_CACHE to another disk.",
        ) from error


def _whole(folder: Path, tell: Progress, *, thorough: bool) -> ModelFiles | None:
    if not folder.is_dir():
        return None
    try:
        files = store.read(folder)
        store.verify(files, changed_only=not thorough)
    except BadInput as error:
        tell(f"{error.message} Building it again.")
        return None
    return files


def _run_builder(arguments: list[str], log: Path, tell: Progress) -> None:
    """Run `models.builder` to its end, passing on what it says."""
    complaint: dict[str, str | None] | None = None
    with log.open("wb") as noise:
        builder = subprocess.Popen(
            [sys.executable, "-P", "-m", "mobilebench.models.build.worker", str(os.getpid()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=noise,
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,
        )
        try:
            assert builder.stdout is not None
            for line in builder.stdout:
                said = json.loads(line)
                if "error" in said:
                    complaint = said
                else:
                    tell(said["step"])
            exit_code = builder.wait()
        finally:
            _end(builder)
    if complaint and _FULL in log.read_text(errors="replace"):
        raise MobilebenchError(_FULL)
    if complaint:
        raise MobilebenchError(str(complaint["error"]), hint=complaint.get("hint") or f"The converters' log is {log}.")
    if exit_code != 0:
        raise MobilebenchError(
            f"Building {arguments[0]} failed: {_last_words(log, exit_code)}.", hint=f"The converters' log is {log}."
        )
    log.unlink()


def _end(builder: subprocess.Popen[bytes]) -> None:
    if builder.poll() is None:
        builder.terminate()
        try:
            builder.wait(timeout=3)
        except subprocess.TimeoutExpired:
            builder.kill()
            builder.wait()
    if builder.stdout is not None:
        builder.stdout.close()


def _last_words(log: Path, exit_code: int) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    if exit_code == -9:
        return "it was killed, most likely because memory ran out"
    return lines[-1].strip().rstrip(".") if lines else f"exit code {exit_code}"


def _put_in_place(workshop: Path, folder: Path) -> None:
    """Rename the finished model to its place; a damaged one that lies there goes first."""
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
