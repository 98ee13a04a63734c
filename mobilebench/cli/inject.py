"""`mobilebench inject`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from mobilebench.core.errors import MobilebenchError
    from mobilebench.scenarios.injection.results import InjectionResult

_BROWSER = "chrome"


def inject(
    page: Annotated[str, typer.Argument(metavar="URL|FILE.html", help="Any page, by its address or its file.")],
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="Engine of pages.", autocompletion=options.complete_engines)
    ] = "ortjs",
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="Backend of the engine.", autocompletion=options.complete_backends)
    ] = "wasm",
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Model that infers.", autocompletion=options.complete_models)
    ] = "mobilenet_v2",
    precision: Annotated[str, typer.Option(metavar="NAME", help="Number format of the model.")] = "fp32",
    threads: Annotated[
        int, typer.Option(min=1, max=64, help="Threads. With more than one, the page is answered as an isolated one.")
    ] = 1,
    wasm_build: Annotated[
        str | None, typer.Option(metavar="NAME", help="Build of the engine's WebAssembly. [default: one that fits]")
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(metavar="hardware|software", help="GPU of webgl and webgpu. [default: what the target has]"),
    ] = None,
    duty: Annotated[
        float, typer.Option(min=0, max=100, help="Share of the time that is spent inferring, in percent.")
    ] = 50,
    place: Annotated[
        str, typer.Option(metavar="main|worker", help="Thread of the page that calls the engine.")
    ] = "main",
    frame: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Infer in the frame inside the page whose address contains this."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long the page infers.")] = 10,
    baseline_seconds: Annotated[
        float, typer.Option(min=0, max=3600, help="How long frames are counted before anything is injected.")
    ] = 5,
    browser: Annotated[
        str, typer.Option(metavar="NAME", help="The browser: chrome, firefox, or a further one of the target.")
    ] = _BROWSER,
    serial: Annotated[
        str,
        typer.Option(metavar="SERIAL", help="`host` or one phone.", autocompletion=options.complete_serials),
    ] = "host",
    load_timeout: Annotated[float, typer.Option(min=1, max=600, help="Seconds for the page to load.")] = 30,
    isolate: Annotated[
        bool | None,
        typer.Option(
            "--isolate/--no-isolate",
            help="Answer the page's documents with the headers for cross-origin isolation. [default: with threads]",
        ),
    ] = None,
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser's window on this computer.")] = False,
    json: Json = False,
) -> None:
    """Infer inside any page, and print what that does to its frames.

    The page is opened in a fresh browser with its content policy lifted. Frames are counted first without anything
    injected, then while a model infers for the asked share of the time. Nothing is left behind, and nothing is stored.

    Examples:

    - `mobilebench inject https://example.org --duty 50`

    - `mobilebench inject page.html --engine tfjs --backend webgl --place worker --seconds 30`

    - `mobilebench inject page.html --threads 4 --duty 75 --json`
    """
    from mobilebench.core.errors import BlockFailed, ExitCode, Unsupported
    from mobilebench.core.records import Case
    from mobilebench.scenarios.base import outcome_name

    if place not in ("main", "worker"):
        raise typer.BadParameter("choose main or worker", param_hint="--place")
    case = Case(
        target=serial,
        engine=engine,
        backend=backend,
        wasm_build=wasm_build,
        gpu=gpu,
        threads=threads,
        browser=browser,
        model=model,
        precision=precision,
    )
    plan = {"duty": duty, "place": place, "seconds": seconds, "baseline_seconds": baseline_seconds, "frame": frame}
    how = {"load_seconds": load_timeout, "isolate": isolate, "headed": headed}
    try:
        result = _measured(page, case, plan, how)
    except (BlockFailed, Unsupported) as error:
        unsupported = isinstance(error, Unsupported)
        if json:
            print_json(_failure(error))
        else:
            say(f"{outcome_name(error)}: {error.text_with_hint}", err=True)
        raise typer.Exit(int(ExitCode.NOTHING_TO_MEASURE if unsupported else ExitCode.CASES_FAILED)) from error
    if json:
        print_json(_as_json(result))
    else:
        _print(result)
    codes = {"valid": ExitCode.OK, "suspect": ExitCode.SUSPECT, "invalid": ExitCode.CASES_FAILED}
    raise typer.Exit(int(codes[result.status]))


def _measured(page: str, case: Any, plan: dict[str, Any], how: dict[str, Any]) -> InjectionResult:
    from dataclasses import replace

    from rich.console import Console

    from mobilebench import targets
    from mobilebench.cli.progress import stopping
    from mobilebench.core.errors import BadInput
    from mobilebench.engines.builds import PAGES, require_current
    from mobilebench.models import obtain
    from mobilebench.scenarios.base import name_kept
    from mobilebench.scenarios.injection import addresses, loads, measuring
    from mobilebench.scenarios.injection.opening import foreign_page
    from mobilebench.scenarios.injection.results import InjectionPlan
    from mobilebench.targets.locks import machine_turn

    addresses.is_address(page)
    require_current([PAGES])
    infos = targets.select(case.target)
    if len(infos) != 1:
        raise BadInput(f"--serial {case.target} names {len(infos)} targets.", hint="Name one of them.")
    info = infos[0]
    case = loads.completed(replace(case, target=info.id), info)
    files = obtain.ensure(case.model, case.precision, progress=_tell)
    load, flags = loads.load_of(case, info, files)
    if info.kind == "host":
        flags = (*flags, *addresses.flags_for(page, case.browser or _BROWSER))
    ending = stopping(Console(stderr=True, highlight=False), "Stopping: the page is closed …")
    with (
        ending as cancel,
        targets.open_target(info, cancel=cancel) as target,
        machine_turn(info.machine, cancel),
        addresses.reachable(page, target) as url,
        name_kept(),
        target.browser(case.browser, flags, headed=how["headed"]) as running,
        foreign_page(running.address, cancel=cancel, stays=info.kind == "android") as foreign,
    ):
        return measuring.measure(
            foreign,
            url,
            InjectionPlan.model_validate(plan),
            load,
            running,
            load_seconds=how["load_seconds"],
            isolate=how["isolate"],
            tell=_tell,
        )


def _tell(text: str) -> None:
    say(text, err=True)


def _failure(error: MobilebenchError) -> dict[str, Any]:
    from mobilebench.scenarios.base import outcome_name

    return {"outcome": outcome_name(error), "reason": error.message, "next_step": error.hint}


def _as_json(result: InjectionResult) -> dict[str, Any]:
    return {
        "outcome": "measured",
        "status": result.status,
        "reached_duty": result.reached_duty,
        "inferences": len(result.answer.inference_ms) if result.answer else 0,
        "p50_ms": result.p50_ms,
        "baseline_fps": result.baseline.fps,
        "fps": result.frames.fps,
        **result.model_dump(mode="json"),
    }


def _print(result: InjectionResult) -> None:
    answer, plan = result.answer, result.plan
    say(f"{result.url}  {result.title}".rstrip())
    rows: list[tuple[str, object]] = [("browser", f"{result.browser} {result.browser_version}")]
    if answer is not None:
        proof = answer.proof
        threads = f", {proof.threads} thread{'s' if proof.threads > 1 else ''}" if proof.threads else ""
        rows += [
            ("engine", f"{answer.engine} {answer.version} {proof.backend}{threads}, {proof.runs_in}"),
            ("setup", f"{sum(answer.setup_ms.values()):.0f} ms"),
            ("first inference", f"{answer.warmup_ms or 0:.1f} ms"),
            ("duty", f"{_number(result.reached_duty)} % reached, {plan.duty:g} % asked"),
            ("inferences", f"{len(answer.inference_ms)} in {result.window_ms / 1000:.1f} s"),
            ("p50 in the page", "–" if result.p50_ms is None else f"{result.p50_ms:.2f} ms"),
        ]
    gap = result.frames.longest_gap_ms
    rows += [
        ("frames without", f"{_number(result.baseline.fps)} per second"),
        ("frames with", f"{_number(result.frames.fps)} per second, longest gap {_number(gap)} ms"),
        ("isolated", "yes, by us" if result.isolated and result.isolated_by_us else _yes(result.isolated)),
        ("verdict", result.status),
    ]
    print_table(("", ""), rows)
    for remark in result.remarks:
        say(f"{remark.status}: {remark.sentence}.{f' {remark.next_step}' if remark.next_step else ''}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
