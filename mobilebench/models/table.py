"""The tables of docs/models.md, made from what is locked (`models.lock`) and published (`reference`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mobilebench import reference
from mobilebench.models import registry
from mobilebench.models.lockfile import LockedFormat, LockedModel
from mobilebench.models.manifest import Format

_FORMATS: tuple[Format, ...] = ("saved_model", "tflite", "onnx", "tfjs")


def sizes(models: Mapping[str, LockedModel]) -> str:
    """Parameters, arithmetic and sizes of every model, in Markdown."""
    head = ["label", "name", "parameters", "million MACs", "precision", *(f"{name} MiB" for name in _FORMATS)]
    return _markdown(head, _size_rows(models))


def published(models: Mapping[str, LockedModel]) -> str:
    """Published sizes beside those of the .tflite files, with the reasons for differences, in Markdown."""
    known = reference.model_sizes()
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
