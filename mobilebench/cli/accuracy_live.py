"""`mobilebench accuracy --live`: the detector watches the frames in a page, beside the simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from mobilebench.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from mobilebench.core.records import Case
    from mobilebench.models.manifest import ModelFiles
    from mobilebench.reuse.answers import Answer
    from mobilebench.reuse.evaluation import Evaluator, Value
    from mobilebench.reuse.live import LiveOutcome
    from mobilebench.scenarios.accuracy.live import LiveRun
    from mobilebench.scenarios.injection.messages import Place

_SURE = 0.3
"""Boxes of a lower score are not compared between engines."""


@dataclass(frozen=True)
class Where:
    """Where the detector runs."""

    serial: str
    browser: str
    engine: str
    backend: str
    threads: int
    place: Place
    repeat: int


def live(where: Where, *, counting: Any, resamples: int, seed: int, json: bool) -> None:
    """Run it, print both accuracies, and exit with a code that says how far they can be trusted."""
    from mobilebench.core.errors import BlockFailed, ExitCode, Unsupported
    from mobilebench.reuse import shapes
    from mobilebench.reuse.evaluation import Evaluator
    from mobilebench.reuse.live import compare
    from mobilebench.scenarios.accuracy import detector

    files = detector.ensure(_tell)
    made = shapes.generate()
    try:
        run, case = _watched(where, files, made)
    except (BlockFailed, Unsupported) as error:
        unsupported = isinstance(error, Unsupported)
        named = getattr(error, "outcome", None) or getattr(error, "fault", None)
        outcome = "unsupported" if unsupported else str(named or "failed")
        if json:
            print_json({"outcome": outcome, "reason": error.message, "next_step": error.hint})
        else:
            say(f"{outcome}: {error.text_with_hint}", err=True)
        raise typer.Exit(int(ExitCode.NOTHING_TO_MEASURE if unsupported else ExitCode.CASES_FAILED)) from error
    _tell("computing both accuracies")
    here = detector.answers(files, made.images)
    evaluator = Evaluator(made.frames, here, counting=counting, resamples=resamples, seed=seed)
    outcome_ = compare(evaluator, run.repetitions)
    unlike = _unlike(run, here)
    if json:
        print_json(_as_data(run, case, where, evaluator, outcome_, unlike))
    else:
        _show(run, case, where, evaluator, outcome_, unlike)
    statuses = {remark.status for remark in run.remarks}
    if "invalid" in statuses:
        raise typer.Exit(int(ExitCode.CASES_FAILED))
    if "suspect" in statuses or outcome_.agree is False:
        raise typer.Exit(int(ExitCode.SUSPECT))


def _watched(where: Where, files: ModelFiles, made: Any) -> tuple[LiveRun, Case]:
    from rich.console import Console

    from mobilebench import targets
    from mobilebench.cli.progress import stopping
    from mobilebench.core.errors import BadInput
    from mobilebench.core.records import Case
    from mobilebench.engines.builds import PAGES, require_current
    from mobilebench.scenarios.accuracy import live as running
    from mobilebench.scenarios.injection import loads
    from mobilebench.targets.locks import machine_turn

    require_current([PAGES])
    infos = targets.select(where.serial)
    if len(infos) != 1:
        raise BadInput(f"--serial {where.serial} names {len(infos)} targets.", hint="Name one of them.")
    info = infos[0]
    manifest = files.manifest
    case = loads.completed(
        Case(
            target=info.id,
            engine=where.engine,
            backend=where.backend,
            threads=where.threads,
            browser=where.browser,
            model=manifest.model,
            precision=manifest.precision,
        ),
        info,
    )
    ending = stopping(Console(stderr=True, highlight=False), "Stopping: the page is closed …")
    with ending as cancel, targets.open_target(info, cancel=cancel) as target, machine_turn(info.machine, cancel):
        found = running.watch(
            target, case, files, made, place=where.place, repetitions=where.repeat, cancel=cancel, tell=_tell
        )
    return found, case


def _tell(text: str) -> None:
    say(text, err=True)


def _unlike(run: LiveRun, here: dict[str, Answer]) -> int:
    """Answers of the page that have other classes, or other sure boxes, than those that were computed here."""

    def told(answer: Answer) -> tuple[str | None, list[str]]:
        return answer.label, sorted(box.label for box in answer.boxes if box.score > _SURE)

    return sum(told(answer) != told(here[image]) for one in run.repetitions for image, answer in one.answers.items())


def _show(run: LiveRun, case: Case, where: Where, evaluator: Evaluator, found: LiveOutcome, unlike: int) -> None:
    rows = [
        (
            metric,
            _percent(one.without),
            _percent(one.live),
            _percent(one.simulated),
            _percent(one.difference),
            {True: "agree", False: "differ", None: "–"}[one.agree],
        )
        for metric, one in found.metrics.items()
    ]
    print_table(
        ["metric", "no reuse %", "live % [95 %]", "simulated % [95 %]", "difference [95 %]", ""],
        rows,
        title=evaluator.frames.source,
    )
    answered = sum(len(one.answers) for one in run.repetitions)
    shown = sum(time is not None for one in run.repetitions for clip in one.clips for time in clip.shown_ms)
    reused, simulated = (", ".join(map(str, numbers)) for numbers in (found.reused, found.simulated_reused))
    threads = f", {case.threads} thread{'s' if case.threads > 1 else ''}"
    say(
        f"{run.proof.engine} {run.proof.version or ''} {case.backend}{threads}, {run.proof.proof.runs_in}, in "
        f"{run.browser} {run.browser_version} on {case.target}."
    )
    say(
        f"Inferences: {answered} in {_times(where.repeat)}, median {found.latency.median_ms:.1f} ms. Frames that the "
        f"page drew: {shown} of {found.frames * len(run.repetitions)}."
    )
    say(f"Frames of {found.frames} that reuse: {reused} live, {simulated} simulated at the same latencies.")
    say(f"Answers of the page that differ from those of ONNX Runtime here: {unlike} of {answered}.")
    drawn = " and repetitions" if evaluator.resamples and len(run.repetitions) > 1 else ""
    say(f"Intervals: {evaluator.interval_from}{drawn}. Counts: {evaluator.counting}.")
    for remark in run.remarks:
        say(f"{remark.status}: {remark.sentence}.{f' {remark.next_step}' if remark.next_step else ''}")


def _times(count: int) -> str:
    return f"{count} repetition{'' if count == 1 else 's'}"


def _percent(value: Value) -> str:
    text = f"{100 * value.value:.1f}"
    return f"{text} [{100 * value.interval.low:.1f}, {100 * value.interval.high:.1f}]" if value.interval else text


def _as_data(
    run: LiveRun, case: Case, where: Where, evaluator: Evaluator, found: LiveOutcome, unlike: int
) -> dict[str, Any]:
    return {
        "outcome": "measured",
        "case": case.key,
        "place": where.place,
        "browser": run.browser,
        "browser_version": run.browser_version,
        "counts": evaluator.counting,
        "intervals": evaluator.interval_from,
        "agree": found.agree,
        "median_ms": found.latency.median_ms,
        "frames": found.frames,
        "frames_reused": found.reused,
        "frames_reused_simulated": found.simulated_reused,
        "answers_unlike_here": unlike,
        "metrics": {
            metric: {
                "without_reuse": _value(one.without),
                "live": _value(one.live),
                "simulated": _value(one.simulated),
                "difference": _value(one.difference),
                "agree": one.agree,
            }
            for metric, one in found.metrics.items()
        },
        "remarks": [remark.model_dump(mode="json") for remark in run.remarks],
        "repetitions": [
            [
                {
                    "clip": clip.clip,
                    "shown_ms": clip.shown_ms,
                    "answered": [
                        {"frame": one.frame, "started_ms": one.started_ms, "answered_ms": one.answered_ms}
                        for one in clip.answered
                    ],
                }
                for clip in one.clips
            ]
            for one in run.repetitions
        ],
        "proof": run.proof.model_dump(mode="json"),
    }


def _value(value: Value) -> dict[str, Any]:
    interval = [value.interval.low, value.interval.high] if value.interval else None
    return {"value": value.value, "interval_95": interval}
