"""`mobilebench models show`: the contents of a model or of any model file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say
from mobilebench.core.sizes import binary_size

if TYPE_CHECKING:
    from mobilebench.models.inspection.inspecting import Description, Tensor
    from mobilebench.models.manifest import Format, ModelFiles

_FORMATS = ("saved_model", "tflite", "onnx", "tfjs")


def show(
    model: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="A built or added model, or a file: an .onnx, a .tflite, the folder of a SavedModel, or a model.json.",
            autocompletion=options.complete_models,
        ),
    ],
    precision: Annotated[
        str | None,
        typer.Option(help="Number format of a model by name, such as `int8`; by default the first that is built."),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="Format of a model by name: tflite, onnx, tfjs or saved_model; by default all."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Batch size of a model by name.")] = 1,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=SHAPE", help="Sizes for the open axes of a file, such as `image=1x3x224x224`."
        ),
    ] = None,
    signature: Annotated[
        str | None, typer.Option(help="Signature to show, of a .tflite file or SavedModel that has several.")
    ] = None,
    json: Json = False,
) -> None:
    """Show inputs, outputs, operators, parameters and arithmetic of a model, and which engines lack an operator.

    The file is read by another process within limits, so a file of unknown origin may be given. MACs are the
    multiply-accumulates of convolutions, matrix multiplications and recurrent layers in one inference; FLOPs = 2 x
    MACs. Traffic is an estimate: every operator reads its inputs and weights and writes its outputs once.

    Examples:

    - `mobilebench models show mobilenet_v2 --precision int8 --format tflite`

    - `mobilebench models show ./my.onnx --input image=1x3x224x224`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.models.inspection import signatures
    from mobilebench.models.inspection.inspecting import inspect

    wanted = _format(format_)
    shapes = dict(_shape(one) for one in input_ or [])
    path = Path(model)
    if _is_path(model):
        if precision is not None:
            raise BadInput("--precision is for models by name; a file is shown as it is.")
        described = [inspect(path, wanted, shapes=shapes, signature=signature)]
        built: list[ModelFiles] = []
    else:
        if signature is not None:
            raise BadInput("--signature is for files; the signature of a model was chosen when it was added.")
        if shapes:
            raise BadInput("--input is for files; the inputs of a built model are fixed.")
        built = _built(model, batch)
        files = _chosen(model, built, precision, wanted)
        formats = [wanted] if wanted else list(files.manifest.formats)
        described = [
            inspect(
                _file(files, one),
                one,
                shapes=_sizes_of(files, one),
                signature=signatures.to_read(files.manifest, one),
            )
            for one in formats
        ]
    if json:
        print_json({"files": [_as_json(one) for one in described], "built": [_built_json(one) for one in built]})
        return
    for description in described:
        _print(description)
    if built:
        _print_sizes(built)


def _sizes_of(files: ModelFiles, format_: Format) -> dict[str, list[int]]:
    """The user's sizes for a model's dynamic axes, by the input names in its file."""
    if files.manifest.source != "added":
        return {}
    names = files.manifest.formats[format_].inputs
    return {names[spec.name]: spec.shape for spec in files.manifest.inputs}


def _is_path(model: str) -> bool:
    """Whether it is a file rather than a name. Names have no dots or slashes; a known name wins over a folder."""
    from mobilebench.models import registry, user_store

    if "/" in model or "." in model:
        return True
    return Path(model).exists() and model not in registry.names() and user_store.find(model) is None


def _format(name: str | None) -> Format | None:
    from mobilebench.core.errors import BadInput

    if name is None:
        return None
    found = next((one for one in _FORMATS if one == name), None)
    if found is None:
        raise BadInput(f"There is no format {name!r}; known are {', '.join(_FORMATS)}.")
    return found  # type: ignore[return-value]


def _shape(text: str) -> tuple[str, list[int]]:
    from mobilebench.core.errors import BadInput

    name, _, sizes = text.rpartition("=")
    parts = sizes.replace(",", "x").split("x")
    if not name or not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise BadInput(f"--input {text!r} is not NAME=SHAPE.", hint="As in `--input image=1x3x224x224`.")
    return name, [int(part) for part in parts]


def _built(name: str, batch: int) -> list[ModelFiles]:
    """The precisions of a model on this computer."""
    from mobilebench.models import obtain, registry, user_store

    if own := user_store.find(name):
        return [own]
    found = (obtain.find(name, precision, batch) for precision in registry.PRECISIONS)
    return [files for files in found if files]


def _chosen(name: str, built: list[ModelFiles], precision: str | None, format_: Format | None) -> ModelFiles:
    from mobilebench.core.errors import BadInput
    from mobilebench.models import registry

    if precision is not None and precision not in registry.PRECISIONS:
        raise BadInput(f"There is no precision {precision!r}; known are {', '.join(registry.PRECISIONS)}.")
    fitting = [one for one in built if precision in (None, one.manifest.precision)]
    if not fitting:
        what = " ".join(filter(None, (name, precision)))
        option = f" --precision {precision}" if precision else ""
        raise BadInput(f"{what} is not built here.", hint=f"`mobilebench models build {name}{option}` builds it.")
    files = fitting[0]
    if format_ and format_ not in files.manifest.formats:
        reason = files.manifest.unsupported.get(format_)
        raise BadInput(
            f"{name} {files.manifest.precision} has no {format_}{f': {reason}' if reason else ''}.",
            hint=f"It has {', '.join(files.manifest.formats)}.",
        )
    return files


