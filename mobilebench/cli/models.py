"""`mobilebench models …`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from mobilebench.cli import complete
from mobilebench.cli.output import Json, print_json, print_table, split

app = typer.Typer(no_args_is_help=True, help="The models: list what is known, build what is needed.")


@app.command("list")
def list_models(json: Json = False) -> None:
    """List every model that mobilebench knows, and which are built on this computer."""
    from mobilebench.models import cache, registry

    built = {files.manifest.model: files for files in cache.list_built() if files.manifest.batch == 1}
    entries = [registry.get(name) for name in registry.names()]
    if json:
        print_json(
            [
                {
                    "name": entry.name,
                    "paper": entry.label,
                    "title": entry.title,
                    "task": entry.task,
                    "unsupported": registry.why_not(entry.name, "fp32"),
                    "built": built[entry.name].manifest.model_dump(mode="json") if entry.name in built else None,
                }
                for entry in entries
            ]
        )
        return
    rows = []
    for entry in entries:
        files = built.get(entry.name)
        sizes = (
            ", ".join(f"{name} {one.bytes / 2**20:.1f} MiB" for name, one in files.manifest.formats.items())
            if files
            else None
        )
        state = registry.why_not(entry.name, "fp32") or ("built" if files else "not built")
        rows.append((entry.name, entry.label, entry.task, "fp32", sizes, state))
    print_table(["model", "paper", "task", "variant", "size", "state"], rows)


@app.command()
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL…", help="Which models; none: all.", autocompletion=complete.models),
    ] = None,
    variant: Annotated[str, typer.Option(help="Number format.")] = "fp32",
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Batch size built into the model.")] = 1,
) -> None:
    """Build models in every format, from seeded weights, and check that all formats agree.

    What is already built from the same definition is left alone. Needs `pip install mobilebench[models]`.
    """
    from mobilebench.models import cache, registry

    wanted = split(names) or tuple(name for name in registry.names() if registry.why_not(name, variant) is None)
    for name in wanted:
        files = cache.ensure(name, variant, batch, partial(_tell, name))
        sizes = ", ".join(f"{format_} {one.bytes / 2**20:.1f} MiB" for format_, one in files.manifest.formats.items())
        typer.echo(f"{name} {variant} batch {batch}: {sizes}")


def _tell(name: str, step: str) -> None:
    typer.echo(f"{name}: {step}", err=True)
