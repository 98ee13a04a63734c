"""Builds of the runner for Android, made without an NDK as `make native-android` makes them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from mobilebench.core import file_locks

NATIVE = Path(__file__).resolve().parents[2] / "native"
ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64")


def cmake(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """CMake of this Python's environment, run in `native/`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["cmake", *arguments],
        cwd=NATIVE,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def building(folder: Path) -> Iterator[None]:
    """The folder is this process's to build in: tests that run side by side build the same."""
    folder.parent.mkdir(exist_ok=True)
    with file_locks.exclusive(folder.with_name(f".{folder.name}.lock")):
        yield


@cache
def runner(abi: str) -> Path:
    """The runner for `abi`, of the sources as they are now."""
    folder = NATIVE / "build" / f"bionic-{abi}"
    with building(folder):
        for arguments in (["--preset", folder.name], ["--build", folder]):
            done = cmake(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
    return folder / "mobilebench-runner"


def library(abi: str) -> Path:
    """The runner for apps, as a library for `abi`."""
    return runner(abi).with_name("libmobilebench-runner.so")
