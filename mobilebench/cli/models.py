"""`mobilebench models …`: the models on this computer, which are listed, added, removed and pruned here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import models_build, models_show, models_verify, options
from mobilebench.cli.output import Json, console, print_json, print_table, say
from mobilebench.core.sizes import decimal_size, mebibytes

if TYPE_CHECKING:
    from mobilebench.models.manifest import Manifest, ModelFiles
    from mobilebench.models.spec import ModelEntry


@dataclass(frozen=True)
class Here:
    """The files that this computer has of one precision of a model."""

    state: str
    files: ModelFiles | None


app = options.group("List, build, add, fetch, show and verify models.")


@app.command("list")
def list_models(json: Json = False) -> None:
    """List every model that mobilebench knows, and which are built on this computer."""
    from mobilebench.core import paths
    from mobilebench.models import registry

    paths.cache()  # if it cannot be read, no model counts as damaged
    listed = [(registry.get(name), _on_this_computer(name)) for name in registry.names()]
    if json:
        print_json([_described(entry, here) for entry, here in listed])
        return
    print_table(
        ["model", "paper", "task", "on this computer"],
        [(entry.name, entry.label, entry.task, _shown(here)) for entry, here in listed],
    )


def _described(entry: ModelEntry, here: dict[str, Here]) -> dict[str, Any]:
    files = next((one.files for one in here.values() if one.files), None)
    return {
        "name": entry.name,
        "paper": entry.label,
        "title": entry.title,
        "task": entry.task,
        "citation": entry.citation,
        "parameters": entry.parameters,
        "options": dict(entry.options),
        "inputs": _inputs(entry, files),
        "outputs": list(entry.outputs),
        "preprocessing": entry.preprocessing or None,
        "postprocessing": entry.postprocessing or None,
        "precisions": {
            precision: {
                "state": one.state,
                "manifest": one.files.manifest.model_dump(mode="json") if one.files else None,
            }
            for precision, one in here.items()
        },
    }


def _shown(here: dict[str, Here]) -> str:
    """The precisions on this computer with their sizes and problems."""
    built = [
        f"{precision} {_mebibytes(one.files)}{_behaviour(one.files)}" for precision, one in here.items() if one.files
    ]
    wrong = [
        f"{precision} {one.state}"
        for precision, one in here.items()
        if one.state not in ("built", "added", "not built")
    ]
    return ", ".join([*built, *dict.fromkeys(wrong)]) or "not built"


def _behaviour(files: ModelFiles) -> str:
    """` (random)`, ` (stateful)`, ` (signature encode)`, or nothing for a pure function with one signature."""
    from mobilebench.models import behaviour
    from mobilebench.models.inspection import signatures
    from mobilebench.models.inspection.graph import shown_name

    signature = signatures.of(files.manifest)
    words = [
        behaviour.in_a_word(behaviour.of(files.manifest)),
        signature and f"signature {shown_name(signature)}",
    ]
    text = ", ".join(filter(None, words))
    return f" ({text})" if text else ""


def _inputs(entry: ModelEntry, files: ModelFiles | None) -> list[dict[str, Any]]:
    """The inputs with the shapes of the files, or for a batch of 1 if there are no files."""
    specs = files.manifest.inputs if files else entry.input_specs(1)
    return [
        {"name": spec.name, "dtype": spec.dtype, "shape": spec.shape, "layout": one.layout or None}
        for spec, one in zip(specs, entry.inputs, strict=True)
    ]


def _on_this_computer(name: str) -> dict[str, Here]:
    """Precision to its files on this computer."""
    from mobilebench.models import registry, user_store

    if own := user_store.find(name):
        return {own.manifest.precision: Here("added", own)}
    return {precision: _built(name, precision) for precision in registry.PRECISIONS}


def _built(name: str, precision: str) -> Here:
    from mobilebench.core.errors import BadInput
    from mobilebench.models import obtain, registry

    if reason := registry.why_not(name, precision):
        return Here(f"unsupported: {reason}", None)
    try:
        files = obtain.find(name, precision)
    except BadInput:
        return Here("damaged: the next run or `models build` builds it again", None)
    return Here("built" if files else "not built", files)


def _mebibytes(files: ModelFiles) -> str:
    return mebibytes(sum(one.bytes for one in files.manifest.formats.values()))


def add(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="An .onnx or .tflite file, the folder of a SavedModel, or a model.json."),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the model; by default the name of the file.")] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=SHAPE[:DTYPE]", help="Shape of an input, as in `input_ids=1x128:int32`."),
    ] = None,
    fill: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=KIND:LOW:HIGH",
            help="Values that fill an input, as in `image=uniform:0:1` or `input_ids=integers:0:30522`.",
        ),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="Number format; by default that of the weights.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Largest allowed difference of answers, as a share of the largest value; the default depends on the "
            "number format."
        ),
    ] = None,
    signature: Annotated[
        str | None, typer.Option(help="Signature to measure, of a .tflite file or SavedModel that has several.")
    ] = None,
    convert: Annotated[
        bool,
        typer.Option("--convert", help="Also convert it to the other formats, and keep those whose answers agree."),
    ] = False,
    json: Json = False,
) -> None:
    """Add a model of your own. It is copied, its answer is computed once for reference, and it can be measured at once.

    Examples:

    - `mobilebench models add my_net.onnx`

    - `mobilebench models add bert.onnx --input input_ids=1x128:int64 --input attention_mask=1x128:int64`
    """
    from mobilebench.models.user_models import importer, input_specs

    options = importer.ImportOptions(
        name=name,
        inputs=tuple(input_specs.parse_input(text) for text in input_ or ()),
        fills=dict(input_specs.parse_fill(text) for text in fill or ()),
        precision=precision,
        tolerance=tolerance,
        signature=signature,
    )
    taken = importer.add(path, options, _say_step)
    if convert:
        from mobilebench.models.user_models import converting

        taken = converting.convert(taken, _say_step)
    if json:
        print_json(
            {
                "already_there": taken.already,
                "folder": str(taken.files.folder),
                "manifest": taken.files.manifest.model_dump(mode="json"),
            }
        )
        return
    _print_added(taken.files.manifest, already=taken.already)


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model that you added.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete it without asking.")] = False,
) -> None:
    """Delete a model of your own. Its results are kept."""
    from mobilebench.models import user_store

    if user_store.find(name) and not yes:
        typer.confirm(f"Delete {name} and its files?", abort=True)
    files = user_store.remove(name)
    size = sum(one.bytes for one in files.manifest.formats.values())
    say(f"{name} was removed ({mebibytes(size)}).")


def _say_step(step: str) -> None:
    say(step, err=True)


def _print_added(manifest: Manifest, *, already: bool) -> None:
    from mobilebench.models import behaviour
    from mobilebench.models.inspection import signatures

    formats = ", ".join(f"{name} {mebibytes(one.bytes)}" for name, one in manifest.formats.items())
    added = "was added before" if already else "was added"
    say(f"{manifest.model} {added}: {manifest.precision}, batch {manifest.batch}; {formats}")
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
    for note in (
        *filter(None, [behaviour.clause(behaviour.of(manifest)), signatures.clause(manifest)]),
        *manifest.notes,
    ):
        say(f"Note: {note}.")
    for reason in dict.fromkeys(manifest.unsupported.values()):
        others = [other for other, why in manifest.unsupported.items() if why == reason]
        say(f"No {', '.join(others)}: {reason.rstrip('.')}.")
    options = f" --precision {manifest.precision}" if manifest.precision != "fp32" else ""
    options += f" --batch {manifest.batch}" if manifest.batch != 1 else ""
    say(f"Measure it with: mobilebench run --serial host --model {manifest.model}{options}")


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also remove current models and weights, all compressed copies, and files that other computers sent.",
        ),
    ] = False,
) -> None:
    """Free disk space in the cache.

    It removes models of older definitions, weights that no model names, files that killed processes left, and
    compressed copies (`--encoding gzip,br`) of files that no longer exist. Files that another process builds, fetches
    or uses are kept. Models that you added with `models add` are never removed.
    """
    from mobilebench.core import paths
    from mobilebench.models.prune import prune as pruned

    things = pruned(everything=everything, dry_run=dry_run)
    if everything:
        verb = "would be removed" if dry_run else "are removed"
        what = f"All built models, fetched weights and compressed copies in {paths.cache()}"
        say(f"{what} {verb}; they can be made again.")
    found = freed = kept = 0
    for one in things:
        what = "in use, kept" if one.in_use else ("would be removed" if dry_run else "removed")
        place = str(one.path.relative_to(paths.cache()))
        if one.files is not None:
            place = f"{one.files} file{'' if one.files == 1 else 's'} in {place}"
        console().print(
            f"{what}: {place} ({decimal_size(one.bytes)}; {one.why})", markup=False, highlight=False, soft_wrap=True
        )
        freed += 0 if one.in_use else one.bytes
        kept += one.in_use
        found += 1
    say(_sum(found, freed, kept, dry_run))


def _sum(found: int, freed: int, kept: int, dry_run: bool) -> str:
    if not found:
        return "Nothing to prune."
    in_use = f"; {kept} in use" if kept else ""
    return f"{decimal_size(freed)} {'would be' if dry_run else 'were'} freed{in_use}."


app.command("build")(models_build.build)
app.command("add")(add)
app.command("remove")(remove)
app.command("fetch")(models_build.fetch)
app.command("weights")(models_build.weights)
app.command("prune")(prune)
app.command("show")(models_show.show)
app.command("verify")(models_verify.verify)
