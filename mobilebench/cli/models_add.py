"""`mobilebench models add` and `models remove`: users' own models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli.output import Json, print_json, print_table, say
from mobilebench.core.sizes import mebibytes

if TYPE_CHECKING:
    from mobilebench.models.manifest import Manifest


def add(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="An .onnx or .tflite file, a SavedModel's folder, or a model.json.")
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; else as the file.")] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=SHAPE[:DTYPE]", help="An input's shape, as in `input_ids=1x128:int32`."),
    ] = None,
    fill: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=KIND:LOW:HIGH",
            help="What an input is filled with, as in `image=uniform:0:1` or `input_ids=integers:0:30522`.",
        ),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="Number format; else as the weights tell.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="How far answers may differ, as a share of the largest value; else by number format."),
    ] = None,
    signature: Annotated[
        str | None, typer.Option(help="Of a .tflite file or SavedModel with several: the one to measure.")
    ] = None,
    convert: Annotated[
        bool, typer.Option("--convert", help="Also make the other formats, as far as they turn out to agree.")
    ] = False,
    json: Json = False,
) -> None:
    """Add a model of your own: it is copied, asked once for its answer, and can be measured at once.

    Examples:

    - `mobilebench models add my_net.onnx`

    - `mobilebench models add bert.onnx --input input_ids=1x128:int64 --input attention_mask=1x128:int64`
    """
    from mobilebench.models.user_models import importer, input_specs

    wishes = importer.Wishes(
        name=name,
        inputs=tuple(input_specs.parse_input(text) for text in input_ or ()),
        fills=dict(input_specs.parse_fill(text) for text in fill or ()),
        precision=precision,
        tolerance=tolerance,
        signature=signature,
    )
    taken = importer.add(path, wishes, _tell)
    if convert:
        from mobilebench.models.user_models import converting

        taken = converting.convert(taken, _tell)
    if json:
        print_json(
            {
                "already_there": taken.already,
                "folder": str(taken.files.folder),
                "manifest": taken.files.manifest.model_dump(mode="json"),
            }
        )
        return
    _print(taken.files.manifest, already=taken.already)


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model that you added.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a model of your own. What was measured with it stays."""
    from mobilebench.models import user_store

    if user_store.find(name) and not yes:
        typer.confirm(f"Delete {name} and its files?", abort=True)
    files = user_store.remove(name)
    size = sum(one.bytes for one in files.manifest.formats.values())
    say(f"Removed {name} ({mebibytes(size)}).")


def _tell(step: str) -> None:
    say(step, err=True)


def _print(manifest: Manifest, *, already: bool) -> None:
    from mobilebench.models import behaviour, signatures

    formats = ", ".join(f"{name} {mebibytes(one.bytes)}" for name, one in manifest.formats.items())
    said = "is there already" if already else "was added"
    say(f"{manifest.model} {said}: {manifest.precision}, batch {manifest.batch}; {formats}")
    print_table(
        ["input", "dtype", "shape", "filled with"],
        [
            (
                spec.name,
                spec.dtype,
                "x".join(map(str, spec.shape)) or "scalar",
                f"{spec.fill.kind} from {spec.fill.low:g} to below {spec.fill.high:g}",
            )
            for spec in manifest.inputs
        ],
    )
    if manifest.reference:
        print_table(
            ["output", "shape", "largest value"],
            [(one.name, "x".join(map(str, one.shape)) or "scalar", f"{one.max:.4g}") for one in manifest.reference],
        )
    for note in (*filter(None, [behaviour.said(behaviour.of(manifest)), signatures.said(manifest)]), *manifest.notes):
        say(f"Note: {note}.")
    for reason in dict.fromkeys(manifest.unsupported.values()):
        others = [other for other, why in manifest.unsupported.items() if why == reason]
        say(f"No {', '.join(others)}: {reason.rstrip('.')}.")
    options = f" --precision {manifest.precision}" if manifest.precision != "fp32" else ""
    options += f" --batch {manifest.batch}" if manifest.batch != 1 else ""
    say(f"Measure it: mobilebench run --serial host --model {manifest.model}{options}")
