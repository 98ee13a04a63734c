"""`mobilebench models verify`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import builds, libraries, options
from mobilebench.cli.libraries import EngineLibrary
from mobilebench.cli.output import Json, print_json, print_table, say, split

if TYPE_CHECKING:
    from mobilebench.verification.records import Judged, ModelMatrix


_LEGEND = (
    "Differences from the reference are the largest of all outputs and inputs; `relative` is a share of the output's "
    "scale. Engines of Python are compared in every element; runner and pages in up to 4096 elements of each output, "
    "and in its L1 norm, its L2 norm and its largest value."
)


def verify(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL…",
            help="The models to verify, such as `bert_small` or `'mlp_*'`.",
            autocompletion=options.complete_models,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All models, including your own.")] = False,
    precision: Annotated[list[str] | None, typer.Option(help="Only these number formats.")] = None,
    engine: Annotated[list[str] | None, typer.Option(help="Only these engines.")] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these backends. On a computer without a GPU, `webgpu` takes minutes, and is verified only if "
            "it is named."
        ),
    ] = None,
    inputs: Annotated[list[str] | None, typer.Option(help="Only these seeded inputs: published, upper, lower.")] = None,
    engine_library: EngineLibrary = None,
    again: Annotated[bool, typer.Option("--again", help="Also run the cells whose result is known.")] = False,
    json: Json = False,
) -> None:
    """Run every format of models on every engine of this computer, and compare the answers with TensorFlow's.

    Missing models are built. A cell whose files, engine and comparing code are unchanged is not run again. Exit code 0:
    every cell passes, or is unsupported or unchecked for a stated reason; 1: at least one cell does not.

    Examples:

    - `mobilebench models verify mobilenet_v2`

    - `mobilebench models verify bert_small --precision int8 --engine onnxruntime,ortjs`

    - `mobilebench models verify --all`
    """
    from mobilebench.cli import progress
    from mobilebench.core.errors import BadInput, ExitCode
    from mobilebench.models import registry
    from mobilebench.models.synthetic_inputs import SEEDED
    from mobilebench.targets import host
    from mobilebench.verification import cells, verifier

    if bool(names) == every:
        raise BadInput("Name models, or give --all.", hint="As in `mobilebench models verify mobilenet_v2`.")
    request = verifier.Request(
        models=verifier.everything() if every else tuple(registry.expand(split(names))),
        precisions=split(precision),
        engines=split(engine),
        backends=split(backend),
        inputs=split(inputs) or SEEDED,
        again=again,
    )
    verifier.check(request)
    here = host.describe()
    libraries.use(context, engine_library)
    libraries.require_use([here])
    builds.require_current_for((engine, here.runner) for engine in request.engines or cells.ENGINES)
    found: list[ModelMatrix] = []
    stopped = False
    with progress.of_verification() as (tell, cancel):
        try:
            for matrix in verifier.verify(request, here, tell, cancel):
                found.append(matrix)
                if not json:
                    _print(matrix)
        except verifier.Stopped:
            stopped = True
    if json:
        print_json({"models": [_as_json(one) for one in found], "counts": _counts(found), "complete": not stopped})
    else:
        _print_end(found, of=len(request.models), stopped=stopped)
    if stopped:
        raise typer.Exit(int(ExitCode.INTERRUPTED))
    raise typer.Exit(int(ExitCode.OK if all(one.passes for one in found) else ExitCode.CASES_FAILED))


def _print(matrix: ModelMatrix) -> None:
    from mobilebench.verification.matrix import can_fail

    before = any(row.before for row in matrix.cells)
    columns = ["precision", "format", "engine", "backend", "choice", "max abs", "relative", "tolerance", "verdict"]
    print_table(
        [*columns, *(["from"] if before else [])], [_row(row, before) for row in matrix.cells], title=matrix.model
    )
    for reason in _reasons(matrix.cells):
        say(f"  {reason}")
    for line in can_fail(matrix.cells):
        say(f"  Can fail: {line}.")
    _print_activations(matrix)
    for note in matrix.notes:
        say(f"  Note: {note}")
    for complaint in matrix.complaints:
        say(f"  FAIL: {complaint}")


def _print_activations(matrix: ModelMatrix) -> None:
    activations = matrix.reference.activations if matrix.reference else None
    if activations is None:
        return
    shares = ", ".join(
        f"{worst.what} {worst.share:.1%}" + (f" (`{worst.layer}`)" if worst.share else "")
        for worst in activations.worst
    )
    say(f"  Activations, worst of {activations.layers} layers: {shares}.")


def _row(row: Judged, before: bool) -> list[str | None]:
    cell = row.cell
    numbers = [_number(row.absolute), _number(row.relative), f"{row.tolerance:g}"]
    when = f"{row.answered.at:%Y-%m-%d %H:%M} UTC" if row.before and row.answered else "now"
    place = [cell.precision, cell.format, cell.engine, cell.backend, cell.choice or ""]
    return [*place, *numbers, row.verdict, *([when] if before else [])]


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.2e}"


def _reasons(rows: list[Judged]) -> list[str]:
    """Why cells did not pass; each reason is given once, with all its cells."""
    found: dict[str, list[Judged]] = {}
    for row in rows:
        if row.reason:
            found.setdefault(f"{row.verdict}: {row.reason}", []).append(row)
    return [f"{', '.join(_places(given, rows))}: {reason}" for reason, given in found.items()]


def _places(given: list[Judged], rows: list[Judged]) -> list[str]:
    """The cells in words; only the format's name if all its engines are included."""

    def of(some: list[Judged]) -> Counter[tuple[str, str]]:
        return Counter((row.cell.precision, row.cell.format) for row in some)

    meant, there = of(given), of(rows)
    named: dict[str, None] = {}
    for row in given:
        cell = row.cell
        place = cell.precision, cell.format
        alone = meant[place] == there[place]
        named[" ".join(place if alone else (*place, *cell.way))] = None
    return list(named)


def _counts(found: list[ModelMatrix]) -> dict[str, int]:
    counted = {"pass": 0, "FAIL": 0, "unchecked": 0, "unsupported": 0, "failed": 0}
    for matrix in found:
        for row in matrix.cells:
            counted[row.verdict] += 1
    return counted


def _print_end(found: list[ModelMatrix], *, of: int, stopped: bool) -> None:
    if any(matrix.cells for matrix in found):
        say(_LEGEND)
    counts = ", ".join(f"{number} {verdict}" for verdict, number in _counts(found).items() if number) or "no cell"
    before = sum(row.before for matrix in found for row in matrix.cells)
    say(
        f"{len(found)} of {of} model{'s' * (of != 1)}: {counts}"
        + (f" ({before} known from before; --again runs them again)" if before else "")
    )
    if wrong := [matrix.model for matrix in found if not matrix.passes]:
        say(f"These models do not agree with the reference: {', '.join(wrong)}")
    if stopped:
        say("Stopped. The finished cells are kept, and the same command continues from there.")


def _as_json(matrix: ModelMatrix) -> dict[str, Any]:
    return {**matrix.model_dump(mode="json"), "passes": matrix.passes}
