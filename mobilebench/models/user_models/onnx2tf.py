"""Runs onnx2tf, which converts ONNX to a SavedModel, in a separate environment: its packages conflict with ours.

Its results are not trusted, since it has converted models wrongly without an error. `converting` compares outputs.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mobilebench.core import file_locks, log, paths
from mobilebench.core.errors import BadInput, MobilebenchError

_logger = logging.getLogger(__name__)

VERSION = "1.29.24"
"""The last version for Python 3.11."""

_READY = "ready"
_PATIENCE_S = 1800.0
_CALIBRATION = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""A file for its own check that it would otherwise download."""


def environment(tell: Callable[[str], None]) -> Path:
    """The environment's Python; the environment is created if it is missing (a minute, 2 GB).

    Raises:
        BadInput: its packages could not be installed; the message has pip's output.
    """
    requirements = paths.requirements("onnx2tf.txt")
    pinned = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    room = paths.cache() / "environments"
    room.mkdir(exist_ok=True)
    folder = room / f"onnx2tf-{VERSION}-{pinned}"
    lock = folder.with_suffix(".lock")
    with file_locks.exclusive(lock, lambda: tell("another process is installing onnx2tf; waiting")):
        if not (folder / _READY).is_file():
            tell(f"installing onnx2tf {VERSION} in a separate environment (2 GB, once)")
            with log.step(_logger, f"installation of onnx2tf {VERSION}"):
                _install(folder, requirements)
    return folder / "bin" / "python"


def to_saved_model(python: Path, source: Path, folder: Path, inputs: Sequence[str]) -> None:
    """Convert an ONNX file whose inputs and outputs have plain names; inputs keep their layout.

    Raises:
        MobilebenchError: onnx2tf failed; the message has the end of its output.
    """
    import numpy as np

    workplace = folder.with_name(f"{folder.name}.work")
    workplace.mkdir()
    # onnx2tf's own check would download 20 images, but accepts any array of this shape.
    images = np.linspace(0, 1, 20 * 128 * 128 * 3, dtype=np.float32).reshape(20, 128, 128, 3)
    np.save(workplace / _CALIBRATION, images)
    command = [str(python), "-I", "-m", "onnx2tf", "-i", str(source), "-o", str(folder), "-osd", "-nuo", "-n"]
    try:
        done = subprocess.run(
            [*command, "-kat", *inputs],
            cwd=workplace,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "ORT_DISABLE_TELEMETRY": "1"},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MobilebenchError(f"onnx2tf did not end within {_PATIENCE_S:g} s") from None
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    if not (folder / "saved_model.pb").is_file():
        raise MobilebenchError(f"onnx2tf failed: {_last_words(done.stdout + done.stderr)}")


def _install(folder: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "--require-hashes", "--no-deps", "-r", str(requirements)],
    ):
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise BadInput(
                f"onnx2tf {VERSION} could not be installed: {_last_words(done.stderr or done.stdout)}.",
                hint="It needs the Python package index and 2 GB of space. The model itself was added.",
            )
    (folder / _READY).touch()


def _last_words(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return " ".join((errors or lines or ["it printed nothing"])[-1].split())[:400].rstrip(".")
