"""`mobilebench accuracy --live`: the detector watches the frames in a page, beside the simulation."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from mobilebench.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from mobilebench.core.records import TargetInfo
    from mobilebench.models.manifest import ModelFiles
    from mobilebench.results.store import Store
    from mobilebench.reuse.answers import Answers
    from mobilebench.reuse.evaluation import Evaluator, Value
    from mobilebench.reuse.live import LiveOutcome
    from mobilebench.reuse.shapes import Shapes
    from mobilebench.reuse.watched import WatchedFrames
    from mobilebench.scenarios.accuracy.live import LiveRun
    from mobilebench.scenarios.injection.messages import Place


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


def live(where: Where, *, counting: Any, resamples: int, seed: int, json: bool, store: Store) -> None:
    """Run it, store it as a run, print both accuracies, and exit with a code that says how far they can be
    trusted.
    """
    from mobilebench.core.errors import BlockFailed, ExitCode, Unsupported
    from mobilebench.reuse import shapes
    from mobilebench.reuse.evaluation import Evaluator
    from mobilebench.reuse.live import compare
    from mobilebench.scenarios.accuracy import detector

    files = detector.ensure(_tell)
    made = shapes.generate()
    here = detector.answers(files, made.images)
    began = datetime.now(UTC)
    try:
        run, found, target = _watched(where, files, made, here)
    except (BlockFailed, Unsupported) as error:
        unsupported = isinstance(error, Unsupported)
        named = getattr(error, "outcome", None) or getattr(error, "fault", None)
        outcome = "unsupported" if unsupported else str(named or "failed")
        if json:
            print_json({"outcome": outcome, "reason": error.message, "next_step": error.hint})
        else:
            say(f"{outcome}: {error.text_with_hint}", err=True)
        raise typer.Exit(int(ExitCode.NOTHING_TO_MEASURE if unsupported else ExitCode.CASES_FAILED)) from error
    with store:
        run_id = _keep(store, found, target, files, began)
    _tell("computing both accuracies")
    evaluator = Evaluator(made.frames, here, counting=counting, resamples=resamples, seed=seed)
    outcome_ = compare(evaluator, run.repetitions)
    if json:
        print_json({"run": run_id, **_as_data(run, found, evaluator, outcome_)})
    else:
        _show(run, found, where, evaluator, outcome_)
        say(f"Run {run_id}. `mobilebench report {run_id}` shows it.")
    statuses = {remark.status for remark in run.remarks}
    if "invalid" in statuses:
        raise typer.Exit(int(ExitCode.CASES_FAILED))
    if "suspect" in statuses or outcome_.agree is False:
        raise typer.Exit(int(ExitCode.SUSPECT))


def _keep(store: Store, found: WatchedFrames, target: TargetInfo, files: ModelFiles, began: datetime) -> str:
    """Store the live run as a run of its own, in one transaction; returns the run's id."""
    from mobilebench import __version__
    from mobilebench.core import log
    from mobilebench.core.records import Run, RunInfo, StoredEvent
    from mobilebench.models import registry
    from mobilebench.reuse.watched import SUITE

    ended = datetime.now(UTC)
    info = RunInfo(
        id=f"{began:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        created_at=began,
        finished_at=ended,
        status="finished",
        mobilebench_version=__version__,
        suite=SUITE,
        suite_definition={"title": "Live run of a model that watches frames in a page"},
        seed=0,
        command=[log.without_passwords(word) for word in sys.argv],
        targets=[target],
        weights={found.case.model: files.manifest.weights},
    )
    run = Run(info=info, planned=[], blocks=[], models=[registry.facts(files.manifest)])
    event = StoredEvent(at=ended, kind=found.KIND, target=target.id, data=found.model_dump(mode="json", by_alias=True))
    store.add([(run, [event])], lambda: None)
    return info.id


def _watched(where: Where, files: ModelFiles, made: Shapes, here: Answers) -> tuple[LiveRun, WatchedFrames, TargetInfo]:
    from rich.console import Console

    from mobilebench import targets
    from mobilebench.cli.progress import stopping
    from mobilebench.core.errors import BadInput
    from mobilebench.core.records import Case
    from mobilebench.engines.builds import PAGES, require_current
    from mobilebench.scenarios.accuracy import live as running
    from mobilebench.scenarios.accuracy.storing import watched_frames
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
    return found, watched_frames(found, case, where.place, made.frames, here), info


def _tell(text: str) -> None:
    say(text, err=True)


def _show(run: LiveRun, watched: WatchedFrames, where: Where, evaluator: Evaluator, found: LiveOutcome) -> None:
    case = watched.case
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
    say(f"Answers of the page that differ from those of ONNX Runtime here: {watched.unlike} of {answered}.")
    drawn = " and repetitions" if evaluator.resamples and len(run.repetitions) > 1 else ""
    say(f"Intervals: {evaluator.interval_from}{drawn}. Counts: {evaluator.counting}.")
    for remark in run.remarks:
        say(f"{remark.status}: {remark.sentence}.{f' {remark.next_step}' if remark.next_step else ''}")


def _times(count: int) -> str:
    return f"{count} repetition{'' if count == 1 else 's'}"


def _percent(value: Value) -> str:
    text = f"{100 * value.value:.1f}"
    return f"{text} [{100 * value.interval.low:.1f}, {100 * value.interval.high:.1f}]" if value.interval else text


def _as_data(run: LiveRun, watched: WatchedFrames, evaluator: Evaluator, found: LiveOutcome) -> dict[str, Any]:
    return {
        "outcome": "measured",
        "case": watched.case.key,
        "place": watched.place,
        "browser": run.browser,
        "browser_version": run.browser_version,
        "counts": evaluator.counting,
        "intervals": evaluator.interval_from,
        "agree": found.agree,
        "median_ms": found.latency.median_ms,
        "frames": found.frames,
        "frames_reused": found.reused,
        "frames_reused_simulated": found.simulated_reused,
        "answers_unlike_here": watched.unlike,
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
