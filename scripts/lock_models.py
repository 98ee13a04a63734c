"""Write models.lock.yaml and the tables of docs/models.md from the models that are built on this computer.

Run `mobilebench models build --all` before, and look at the differences: a digest changes only when a definition or a
converter does. The lock file holds the sizes and digests of the zoo's files, built with the pinned converters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of_all
from mobilebench.core.records import Record
from mobilebench.models import obtain, registry, user_store
from mobilebench.models.inspection.inspecting import inspect
from mobilebench.models.manifest import Format, FormatFile, ModelFiles

_ROOT = Path(__file__).resolve().parents[1]
_DOCUMENT = _ROOT / "docs" / "models.md"
FILE = _ROOT / "mobilebench" / "models" / "models.lock.yaml"
_FORMATS: tuple[Format, ...] = ("saved_model", "tflite", "onnx", "tfjs")
NOT_LOCKED = "int8"
"""Of this precision only sizes are kept: its scales follow from activations, and their last bits from the processor."""


class PublishedSize(Record):
    """The size of a model file as a publication states it."""

    megabytes: float
    source: str
    """Key of `sources` in the same file."""
    difference: str
    """Why the file that is built here has another size, in plain words."""


class PublishedSizes(Record):
    """`scripts/model_sizes.yaml`: published facts only, never mixed with what is measured here."""

    sources: dict[str, str]
    """Key to citation."""
    models: dict[str, PublishedSize]
    """By the name that the registry gives the model."""


class LockedFormat(Record):
    """One format of one precision, for a batch of 1."""

    bytes: int
    sha256: str | None = None
    """The sha256 of the one file, or of the lines `<sha256>  <path>` of several files, sorted by path."""


class LockedModel(Record):
    """One model."""

    parameters: int
    """The number of parameters in its files."""
    macs: int
    """Multiply-accumulates of one inference."""
    precisions: dict[str, dict[Format, LockedFormat]]
    unsupported: dict[str, dict[Format, str]] = {}  # noqa: RUF012 - pydantic copies it
    """Precision and format to the reason why there is no such file."""


def published_sizes() -> PublishedSizes:
    """The published sizes of model files."""
    return PublishedSizes.model_validate(yaml.safe_load((_ROOT / "scripts" / "model_sizes.yaml").read_text()))


def read() -> dict[str, LockedModel]:
    """Model name to its locked sizes and digests."""
    document = yaml.load(FILE.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return {name: LockedModel.model_validate(entry) for name, entry in document.items()}


def write(models: Mapping[str, LockedModel]) -> None:
    """Write the lock file."""
    document = {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in models.items()}
    head = "# The files of the zoo, built with the pinned converters. Written by scripts/lock_models.py: do not edit.\n"
    FILE.write_text(head + yaml.safe_dump(document, sort_keys=False, width=200))


def lock(name: str) -> LockedModel:
    """Sizes and digests of one built model, in all precisions.

    Raises:
        BadInput: a precision is not built on this computer.
    """
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
    """One sha256 for all files of a format."""
    return sha256_of_all({one.path: one.sha256, **one.parts})


def _found(name: str, precision: str) -> ModelFiles:
    files = obtain.find(name, precision)
    if files is None:
        raise BadInput(
            f"{name} is not built in {precision}.", hint="Build all of them: `mobilebench models build --all`."
        )
    return files


def sizes(models: Mapping[str, LockedModel]) -> str:
    """Parameters, arithmetic and sizes of every model, in Markdown."""
    head = ["label", "name", "parameters", "million MACs", "precision", *(f"{name} MiB" for name in _FORMATS)]
    return _markdown(head, _size_rows(models))


def published(models: Mapping[str, LockedModel]) -> str:
    """Published sizes beside those of the .tflite files, with the reasons for differences, in Markdown."""
    known = published_sizes()
    rows = [
        [f"`{name}`", f"{one.megabytes:g}", _mebibytes(models[name].precisions["fp32"].get("tflite")), one.difference]
        for name, one in known.models.items()
    ]
    sources = "\n".join(f"- {citation}" for citation in known.sources.values())
    return f"{_markdown(['name', 'published MB', 'here MiB', 'why'], rows)}\n\nSources:\n\n{sources}"


def _size_rows(models: Mapping[str, LockedModel]) -> Iterator[list[str]]:
    for name, model in models.items():
        for precision, formats in model.precisions.items():
            first = precision == "fp32"
            facts = [registry.get(name).label, f"`{name}`", _spaced(model.parameters), _millions(model.macs)]
            yield [
                *(facts if first else [""] * len(facts)),
                precision,
                *(_mebibytes(formats.get(one)) for one in _FORMATS),
            ]


def _mebibytes(one: LockedFormat | None) -> str:
    return f"{one.bytes / 2**20:.1f}" if one else "–"


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f}" if count < 10e6 else _spaced(round(count / 1e6))


def _spaced(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _markdown(head: Sequence[str], rows: Iterator[list[str]] | list[list[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def between_markers(text: str, name: str, content: str) -> str:
    """`text` with `content` between `<!-- name -->` and `<!-- end of name -->`."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    assert marked.search(text), name
    return marked.sub(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text)


def main() -> None:
    models = {name: lock(name) for name in registry.names() if not user_store.find(name)}
    write(models)
    text = _DOCUMENT.read_text()
    for name, content in (("sizes", sizes(models)), ("published sizes", published(models))):
        text = between_markers(text, name, content)
    _DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
