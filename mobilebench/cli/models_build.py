"""`mobilebench models build`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import complete
from mobilebench.cli.output import say, split
from mobilebench.core.sizes import decimal_size, mebibytes

if TYPE_CHECKING:
    from mobilebench.models.manifest import ModelFiles


def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL…",
            help="Which models, such as `bert_small` or `'mlp_*'`.",
            autocompletion=complete.models,
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="All models that `models list` shows, in all precisions unless --precision is given."
        ),
    ] = False,
    precision: Annotated[
        list[str] | None,
        typer.Option(metavar="VARIANT…", help="Number formats: fp32 (default), fp16, int8, dynamic."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Batch size built into the model.")] = 1,
) -> None:
    """Build models in every format, and check that all formats agree with TensorFlow.

    What is already built from the same definition is left alone: after an interruption the same command goes on.
    Weights are seeded unless pretrained ones were fetched. Needs `pip install mobilebench[models]`.
    """
    from mobilebench.core.errors import BadInput, MobilebenchError
    from mobilebench.models import obtain, registry, user_store

    asked = registry.expand(split(names)) if names else []
    if everything == bool(asked):
        raise BadInput(
            "Name the models to build, or give --all." if not asked else "Give either names or --all.",
            hint="For instance `mobilebench models build mobilenet_v2`; `mobilebench models list` shows the names.",
        )
    wanted = asked or [name for name in registry.names() if not user_store.find(name)]
    precisions = split(precision) or (registry.PRECISIONS if everything else ("fp32",))
    jobs = [(name, one) for name in wanted for one in precisions]
    for name, one in jobs:
        if reason := registry.why_not(name, one):
            raise BadInput(
                f"{reason[0].upper()}{reason[1:]}.", hint="`mobilebench models list` shows what can be built."
            )

    total, failed = 0, []
    began = time.monotonic()
    with _telling(len(jobs)) as tell:
        for place, (name, one) in enumerate(jobs, 1):
            label = f"{name} {one}" + (f" batch {batch}" if batch > 1 else "")
            started = time.monotonic()
            try:
                files = obtain.ensure(name, one, batch, partial(tell, place, label), thorough=False)
            except BadInput:
                raise
            except MobilebenchError as error:
                failed.append(error)
                say(f"{label}: failed. {error.message}", err=True)
                continue
            total += sum(found.bytes for found in files.manifest.formats.values())
            say(f"{label}: {_summary(files)} ({time.monotonic() - started:.1f} s)")
    if len(jobs) > 1:
        say(f"{len(jobs) - len(failed)} of {len(jobs)}, {decimal_size(total)}, {time.monotonic() - began:.0f} s")
    if failed:
        raise failed[0]


def _summary(files: ModelFiles) -> str:
    """Sizes by format, and the formats that do not exist."""
    sizes = [f"{name} {mebibytes(one.bytes)}" for name, one in files.manifest.formats.items()]
    return ", ".join(
        [
            *sizes,
            *(
                f"no {name}: {reason.rstrip('.')}"
                for name, reason in files.manifest.unsupported.items()
                if name != "saved_model"
            ),
        ]
    )


@contextmanager
def _telling(jobs: int) -> Iterator[Callable[[int, str, str], None]]:
    """Show a step: on a terminal in one line that is overwritten, elsewhere in a new line."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda place, label, step: say(f"[{place}/{jobs}] {label}: {step}", err=True)
        return
    with console.status("") as status:
        yield lambda place, label, step: status.update(f"\\[{place}/{jobs}] {label}: {step}")
