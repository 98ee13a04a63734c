"""Reads and writes files of weights: safetensors with tensors `0`, `1`, …, in the order in which a definition makes its
variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.hashing import sha256_of
from mobilebench.core.worker_process import ENGINES_ON_CPU, Worker, WorkerFailed
from mobilebench.models import pins, registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPES = ("F32", "F16")
_TEMPLATE_SECONDS = 900.0
_HINT = "`mobilebench models weights NAME FILE` writes a file in the required format."


def load(path: Path, sha256: str | None = None) -> list[NDArray[Any]]:
    """The weights as float32 arrays, in the definition's order; float16 is widened.

    Args:
        sha256: the sha256 that the file must have.

    Raises:
        BadInput: the file has a different sha256, is no safetensors, lacks a tensor, or holds another dtype or a value
            that is not finite.
    """
    if sha256 is not None and (found := _sum(path)) != sha256:
        raise BadInput(
            f"{path} was cut short or changed: its sha256 is {found} instead of {sha256}.",
            hint="`mobilebench models fetch NAME` fetches it again.",
        )
    return list(_tensors(path))


def check(path: Path) -> None:
    """Read all weights once, one at a time.

    Raises:
        BadInput: as `load`.
    """
    for _ in _tensors(path):
        pass


def export(weights: Sequence[NDArray[Any]], path: Path, *, model: str | None = None) -> None:
    """Write weights in the definition's order; the same weights make the same bytes.

    Args:
        model: the name to put in the file's metadata, for information only.
    """
    import numpy as np
    from safetensors.numpy import save_file

    tensors = {str(number): np.ascontiguousarray(values) for number, values in enumerate(weights)}
    save_file(tensors, path, metadata={"model": model} if model else None)


def write_template(model: str, path: Path) -> list[tuple[int, ...]]:
    """Write a model's seeded weights to a file, as a template into which a checkpoint's tensors are put.

    TensorFlow runs in a separate process (`definition_weights`).

    Returns:
        The shapes of the model's variables in the definition's order.

    Raises:
        BadInput: there is no such model or no definition of it, the file exists or cannot be written, or the `models`
            extra is not installed.
        MobilebenchError: the definition failed.
    """
    if reason := registry.why_not(model):
        raise BadInput(f"{reason}.", hint="`mobilebench models list` shows what can be built.")
    if path.exists():
        raise BadInput(f"{path} exists already.", hint="Choose another file, or remove this one.")
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder {path.parent}.", hint="Create it first.")
    pins.require()
    with Worker("mobilebench.models.weights.definition_weights", environment=ENGINES_ON_CPU) as worker:
        try:
            answer = worker.answer({"model": model, "file": str(path.absolute())}, timeout_s=_TEMPLATE_SECONDS)
        except WorkerFailed as error:
            problem = error.reason.rstrip(".")
            raise MobilebenchError(f"The weights of {model} could not be written to {path}: {problem}.") from None
    return [tuple(shape) for shape in answer["shapes"]]


def _sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"{path} cannot be read: {error.strerror or error}.", hint="Check the file's name.")


def _tensors(path: Path) -> Iterator[NDArray[Any]]:
    import numpy as np
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stored:
            names = set(stored.keys())
            _require_numbers(path, names)
            for number in range(len(names)):
                dtype = stored.get_slice(str(number)).get_dtype()
                if dtype not in _DTYPES:
                    raise BadInput(f"{path}: tensor {number} is {dtype}, not F32 or F16.", hint=_HINT)
                values = stored.get_tensor(str(number)).astype(np.float32, copy=False)
                if not np.isfinite(values).all():
                    count = int(values.size - np.isfinite(values).sum())
                    raise BadInput(f"{path}: tensor {number} has {count} values that are not finite.", hint=_HINT)
                yield values
    except SafetensorError as error:
        raise BadInput(f"{path} is not a complete safetensors file: {error}.", hint=_HINT) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _require_numbers(path: Path, names: set[str]) -> None:
    wanted = {str(number) for number in range(len(names))}
    if not names:
        raise BadInput(f"{path} has no tensors.", hint=_HINT)
    if foreign := sorted(names - wanted):
        missing = sorted(wanted - names, key=int)
        shown = ", ".join(repr(name[:60]) for name in foreign[:3]) + (", …" if len(foreign) > 3 else "")
        raise BadInput(
            f"{path}: its {len(names)} tensors must be named 0 to {len(names) - 1}; "
            f"it has {shown}, but not {', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}.",
            hint=_HINT,
        )
