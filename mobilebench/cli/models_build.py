"""`mobilebench models build`, and the weights that it builds with: `models fetch` and `models weights`."""

from __future__ import annotations

import time
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say, split
from mobilebench.core.sizes import decimal_size, mebibytes

if TYPE_CHECKING:
    from mobilebench.models.manifest import ModelFiles
    from mobilebench.models.spec import Pretrained


def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL…",
            help="The models to build, such as `bert_small` or `'mlp_*'`.",
            autocompletion=options.complete_models,
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
        typer.Option(metavar="PRECISION", help="Number formats: fp32 (default), fp16, int8, dynamic."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Batch size built into the model.")] = 1,
) -> None:
    """Build models in every format, and check that all formats agree with TensorFlow.

    Models that are already built from the same definition are kept, so the same command continues after an
    interruption. Weights are seeded, unless pretrained ones were fetched. Building needs the packages of
    `pip install mobilebench[models]`.
    """
    from mobilebench.core.errors import BadInput, MobilebenchError, as_sentence
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
            raise BadInput(as_sentence(reason), hint="`mobilebench models list` shows what can be built.")

    total, failed = 0, []
    began = time.monotonic()
    from mobilebench.cli import progress

    with progress.of_builds(len(jobs)) as tell:
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
        say(f"{len(jobs) - len(failed)} of {len(jobs)} models, {decimal_size(total)}, {time.monotonic() - began:.0f} s")
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


def fetch(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL…", help="The models whose weights are fetched.", autocompletion=options.complete_models
        ),
    ],
    url: Annotated[str | None, typer.Option(help="Address of the weights: https://, http:// or file:///.")] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="SUM", help="SHA-256 of the file at --url.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights at --url.")] = None,
    source: Annotated[str | None, typer.Option(help="Who trained the weights at --url, and on which data.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Use seeded weights again.")] = False,
) -> None:
    """Download pretrained weights and check their SHA-256; the next build uses them instead of seeded weights.

    With --url and --sha256 you choose other weights for one model. The same command continues an interrupted download.
    The variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY are respected.
    """
    wanted = split(names)
    given = _given(wanted, url, sha256, licence, source, forget)
    if forget:
        for name in wanted:
            _forget(name)
        return
    known = [(name, given or _named(name)) for name in wanted]
    for name, weights in known:
        _fetch(name, weights)
        if given:
            _keep(name, given)
        say(f"  The next build of {name} uses them, and every record says `weights: pretrained: {weights.sha256}`.")


def _given(
    names: tuple[str, ...],
    url: str | None,
    sha256: str | None,
    licence: str | None,
    source: str | None,
    forget: bool,
) -> Pretrained | None:
    from pydantic import ValidationError

    from mobilebench.core.errors import BadInput, first_problem
    from mobilebench.models import registry
    from mobilebench.models.spec import Pretrained

    for name in names:
        if reason := registry.why_not(name):
            raise BadInput(f"{reason}.", hint="`mobilebench models list` shows what can be built.")
    options = {"url": url, "sha256": sha256, "licence": licence, "source": source}
    stated = {key: value for key, value in options.items() if value is not None}
    if not stated:
        return None
    if forget:
        raise BadInput("--forget selects seeded weights again, and takes no other option.")
    if url is None or sha256 is None:
        raise BadInput("--url and --sha256 belong together.", hint="`sha256sum FILE` prints a file's sum.")
    if len(names) != 1:
        raise BadInput(f"--url names the weights of one model, not of {len(names)}.")
    try:
        return Pretrained.model_validate(stated)
    except ValidationError as error:
        first = first_problem(error)
        raise BadInput(f"--{first.path[0]} is not valid: {first.text}.") from error


def _named(name: str) -> Pretrained:
    from mobilebench.core.errors import BadInput
    from mobilebench.models.weights import sources

    weights = sources.named(name)
    if weights is None:
        raise BadInput(
            f"No pretrained weights are named for {name}: it is built from seeded ones.",
            hint=f"Name them with --url, --sha256 and --licence, or in {sources.file()}.",
        )
    return weights


def _fetch(name: str, weights: Pretrained) -> None:
    from mobilebench.cli import progress
    from mobilebench.models.weights import fetch as room

    say(f"{name}: {weights.url}")
    say(f"  licence: {weights.licence}")
    if weights.source:
        say(f"  source: {weights.source}")
    folder = room.weights_folder()
    try:
        with progress.of_download(name) as watcher:
            path = room.fetch(weights, folder, watcher)
    except KeyboardInterrupt:
        if kept := room.kept(weights, folder):
            say(f"Interrupted. {decimal_size(kept)} are kept; the same command continues there.", err=True)
        raise
    say(f"  complete: {decimal_size(path.stat().st_size)}, sha256 {weights.sha256}")


def _keep(name: str, weights: Pretrained) -> None:
    from mobilebench.models.weights import sources

    sources.put(name, weights)
    say(f"  recorded for {name} in {sources.file()}")


def _forget(name: str) -> None:
    from mobilebench.models.weights import fetch as room

    if room.forget(name):
        say(f"{name}: the next build uses seeded weights again.")
    else:
        say(f"{name}: no pretrained weights were in use.")


def weights(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="Name of the model.", autocompletion=options.complete_models)
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as model.safetensors.")],
    json: Json = False,
) -> None:
    """Write a model's seeded weights to a safetensors file, the format in which `models fetch` takes pretrained ones.

    To use the weights of a checkpoint, put its tensors in place of these, which are numbered in the order of the
    model's definition.
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
