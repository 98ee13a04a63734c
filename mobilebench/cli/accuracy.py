"""`mobilebench accuracy`: what a model is worth on a video whose frames it cannot all process in time."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mobilebench.cli import accuracy_live, options
from mobilebench.cli.output import Json, print_json, print_table, say, split
from mobilebench.cli.results import Out, StoreAt, open_store

if TYPE_CHECKING:
    from mobilebench.reuse.answers import Answers
    from mobilebench.reuse.evaluation import Evaluator, Latency, Outcome, Value
    from mobilebench.reuse.frames import FrameSet

SHAPES = "shapes"
_LIVE = "Live run"
_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s)?")
_COLUMNS = (
    "latency",
    "median_ms",
    "samples",
    "metric",
    "without_reuse",
    "without_reuse_low",
    "without_reuse_high",
    "with_reuse",
    "with_reuse_low",
    "with_reuse_high",
    "lost",
    "lost_low",
    "lost_high",
    "frames",
    "frames_reused",
    "inferences",
)


def accuracy(
    frames: Annotated[
        str,
        typer.Argument(
            metavar="FRAMES",
            help="Folder of a timestamped set of frames (docs/quality.md describes the layouts), or `shapes`, the "
            "generated set of moving shapes.",
        ),
    ] = SHAPES,
    latency: Annotated[
        list[str] | None,
        typer.Option(
            "--latency",
            metavar="TIME[,TIME…]",
            help="Latencies to simulate, such as `80ms` or `0.5s`; each is a row.",
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            "--samples",
            metavar="FILE",
            dir_okay=False,
            help="File with measured latencies in ms, one a line; they are taken in turn.",
        ),
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from-run",
            metavar="RUN",
            help="Take the raw predictions of a stored run as latencies: its id, or `last`. Each case is a row.",
            autocompletion=options.complete_runs,
        ),
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option("--case", metavar="KEY", help="Only this case of the run, by its key; all by default."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            "--fps",
            metavar="RATE",
            help="Frames that the page shows in a second under inference; by default all frames of the set are shown.",
        ),
    ] = None,
    answers: Annotated[
        str | None,
        typer.Option(
            "--answers",
            metavar="truth|FILE",
            help="A model's answers to all frames as CSV, or `truth`: those of a model that is always right. By "
            "default those of the small detector that is trained here for `shapes`.",
        ),
    ] = None,
    counts: Annotated[
        Literal["own-frame", "screen"],
        typer.Option(
            "--counts",
            help="Whose answer counts: with `own-frame`, as in the study, a processed frame has its own answer; with "
            "`screen` each frame has the answer that a user sees for most of its time.",
        ),
    ] = "own-frame",
    layout: Annotated[
        Literal["frames", "youtube-bb", "youtube-faces"] | None,
        typer.Option("--layout", help="Layout of the folder; by default it is recognised.", show_default=False),
    ] = None,
    resamples: Annotated[
        int, typer.Option("--resamples", min=0, max=10_000, help="Resamples for the 95 % intervals; 0: no intervals.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the resamples.")] = 0,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Show the frames of `shapes` in a page in which the detector really infers, and compare with the "
            "simulation at the latencies that it had there. It is stored as a run, which `mobilebench report` shows.",
        ),
    ] = False,
    serial: Annotated[
        str,
        typer.Option(
            metavar="SERIAL",
            help="`host` or one phone.",
            autocompletion=options.complete_serials,
            rich_help_panel=_LIVE,
        ),
    ] = "host",
    browser: Annotated[str, typer.Option(metavar="NAME", help="Browser.", rich_help_panel=_LIVE)] = "chrome",
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Engine of pages.",
            autocompletion=options.complete_engines,
            rich_help_panel=_LIVE,
        ),
    ] = "ortjs",
    backend: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Backend of the engine.",
            autocompletion=options.complete_backends,
            rich_help_panel=_LIVE,
        ),
    ] = "wasm",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the engine.", rich_help_panel=_LIVE)] = 1,
    place: Annotated[
        Literal["main", "worker"],
        typer.Option(help="Thread of the page that calls the engine.", rich_help_panel=_LIVE),
    ] = "main",
    repeat: Annotated[
        int,
        typer.Option(min=1, max=100, help="How often all frames are shown, ten seconds each.", rich_help_panel=_LIVE),
    ] = 3,
    write_set: Annotated[
        Path | None,
        typer.Option(
            "--write-set", metavar="FOLDER", help="Write the set `shapes` to a new folder, as an example of the layout."
        ),
    ] = None,
    format_: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How to print it.")] = "table",
    json: Json = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Show what frame reuse costs: a frame that cannot be processed in time has the answer of an earlier one.

    Accuracy is top-1 and mAP over all frames of a video, once with every frame processed and once as the latency
    allows. A model that becomes free takes the latest frame; nothing queues. This is equation 3 of the TOSEM 2025 study
    of in-browser inference.

    The first use of `shapes` trains a small detector (half a minute or more; needs `mobilebench[models]`). It is then a
    model like any other: `mobilebench run --model moving_shapes` measures it.

    Examples:

    - `mobilebench accuracy --latency 20ms,80ms,200ms`

    - `mobilebench accuracy --from-run last --fps 24`

    - `mobilebench accuracy my-frames --answers truth --latency 80ms --counts screen`

    - `mobilebench accuracy --live --engine tfjs --backend js --place worker`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.reuse.evaluation import Evaluator

    if write_set:
        _write_set(write_set, frames)
    if live:
        if latency or samples or from_run or case or fps is not None or answers or layout or frames != SHAPES:
            raise BadInput(
                "A live run shows the frames of `shapes` to its detector, at the latencies that it has there.",
                hint="Leave out FRAMES, --layout, --answers, --fps and the options that name latencies.",
            )
        if format_ == "csv":
            raise BadInput("A live run has no CSV.", hint="--json has everything that it measured.")
        accuracy_live.live(
            accuracy_live.Where(serial, browser, engine, backend, threads, place, repeat),
            counting="screen" if counts == "screen" else "own frame",
            resamples=resamples,
            seed=seed,
            json=json or format_ == "json",
            store=open_store(out, store_at, create=True),
        )
        return
    if not (latency or samples or from_run):
        if write_set:
            return
        raise BadInput("No latency was given.", hint="Use --latency 80ms, --samples FILE, --from-run last or --live.")
    if case and not from_run:
        raise BadInput("--case chooses among the cases of a run.", hint="Add --from-run last.")
    if fps is not None and not 0 < fps <= 1000:
        raise BadInput(
            f"A rate of {fps:g} frames a second is not possible.", hint="Give one above 0, such as --fps 24."
        )
    latencies = _latencies(latency, samples, from_run, case, out, store_at)
    chosen = _frames(frames, layout)
    evaluator = Evaluator(
        chosen,
        _answers(answers, frames, chosen),
        fps=fps,
        counting="screen" if counts == "screen" else "own frame",
        resamples=resamples,
        seed=seed,
    )
    outcomes = [evaluator.evaluate(one) for one in latencies]
    wanted = "json" if json else format_
    if wanted == "json":
        print_json(_as_data(evaluator, outcomes, answers))
    elif wanted == "csv":
        sys.stdout.write(_as_csv(outcomes))
    else:
        _show(evaluator, outcomes, answers)


def _write_set(folder: Path, frames: str) -> None:
    from mobilebench.core import paths
    from mobilebench.core.errors import BadInput
    from mobilebench.reuse import shapes
    from mobilebench.scenarios.accuracy import folder as layout

    if frames != SHAPES:
        raise BadInput("--write-set writes the set `shapes`, not another one.", hint="Leave FRAMES out.")
    made = shapes.generate()
    layout.write(made.frames, made.images, paths.expanded(folder))
    say(folder, err=True)


def _latencies(
    given: list[str] | None,
    samples: Path | None,
    from_run: str | None,
    cases: list[str] | None,
    out: Path | None,
    store_at: str | None,
) -> list[Latency]:
    from mobilebench.reuse.evaluation import Latency
    from mobilebench.scenarios.accuracy import measured

    found = [Latency(text, ((_milliseconds(text),),)) for text in split(given)]
    if samples:
        found.append(Latency(samples.name, _samples(samples), "taken in turn"))
    if from_run:
        with open_store(out, store_at) as store:
            found += measured.latencies(store.load(from_run), cases or ())
    return found


def _milliseconds(text: str) -> float:
    from mobilebench.core.errors import BadInput

    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{text!r} is no latency.", hint="Write a time with its unit, such as 80ms or 0.5s.")
    return float(match[1]) * (1000 if match[2] == "s" else 1)


def _samples(path: Path) -> tuple[tuple[float, ...], ...]:
    """The latencies in a file, each as a group of its own."""
    from mobilebench.core import paths
    from mobilebench.scenarios.accuracy import files

    lines = (line.strip() for line in files.text_of(paths.expanded(path)).splitlines())
    return tuple((_milliseconds(line),) for line in lines if line)


def _frames(name: str, layout: Any) -> FrameSet:
    from mobilebench.reuse import shapes
    from mobilebench.scenarios.accuracy import loading

    return shapes.generate().frames if name == SHAPES else loading.load(Path(name), layout)


def _answers(wanted: str | None, name: str, frames: FrameSet) -> Answers:
    from mobilebench.core import paths
    from mobilebench.core.errors import BadInput
    from mobilebench.reuse import answers, shapes
    from mobilebench.scenarios.accuracy import answer_files, detector

    if wanted == "truth":
        return answers.perfect(frames)
    if wanted is not None:
        return answer_files.read(paths.expanded(wanted), frames)
    if name != SHAPES:
        raise BadInput(
            "Whose answers to these frames?",
            hint="Give a model's answers with --answers FILE, or --answers truth for a model that is always right.",
        )
    files = detector.ensure(lambda step: say(step, err=True))
    return detector.answers(files, shapes.generate().images)


def _show(evaluator: Evaluator, outcomes: Sequence[Outcome], answers: str | None) -> None:
    rows = [
        (
            one.latency.name,
            f"{one.latency.median_ms:.1f}",
            f"{one.reused} of {one.frames} ({100 * one.reused_share:.1f} %)",
            metric,
            f"{100 * loss.without.value:.1f}",
            f"{100 * loss.with_reuse.value:.1f}",
            _points(loss.lost),
        )
        for one in outcomes
        for metric, loss in one.losses.items()
    ]
    print_table(
        ["latency", "median ms", "frames that reuse", "metric", "no reuse %", "with reuse %", "points lost [95 %]"],
        rows,
        title=evaluator.frames.source,
    )
    say(f"Answers: {_whose(answers)}. Counts: {evaluator.counting}. Shown: {_rate(evaluator)}.")
    drawn = "; groups of latencies are drawn too" if any(len(one.latency.groups) > 1 for one in outcomes) else ""
    say(f"Intervals: {evaluator.interval_from}{drawn if evaluator.resamples else ''}.")
    for note in [one.text for one in evaluator.frames.notes][:10]:
        say(f"Note: {note}")
    for one in outcomes:
        if one.latency.about:
            say(f"{one.latency.name}: {len(one.latency.samples)} samples, {one.latency.about}.")


def _whose(answers: str | None) -> str:
    return {None: "the detector moving_shapes", "truth": "a model that is always right"}.get(answers, str(answers))


def _rate(evaluator: Evaluator) -> str:
    return "all frames" if evaluator.fps is None else f"{evaluator.fps:g} frames a second"


def _points(value: Value) -> str:
    text = f"{100 * value.value:.1f}"
    return f"{text} [{100 * value.interval.low:.1f}, {100 * value.interval.high:.1f}]" if value.interval else text


def _as_data(evaluator: Evaluator, outcomes: Sequence[Outcome], answers: str | None) -> dict[str, Any]:
    return {
        "frames": {
            "name": evaluator.frames.name,
            "source": evaluator.frames.source,
            "count": len(evaluator.frames.frames),
            "clips": len(evaluator.frames.clips),
            "with_truth": len(evaluator.frames.truth),
            "notes": [{"kind": one.kind, "text": one.text} for one in evaluator.frames.notes],
        },
        "answers": _whose(answers),
        "counts": evaluator.counting,
        "fps": evaluator.fps,
        "intervals": evaluator.interval_from,
        "latencies": [
            {
                "name": one.latency.name,
                "median_ms": one.latency.median_ms,
                "samples": len(one.latency.samples),
                "about": one.latency.about,
                "frames": one.frames,
                "frames_reused": one.reused,
                "inferences": one.inferences,
                "metrics": {
                    metric: {
                        "without_reuse": _value(loss.without),
                        "with_reuse": _value(loss.with_reuse),
                        "lost": _value(loss.lost),
                    }
                    for metric, loss in one.losses.items()
                },
            }
            for one in outcomes
        ],
    }


def _value(value: Value) -> dict[str, Any]:
    interval = [value.interval.low, value.interval.high] if value.interval else None
    return {"value": value.value, "interval_95": interval}


def _as_csv(outcomes: Sequence[Outcome]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in outcomes:
        for metric, loss in one.losses.items():
            cells: list[object] = []
            for value in (loss.without, loss.with_reuse, loss.lost):
                ends = (value.interval.low, value.interval.high) if value.interval else ("", "")
                cells += [value.value, *ends]
            about = [one.latency.name, one.latency.median_ms, len(one.latency.samples), metric]
            writer.writerow([*about, *cells, one.frames, one.reused, one.inferences])
    return text.getvalue()
