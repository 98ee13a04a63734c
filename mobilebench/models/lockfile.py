"""`models.lock.yaml`: what the zoo's files are when they are built with the pinned converters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of_all
from mobilebench.core.records import Record
from mobilebench.models import cache, registry
from mobilebench.models.manifest import Format, FormatFile, ModelFiles

FILE = Path(__file__).with_name("models.lock.yaml")
NOT_LOCKED = "int8"
"""Its scales follow from activations, whose last bits depend on the processor: only its sizes are kept."""


class LockedFormat(Record):
    """One format of one precision, for a batch of 1."""

    bytes: int
    sha256: str | None = None
    """Of the one file; of several: of the lines `<sha256>  <path>` in the order of their paths."""


class LockedModel(Record):
    """One model."""

    parameters: int
    """In its files."""
    macs: int
    """Multiply-accumulates of one inference."""
    precisions: dict[str, dict[Format, LockedFormat]]
    unsupported: dict[str, dict[Format, str]] = {}  # noqa: RUF012 - pydantic copies it
    """Precision and format to the reason why there is no such file."""


def read() -> dict[str, LockedModel]:
    """Model to what is locked of it."""
    import yaml

    document = yaml.load(FILE.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return {name: LockedModel.model_validate(entry) for name, entry in document.items()}


def write(models: Mapping[str, LockedModel]) -> None:
    """Write the file anew."""
    import yaml

    document = {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in models.items()}
    head = f"# Made by scripts/lock_models.py: {__doc__.splitlines()[0]}\n" if __doc__ else ""
    FILE.write_text(head + yaml.safe_dump(document, sort_keys=False, width=200))


def of(name: str) -> LockedModel:
    """What the built model is, in all precisions.

    Raises:
        BadInput: a precision is not built on this computer.
    """
    from mobilebench.models.inspection.inspecting import inspect

    built = {precision: _found(name, precision) for precision in registry.PRECISIONS}
    onnx = built["fp32"].file("onnx")
    assert onnx is not None
    return LockedModel(
        parameters=built["fp32"].manifest.parameters,
        macs=inspect(onnx).macs or 0,
        precisions={precision: locked(files) for precision, files in built.items()},
        unsupported={
            precision: files.manifest.unsupported for precision, files in built.items() if files.manifest.unsupported
        },
    )


def locked(files: ModelFiles) -> dict[Format, LockedFormat]:
    """The formats of one built precision."""
    manifest = files.manifest
    return {
        name: LockedFormat(bytes=one.bytes, sha256=None if manifest.precision == NOT_LOCKED else digest(one))
        for name, one in manifest.formats.items()
    }


def digest(one: FormatFile) -> str:
    """One sum for all files of a format."""
    return sha256_of_all({one.path: one.sha256, **one.parts})


def _found(name: str, precision: str) -> ModelFiles:
    files = cache.find(name, precision)
    if files is None:
        raise BadInput(
            f"{name} is not built in {precision}.", hint="Build all of them: `mobilebench models build --all`."
        )
    return files
