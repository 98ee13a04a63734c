"""Writes a model's seeded weights to a file, as a template into which a checkpoint's tensors are put.

TensorFlow runs in a separate process: `python -m mobilebench.models.weights.template MODEL FILE`.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.models import pins, registry

Shape = tuple[int, ...]


def write(model: str, file: Path) -> list[Shape]:
    """Write a model's seeded weights; returns the shapes of its variables in the definition's order.

    Raises:
        BadInput: there is no such model or no definition of it, the file exists or cannot be written, or the `models`
            extra is not installed.
        MobilebenchError: the definition failed.
    """
    if reason := registry.why_not(model):
        raise BadInput(f"{reason}.", hint="`mobilebench models list` shows what can be built.")
    if file.exists():
        raise BadInput(f"{file} exists already.", hint="Name another file, or remove that one.")
    if not file.parent.is_dir():
        raise BadInput(f"There is no folder {file.parent}.", hint="Make it first.")
    pins.require()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mobilebench.models.weights.template", model, str(file.absolute())],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise MobilebenchError(f"The weights of {model} could not be written to {file}: {last.rstrip('.')}.")
    return [tuple(shape) for shape in json.loads(done.stdout)]


def _main(model: str, file: str) -> None:
    from mobilebench.models.weights import pretrained_weights, weights_file
    from mobilebench.models.zoo.blocks import Weights

    entry = registry.get(model)
    definition = importlib.import_module(str(entry.definition))
    weights = Weights(definition.SEED)
    definition.network(weights, 1, **entry.options)
    arrays = pretrained_weights.arrays(weights)
    with atomic_files.replacing(Path(file)) as draft:
        weights_file.export(arrays, draft, model=model)
    print(json.dumps([list(values.shape) for values in arrays]))  # noqa: T201 - the parent process reads it


if __name__ == "__main__":
    _main(*sys.argv[1:])
