"""`mobilebench models …`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import complete, models_add, models_fetch, models_prune, models_show, models_weights
from mobilebench.cli.output import Json, print_json, print_table, split

if TYPE_CHECKING:
    from mobilebench.models.entry import ModelEntry
    from mobilebench.models.manifest import ModelFiles

app = typer.Typer(no_args_is_help=True, help="The models: list what is known, build what is needed.")


@app.command("list")
def list_models(json: Json = False) -> None:
    """List every model that mobilebench knows, and which are built on this computer."""
    from mobilebench.models import registry

    listed = [(registry.get(name), *_on_this_computer(name)) for name in registry.names()]
    if json:
        print_json(
            [
                {
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
                    "state": state,
                    "manifest": files.manifest.model_dump(mode="json") if files else None,
                }
                for entry, state, files in listed
            ]
        )
        return
    print_table(
        ["model", "paper", "task", "variant", "size", "state"],
        [
            (entry.name, entry.label, entry.task, "fp32", _sizes(files) if files else None, state)
            for entry, state, files in listed
        ],
    )


def _inputs(entry: ModelEntry, files: ModelFiles | None) -> list[dict[str, Any]]:
    """With the shapes of the files, or of a batch of 1 as long as there are none."""
    specs = files.manifest.inputs if files else entry.input_specs(1)
    return [
        {"name": spec.name, "dtype": spec.dtype, "shape": spec.shape, "layout": one.layout or None}
        for spec, one in zip(specs, entry.inputs, strict=True)
    ]


def _on_this_computer(name: str) -> tuple[str, ModelFiles | None]:
    from mobilebench.errors import BadInput
    from mobilebench.models import added, cache, registry

    if own := added.find(name):
        return "added", own
    if registry.why_not(name):
        return "unsupported: no definition in this version", None
    try:
        files = cache.find(name)
    except BadInput:
        return "damaged: the next run or `models build` mends it", None
    return ("built" if files else "not built"), files


def _sizes(files: ModelFiles) -> str:
    return ", ".join(f"{name} {one.bytes / 2**20:.1f} MiB" for name, one in files.manifest.formats.items())


@app.command()
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL…",
            help="Which models, such as `bert_small` or `'mlp_*'`; none: all.",
            autocompletion=complete.models,
        ),
    ] = None,
    variant: Annotated[str, typer.Option(help="Number format.")] = "fp32",
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Batch size built into the model.")] = 1,
) -> None:
    """Build models in every format, from seeded weights, and check that all formats agree.

    What is already built from the same definition is left alone. Needs `pip install mobilebench[models]`.
    """
    from mobilebench.models import cache, registry

    buildable = [name for name in registry.names() if registry.why_not(name, variant) is None]
    wanted = registry.expand(split(names)) or buildable
    for name in wanted:
        files = cache.ensure(name, variant, batch, partial(_tell, name))
        typer.echo(f"{name} {variant} batch {batch}: {_sizes(files)}")


def _tell(name: str, step: str) -> None:
    typer.echo(f"{name}: {step}", err=True)


app.command("add")(models_add.add)
app.command("remove")(models_add.remove)
app.command("fetch")(models_fetch.fetch)
app.command("weights")(models_weights.weights)
app.command("prune")(models_prune.prune)
app.command("show")(models_show.show)
