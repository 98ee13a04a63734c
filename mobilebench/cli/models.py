"""`mobilebench models …`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from mobilebench.cli import (
    models_add,
    models_build,
    models_fetch,
    models_prune,
    models_show,
    models_verify,
    models_weights,
)
from mobilebench.cli.output import Json, print_json, print_table
from mobilebench.core.sizes import mebibytes

if TYPE_CHECKING:
    from mobilebench.models.manifest import ModelFiles
    from mobilebench.models.spec import ModelEntry


@dataclass(frozen=True)
class Here:
    """The files that this computer has of one precision of a model."""

    state: str
    files: ModelFiles | None


app = typer.Typer(no_args_is_help=True, help="The models: list what is known, build what is needed.")


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
    from mobilebench.models import behaviour, signatures

    signature = signatures.of(files.manifest)
    words = [
        behaviour.in_a_word(behaviour.of(files.manifest)),
        signature and f"signature {signatures.shown(signature)}",
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
        return Here("damaged: the next run or `models build` mends it", None)
    return Here("built" if files else "not built", files)


def _mebibytes(files: ModelFiles) -> str:
    return mebibytes(sum(one.bytes for one in files.manifest.formats.values()))


app.command("build")(models_build.build)
app.command("add")(models_add.add)
app.command("remove")(models_add.remove)
app.command("fetch")(models_fetch.fetch)
app.command("weights")(models_weights.weights)
app.command("prune")(models_prune.prune)
app.command("show")(models_show.show)
app.command("verify")(models_verify.verify)