def _file(files: ModelFiles, format_: Format) -> Path:
    return files.folder / files.manifest.formats[format_].path


def _print(description: Description) -> None:
    count = len(description.files)
    traffic = description.traffic_bytes
    facts = [
        ("format", _version(description)),
        ("size", f"{binary_size(description.bytes)} in {count} file{'s' * (count > 1)}"),
        ("sha256", description.sha256),
        ("parameters", f"{_grouped(description.parameters)}{_stored(description)}"),
        ("MACs", _arithmetic(description.macs)),
        ("traffic", "not known" if traffic is None else f"≈ {binary_size(traffic)}"),
    ]
    print_table(["file", next(iter(description.files))], facts)
    tensors = [("input", one) for one in description.inputs] + [("output", one) for one in description.outputs]
    print_table(["", "name", "dtype", "shape"], [(kind, one.name, one.dtype, _sizes(one)) for kind, one in tensors])
    for shared in description.shared_names:
        say(f"It cannot be measured as it is: {shared}.\n")
    if description.signatures and (len(description.signatures) > 1 or description.signature is None):
        names = ", ".join(shlex.quote(name) for name in description.signatures)
        shown = "the first graph" if description.signature is None else shlex.quote(description.signature)
        say(f"It has the signatures {names}; {shown} is shown. Show another one with --signature NAME.\n")
    print_table(
        ["operator", "count", "parameters", "MACs", "share"],
        [
            (
                one.label,
                one.count,
                _grouped(one.parameters) if one.parameters else None,
                "not known" if one.macs is None else _grouped(one.macs) if one.macs else None,
                f"{one.macs / description.macs:.1%}" if one.macs and description.macs else None,
            )
            for one in description.operators
        ],
    )
    if support := _support(description):
        print_table(["engine", "backend", "version", "operators that it lacks"], support)
    else:
        say(f"No table says which engines lack which operators of {description.format}.\n")
    if unranked := [one.name for one in description.inputs if not one.rank_known]:
        say(f"The rank of {', '.join(unranked)} is open. Give it sizes, as in --input {unranked[0]}=1x128.\n")
    elif any(None in one.shape for one in description.inputs):
        names = ", ".join(
            f"--input {one.name}={_sizes(one).replace(' ', '').replace('?', '1')}" for one in description.inputs
        )
        say(f"Axes written as ? are open. Give them a value to see the arithmetic, as in {names}.\n")


def _print_sizes(built: list[ModelFiles]) -> None:
    from mobilebench.models import behaviour
    from mobilebench.models.inspection import signatures

    rows = [
        (files.manifest.precision, name, binary_size(entry.bytes), files.manifest.weights)
        for files in built
        for name, entry in files.manifest.formats.items()
    ]
    print_table(["precision", "format", "size", "weights"], rows, title="On this computer")
    for files in built:
        if said := behaviour.clause(behaviour.of(files.manifest)):
            say(f"Note: {said}.")
        if said := signatures.clause(files.manifest):
            say(f"Note: {said}.")


def _support(description: Description) -> list[tuple[str, str, str, str]]:
    from mobilebench.models.inspection import graph_operators

    rows = []
    for table in graph_operators.tables():
        if table.format == description.format:
            lacking = graph_operators.missing(description, table.engine, table.backend)
            words = "not known" if lacking is None else ", ".join(lacking) or "none"
            rows.append((table.engine, table.backend, table.version, words))
    return rows


def _as_json(description: Description) -> dict[str, object]:
    from mobilebench.models.inspection import graph_operators

    lacking = {
        f"{table.engine}/{table.backend}": graph_operators.missing(description, table.engine, table.backend)
        for table in graph_operators.tables()
        if table.format == description.format
    }
    flops = None if description.macs is None else 2 * description.macs
    return {**description.model_dump(mode="json", exclude={"computing"}), "flops": flops, "lacking": lacking}


def _built_json(files: ModelFiles) -> dict[str, object]:
    from mobilebench.models import behaviour
    from mobilebench.models.inspection import signatures

    manifest = files.manifest
    return {
        "model": manifest.model,
        "precision": manifest.precision,
        "batch": manifest.batch,
        "weights": manifest.weights,
        "bytes": {name: entry.bytes for name, entry in manifest.formats.items()},
        "unsupported": manifest.unsupported,
        "behaviour": behaviour.of(manifest).model_dump(),
        "signature": signatures.clause(manifest),
    }


def _version(description: Description) -> str:
    opset = ", ".join(f"{domain or 'opset'} {version}" for domain, version in description.opset.items())
    return ", ".join(filter(None, (description.format, opset, description.producer, description.signature)))


def _stored(description: Description) -> str:
    stored = ", ".join(f"{dtype} {_grouped(count)}" for dtype, count in description.weight_dtypes.items())
    return f" ({stored})" if len(description.weight_dtypes) > 1 else f" {stored.split(' ')[0]}"


def _arithmetic(macs: int | None) -> str:
    if macs is None:
        return "not known: shapes or operators are open"
    return f"{_grouped(macs)} (FLOPs = 2 x MACs = {_grouped(2 * macs)})"


def _sizes(tensor: Tensor) -> str:
    if not tensor.rank_known:
        return "unknown rank"
    return " x ".join("?" if size is None else str(size) for size in tensor.shape) or "scalar"


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")
