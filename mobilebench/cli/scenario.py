"""`mobilebench scenario`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilebench.core.errors import MobilebenchError
    from mobilebench.core.page_metrics import Spread
    from mobilebench.core.page_quality import Benchmark, ScenarioResult, SentFiles, Void
    from mobilebench.core.records import TargetInfo


def scenario(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|URL|FILE]",
            help="interaction, typing, video or call; speedometer:FOLDER with your clone of Speedometer; the address "
            "(https://…) or the file (.html) of a page of your own; or a clip (.webm, .mp4). Without it, the scenarios "
            "are listed.",
        ),
    ] = None,
    browser: Annotated[
        str, typer.Option(help="The browser: chrome, firefox, or a further one of the target.")
    ] = "chrome",
    serial: Annotated[
        str,
        typer.Option(
            metavar="host|SERIAL",
            envvar="ANDROID_SERIAL",
            help="This computer, or one phone; `mobilebench devices` lists them.",
            autocompletion=options.complete_serials,
        ),
    ] = "host",
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long the page is used in each repetition; the studies: 600.")
    ] = 30,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="How often it is measured, each time anew.")] = 1,
    words_per_minute: Annotated[
        int, typer.Option(min=20, max=60, metavar="20–60", help="How fast the scenario typing types.")
    ] = 40,
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser's window; this needs a screen.")] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="Also print the frames of every second of the last repetition.")
    ] = False,
    frame_trace: Annotated[
        bool,
        typer.Option(
            "--frame-trace/--no-frame-trace",
            help="In typing, video and own pages: also take from Chrome's own trace which frames it presented and "
            "which the page dropped; docs/quality.md says what it costs.",
        ),
    ] = True,
    json: Json = False,
) -> None:
    """Use a page as a person does, and measure how fast it answers and how smoothly it draws. No model runs.

    A *scenario* is a page and what its user does. Every click, key and turn of the wheel is real input, which the
    browser gets as from a mouse and a keyboard. `interaction` follows one script again and again (a todo list, a
    table, a chart, a rich text): its runs per minute are the page's responsiveness. `typing` types into a document,
    `video` plays a clip, and a page of your own is scrolled, or watched if it plays a video: their frames per second
    are its smoothness. `call` shows the camera above the page of `interaction`, and measures both at once.
    `speedometer:FOLDER` (or `speedometer:https://…`) makes whole runs of Speedometer 2, 3 or 4: its score hardly reacts
    to inference from 3 on, so look at the wall time and at the runs per minute.

    Each metric is printed with its unit, its direction, and the coefficient of variation (CV) over the repetitions: the
    standard deviation in percent of the mean. A metric that the browser cannot report is void, and says why. Later
    measurements with a model can only show an effect that is larger than this spread.

    A failure has a name: unreachable, invalid TLS, too many redirects, not a page, never loaded, error page,
    redirected, scripts blocked, left, crashed, disconnected, background, dialog, no answer, page error, undecodable,
    no video, off screen, no camera, no benchmark.

    Examples:

    - `mobilebench scenario interaction --seconds 30 --repeat 10`

    - `mobilebench scenario video --browser firefox --trace`

    - `mobilebench scenario call --seconds 60 --repeat 5`

    - `mobilebench scenario speedometer:Speedometer --seconds 120`

    - `mobilebench scenario https://example.org/ --serial R5CT1234567`

    - `mobilebench scenario my-page/index.html --json`
    """
    from mobilebench import targets
    from mobilebench.core.errors import BlockFailed, ExitCode, Unsupported
    from mobilebench.engines.builds import PAGES, require_current
    from mobilebench.scenarios.registry import scenario_of
    from mobilebench.scenarios.repetition import repeated

    if what is None:
        _list(as_json=json)
        return
    require_current([PAGES])
    target_info = _one_target(serial)
    results: list[ScenarioResult] = []
    failure: MobilebenchError | None = None
    try:
        chosen = scenario_of(what, words_per_minute=words_per_minute)
        if not json:
            say(f"{chosen.title} {repeat} × {seconds:g} s in {browser} on {target_info.id}.")
        with targets.open_target(target_info) as target:
            for result in repeated(
                target, chosen, browser, seconds=seconds, times=repeat, headed=headed, traced=frame_trace
            ):
                results.append(result)
                if not json and repeat > 1:
                    say(f"{len(results)} of {repeat}: {_in_short(result)}", err=True)
    except (BlockFailed, Unsupported) as error:
        failure = error
    if json:
        print_json(_as_json(results, failure, repeat))
    elif results:
        _show(results, with_trace=trace)
    if failure is None:
        return
    _say_failure(failure, len(results), repeat)
    exit_code = ExitCode.NOTHING_TO_MEASURE if isinstance(failure, Unsupported) else ExitCode.CASES_FAILED
    raise typer.Exit(int(exit_code))


def _one_target(serial: str) -> TargetInfo:
    from mobilebench import targets
    from mobilebench.core.errors import BadInput

    found = [] if targets.ALL in serial.split(",") else targets.select(serial)
    if len(found) != 1:
        raise BadInput(
            "A scenario is measured on one target at a time.", hint="Give --serial host, or the serial of one phone."
        )
    return found[0]


def _list(*, as_json: bool) -> None:
    from mobilebench.scenarios.registry import DESCRIBED

    if as_json:
        print_json([{"scenario": name, "what": what} for name, what in DESCRIBED.items()])
    else:
        print_table(["scenario", "what happens"], DESCRIBED.items())


def _in_short(result: ScenarioResult) -> str:
    """The main metric of one repetition."""
    from mobilebench.core.page_metrics import MAIN, readings
    from mobilebench.core.page_quality import Void

    found = {one.metric.name: one for one in readings(result)}
    first = next(found[name] for name in MAIN if name in found and not isinstance(found[name].value, Void))
    return f"{first.value:.1f} {first.metric.unit}"


def _show(results: Sequence[ScenarioResult], *, with_trace: bool) -> None:
    from mobilebench.core.page_metrics import frame_rate, spreads
    from mobilebench.core.page_quality import Void

    last = results[-1]
    found = spreads(results)
    print_table(
        ["metric", "mean", "unit", "CV", "n", "", "source"],
        [_row(one) for one in found if one.mean is not None],
        title=f"{last.address} in {last.browser} {last.version}",
    )
    void: dict[str, list[str]] = {}
    for one in found:
        if one.void is not None:
            void.setdefault(one.void.reason, []).append(one.metric.name)
    for reason, names in void.items():
        say(f"Void: {', '.join(names)} ({reason}).")
    for note in dict.fromkeys(note for result in results for note in result.notes):
        say(f"Note: {note}.")
    if not isinstance(last.benchmark, Void):
        say(_which(last.benchmark, last.files))
    if with_trace:
        rates = {"page": frame_rate(last.frames_ms, last.duration_ms)}
        if not isinstance(last.video, Void):
            rates["video"] = frame_rate(last.video.frames_ms, last.duration_ms)
        if not isinstance(last.presented, Void) and not isinstance(last.presented.displayed_ms, Void):
            rates["browser's window"] = frame_rate(last.presented.displayed_ms, last.duration_ms)
        for of, seconds in rates.items():
            say(f"Frames of the {of} in each second: {' '.join(map(str, seconds)) or 'shorter than a second'}")


def _which(benchmark: Benchmark, files: SentFiles | Void) -> str:
    """Which benchmark it was, in one line."""
    from mobilebench.core.page_quality import Void

    revision = benchmark.revision
    commit = f"no revision ({revision.reason})" if isinstance(revision, Void) else f"revision {revision}"
    sent = f"no files ({files.reason})" if isinstance(files, Void) else f"{files.count} files, sha256 {files.sha256}"
    return f"{benchmark.name} {benchmark.version}: {len(benchmark.scores)} runs; {commit}; {sent}."


def _row(spread: Spread) -> list[object]:
    metric = spread.metric
    direction = "↑" if metric.direction == "higher is better" else "↓"
    cv = None if spread.cv is None else f"{100 * spread.cv:.1f} %"
    return [metric.name, f"{spread.mean:.2f}", metric.unit, cv, len(spread.values), direction, metric.source]


def _as_json(results: Sequence[ScenarioResult], failure: MobilebenchError | None, asked: int) -> dict[str, Any]:
    from mobilebench.core.page_metrics import frame_rate, spreads

    return {
        "asked": asked,
        "metrics": [
            {
                **one.metric.model_dump(mode="json"),
                "mean": one.mean,
                "cv": one.cv,
                "values": list(one.values),
                "void": one.void.reason if one.void else None,
            }
            for one in (spreads(results) if results else ())
        ],
        "frames_per_second": [frame_rate(one.frames_ms, one.duration_ms) for one in results],
        "results": [one.model_dump(mode="json") for one in results],
        "failure": failure and _failure(failure),
    }


def _failure(failure: MobilebenchError) -> dict[str, Any]:
    from mobilebench.scenarios.base import outcome_name

    return {"outcome": outcome_name(failure), "reason": failure.message, "next_step": failure.hint}


def _say_failure(failure: MobilebenchError, done: int, asked: int) -> None:
    from mobilebench.scenarios.base import outcome_name

    where = f" (in repetition {done + 1} of {asked})" if asked > 1 else ""
    say(f"{outcome_name(failure)}{where}: {failure.message}", err=True)
    if failure.hint:
        say(f"  {failure.hint}", err=True)
