"""`mobilebench models weights`."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Annotated

import typer

from mobilebench.cli import complete
from mobilebench.cli.output import Json, print_json, print_table, say
from mobilebench.core.sizes import decimal_size


def weights(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Which model.", autocompletion=complete.models)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write, such as model.safetensors.")],
    json: Json = False,
) -> None:
    """Write a model's seeded weights to a safetensors file: the form in which `models fetch` takes pretrained ones.

    Replace the tensors, which are numbered in the definition's order, by those of a checkpoint.
    """
    from mobilebench.models.weights import weights_file

    shapes = weights_file.write_template(name, file)
    if json:
        print_json([list(shape) for shape in shapes])
        return
    print_table(
        ["tensor", "shape", "parameters"],
        [(number, " × ".join(map(str, shape)), prod(shape)) for number, shape in enumerate(shapes)],
    )
    count = sum(prod(shape) for shape in shapes)
    say(f"{file}: {len(shapes)} tensors, {count} parameters, {decimal_size(file.stat().st_size)}.")
