"""`mobilebench run`: plans, measures and reports."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mobilebench.cli import (
    builds,
    care_words,
    devices,
    examination,
    libraries,
    options,
    over_rack,
    pasted,
    process,
    resuming,
)
from mobilebench.cli.libraries import EngineLibrary
from mobilebench.cli.output import Json, console, duration, print_json, say, split
from mobilebench.cli.plan_table import print_plan
from mobilebench.cli.results import Out, StoreAt, place_of_results, say_where_traces_are

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mobilebench.cli.over_rack import OverRack
    from mobilebench.core.records import EnergyWindow, Goal, PlannedBlock, Run, TargetInfo
    from mobilebench.results.places import Place
    from mobilebench.results.store import Store
    from mobilebench.session import RunResult
    from mobilebench.suite import Plan

Access = Literal["read", "mapped"]
Effort = Literal["quick", "normal", "rigorous"]
Retry = Literal["failed"]
_NOTHING_SELECTED = options.SelectedAxes()


@options.with_axis_options
def run(
    typed: typer.Context,
    serial: Annotated[
        str,
        typer.Option(
            rich_help_panel=options.WHAT,
            metavar="all|host|SERIAL|KIND:VALUE,…",
            envvar="ANDROID_SERIAL",
            help="The targets to measure on; `mobilebench devices` lists them. KIND is name, label or group (of the "
            "rack file), soc or model, as in label:fast,soc:snapdragon-8-gen-3.",
            autocompletion=options.complete_serials,
        ),
    ] = "all",
    rack: options.RackFileOrScheduler = None,
    rack_certificates: options.RackCertificates = None,
    suite: Annotated[
        str,
        typer.Option(
            rich_help_panel=options.WHAT,
            metavar="NAME|FILE",
            help="The suite to measure; `mobilebench describe suites` lists those that are shipped.",
            autocompletion=options.complete_suites,
        ),
    ] = "quick",
    selected_axes: options.SelectedAxes = _NOTHING_SELECTED,
    browser_path: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=options.PAGES,
            metavar="[NAME=]PATH|PACKAGE",
            help="A further browser build: a program of this computer, such as chrome@beta=/opt/beta/chrome, or a "
            "package on phones, such as chrome@flat=com.android.chrome. Flags may follow.",
        ),
    ] = None,
    headed: Annotated[
        bool,
        typer.Option("--headed", rich_help_panel=options.PAGES, help="Show the browser's window on this computer."),
    ] = False,
    no_frame_trace: Annotated[
        bool,
        typer.Option(
            "--no-frame-trace",
            rich_help_panel=options.PAGES,
            help="With --scenario typing, video or a page of your own: do not also count presented frames in Chrome's "
            "own trace and on the phone.",
        ),
    ] = False,
    passes: Annotated[
        list[str] | None,
        typer.Option(
            "--pass",
            rich_help_panel=options.PASSES,
            metavar="timing|kernels|memory|trace",
            help="The passes to measure. `timing` measures the stages alone; each other pass adds one block to a case, "
            "in which operators, memory or Chrome's trace of the page are recorded.",
        ),
    ] = None,
    trace: Annotated[
        bool,
        typer.Option(
            "--trace", rich_help_panel=options.PASSES, help="Add the pass `trace` to those of the suite or of --pass."
        ),
    ] = False,
    record: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=options.PASSES,
            metavar="NAME@INTERVAL",
            help="Add one block to each case, during which this recorder reads at an interval, such as thermal@1s or "
            "load@250ms; `energy` (without interval) adds windows that measure energy. "
            "`mobilebench describe recorders` lists the recorders.",
        ),
    ] = None,
    record_in_timing: Annotated[
        bool,
        typer.Option(
            "--record-in-timing",
            rich_help_panel=options.PASSES,
            help="Let --record read during the timing blocks, although each reading takes processor time.",
        ),
    ] = False,
    energy_window: Annotated[
        float,
        typer.Option(
            rich_help_panel=options.PASSES,
            metavar="SECONDS",
            min=60,
            max=3600,
            help="With --record energy: how long each window predicts. A gauge that updates every 10 s needs 520.",
        ),
    ] = 60.0,
    energy_idle: Annotated[
        float,
        typer.Option(
            rich_help_panel=options.PASSES,
            metavar="SECONDS",
            min=10,
            max=600,
            help="With --record energy: the idle time before each window, and again after it.",
        ),
    ] = 15.0,
    energy_windows: Annotated[
        int,
        typer.Option(
            rich_help_panel=options.PASSES,
            min=1,
            max=100,
            help="With --record energy: the number of windows of each case; an interval needs three.",
        ),
    ] = 3,
    meter: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.PASSES,
            metavar="tcp:HOST:PORT|csv:FILE",
            help="With --record energy: an external power meter, which sends lines over TCP or writes a CSV file.",
        ),
    ] = None,
    meter_offset: Annotated[
        float,
        typer.Option(
            rich_help_panel=options.PASSES,
            metavar="SECONDS",
            min=-86_400,
            max=86_400,
            help="Seconds to add to the times of the --meter.",
        ),
    ] = 0.0,
    blocks: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=options.HOW,
            min=1,
            max=1000,
            help="Number of timing blocks of each case. [default: the suite's]",
        ),
    ] = None,
    effort: Annotated[
        Effort | None,
        typer.Option(
            rich_help_panel=options.HOW,
            metavar="quick|normal|rigorous",
            help="How much to measure: 3 blocks; 5, then more until ±5 % or 20 min; 10, then more until ±2 % or 2 h. "
            "--blocks, --within and --budget change a part of it. [default: the suite's blocks]",
        ),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.HOW,
            metavar="SHARE",
            help="After the planned blocks, measure further rounds of each case and of those that it is compared with, "
            "until its 95 % interval is within this share, such as 2% or 0.02. [default: the suite's]",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.HOW,
            metavar="TIME",
            help="With --within: begin no further round that would end after this time of measuring, such as 90s, 20m "
            "or 1h. [default: the suite's]",
        ),
    ] = None,
    seconds: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.HOW,
            metavar="TIME",
            help="How long a block predicts, such as 20s or 30m, where its number of predictions does not end it "
            "earlier. [default: the suite's]",
        ),
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=options.HOW,
            metavar="KEY=VALUE|none",
            help="What to wait for before each block, such as temperature=38,wait=10m: temperature (skin or battery, "
            "°C), cpu (°C), status, battery (%), battery_saver, load (of each core), probe (times its first time), "
            "wait, otherwise (mark or skip), stop_above (°C; a hotter block is stopped, cooled and repeated). `none`: "
            "nothing. [default: the suite's; phones "
            "temperature=40,status=0,battery=10,battery_saver=off,stop_above=50,wait=10m]",
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.HOW,
            metavar="SECONDS|none",
            help="Stop a block after this time; its case is then too slow for that target, and unsupported. "
            "[default: the suite's]",
        ),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=options.HOW,
            min=-20,
            max=19,
            help="Nice value of native engines; values below 0 need special rights. [default: the suite's]",
        ),
    ] = None,
    model_access: Annotated[
        Access | None,
        typer.Option(
            rich_help_panel=options.HOW, help="Read the model file into memory, or map it. [default: the suite's]"
        ),
    ] = None,
    conditions: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.HOW,
            metavar="default|strict|none[,NAME…]",
            help="What is asked of phones' state. `default`: screen on, awake, fixed brightness and rotation, no "
            "animations. `strict`: also do-not-disturb and fixed-performance; what a phone refuses makes its cases "
            "unsupported. `none`: only what browsers need. Single ones by name, such as radios-off or pinned-clocks "
            "(rooted phones). Everything is put back. [default: the suite's]",
        ),
    ] = None,
    keep_app: Annotated[
        bool,
        typer.Option(
            "--keep-app",
            rich_help_panel=options.NATIVE,
            help="Leave mobilebench's app on phones after --context app-foreground or app-service, with the models in "
            "it, so that the next run need not install it. Otherwise it is removed, unless it was there before.",
        ),
    ] = False,
    engine_library: EngineLibrary = None,
    seed: Annotated[
        int,
        typer.Option(
            rich_help_panel=options.HOW,
            help="Seed of the order of cases within a round; the same seed gives the same order.",
        ),
    ] = 0,
    resume: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.GOING_ON,
            metavar="RUN",
            help="Continue an interrupted run.",
            autocompletion=options.complete_runs,
        ),
    ] = None,
    retry: Annotated[
        Retry | None,
        typer.Option(
            rich_help_panel=options.GOING_ON, metavar="failed", help="With --resume: measure failed blocks again."
        ),
    ] = None,
    wait_for_phone: Annotated[
        int,
        typer.Option(
            rich_help_panel=options.GOING_ON,
            metavar="SECONDS",
            min=0,
            max=86_400,
            help="How long to wait each time that a phone goes away during the run, or is away when its host in a rack "
            "begins; 0: do not wait.",
        ),
    ] = 120,
    blocked_too: Annotated[
        bool,
        typer.Option(
            "--blocked-too",
            rich_help_panel=options.HOW,
            help="Also measure phones that the doctor finds blocked, such as for lack of storage; otherwise they are "
            "left out, and one that is named ends the run at once.",
        ),
    ] = False,
    out: Out = None,
    store_at: StoreAt = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and its estimated time; measure nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure a suite on targets, store every sample, and write a report.

    A filter may be repeated, or be given several values with commas between them. `--engine`, `--backend` and the
    choices of a backend (`--wasm-build`, `--delegate`, `--arithmetic`, `--gpu`, `--device-type`) keep the cases of the
    suite that have these values; the other filters replace the suite's values. Ctrl-C ends the run cleanly and prints
    the command that continues it.

    Examples:

    - `mobilebench run --serial all --suite quick`

    - `mobilebench run --serial host --engine tflite,tfjs --model mobilenet_v2`

    - `mobilebench run --suite native --pass timing,kernels --affinity big,little`

    - `mobilebench run --suite native --context shell,app-foreground --serial all`

    - `mobilebench run --suite native --caches cold,warm --model-access mapped`

    - `mobilebench run --suite web --browser chrome,firefox,chrome@beta --browser-path chrome@beta=/opt/beta/chrome`

    - `mobilebench run --suite web --link none,4g --loader split,as-shipped --caches cold,warm`

    - `mobilebench run --suite web --serial host --engine tfjs --browser chrome --trace`

    - `mobilebench run --suite native --serial label:fast,soc:tensor-g3 --rack lab.yaml`

    - `mobilebench run --suite paper --serial label:pixel,soc:snapdragon-8-gen-3 --rack tls://lab:8786`

    - `mobilebench run --suite native --serial all --engine tflite --record thermal@1s,battery@5s`

    - `mobilebench run --serial host --suite native --model mobilenet_v2 --record energy --meter tcp:127.0.0.1:7000`

    - `mobilebench run --serial all --conditions strict,radios-off`

    - `mobilebench run --serial host --model mobilenet_v2 --within 2% --budget 20m`

    - `mobilebench run --suite native --gate temperature=36,wait=20m,otherwise=skip`

    - `mobilebench run --suite sustained --serial host --engine tflite --seconds 10m`

    - `mobilebench run --resume last`

    - `mobilebench run --resume last --retry failed`
    """
    process.give_memory_back()
    from mobilebench import suite as suites
    from mobilebench import targets
    from mobilebench.browsers.builds import using as using_builds
    from mobilebench.core.errors import BadInput, NothingToMeasure
    from mobilebench.models import registry
    from mobilebench.recorders import registry as recorders
    from mobilebench.results.store import Store
    from mobilebench.session.coordinator import unmeasured
    from mobilebench.targets import rack as racks

    pasted.remember(typed)
    libraries.use(typed, engine_library)
    place = place_of_results(out, store_at)
    declared = typed.with_resource(using_builds(browser_path or []))
    if resume is not None:
        store = Store.open(place, create=False)
        begun = store.load(resume)
        resuming.refuse_changes(typed, begun)
        rack = over_rack.scheduler_of(begun, rack)
        typed.with_resource(racks.using(over_rack.file_of(rack)))
        again = retry == "failed"
        left = unmeasured(begun, retry_failed=again)
        if dry_run:
            resuming.print_what_is_left(begun, left, json=json)
            return
        builds.require_current(begun.planned if left and begun.info.goal else left, begun.info.targets)
        result = _resume(
            begun,
            left,
            store,
            wait_for_phone,
            over=typed.with_resource(over_rack.connected(rack, rack_certificates)),
            retry_failed=again,
            blocked_too=blocked_too,
            keep_app=keep_app,
        )
        _finish(result, store, json, retry_failed=again)
        return
    if retry is not None:
        raise BadInput(
            "`--retry` measures failed blocks of a run again, and no run is named.",
            hint="Name it: `mobilebench run --resume last --retry failed`.",
        )
    definition = suites.load(suite)
    models = selected_axes.axes.get("model", ())
    selection = suites.Selection(
        axes=dict(selected_axes.axes) | ({"model": tuple(registry.expand(models))} if models else {}),
        settings=selected_axes.settings,
        builds=declared,
        headed=headed,
        frame_trace=not no_frame_trace,
        passes=split(passes),
        further_passes=("trace",) if trace else (),
        record=tuple(map(recorders.request, split(record))),
        record_in_timing=record_in_timing,
        energy=_energy(energy_window, energy_idle, meter, meter_offset),
        energy_windows=energy_windows,
        blocks=blocks,
        effort=effort,
        within=within,
        budget=budget,
        time_limit=time_limit,
        seconds=seconds,
        gates=tuple(split(gate)),
        priority=priority,
        model_access=model_access,
        conditions=conditions,
    )
    typed.with_resource(racks.using(over_rack.file_of(rack)))
    over = typed.with_resource(over_rack.connected(rack, rack_certificates))
    if over:
        selected, named = over.select(serial)
    else:
        selected = targets.select(serial)
        named = targets.named(serial, selected)
    chosen = examination.without_quarantined(selected, place, named)
    libraries.require_use(chosen)

    def planned(among: Sequence[TargetInfo]) -> Plan:
        try:
            return suites.plan(definition, [info for info in among if info.state == "device"], selection, seed)
        except NothingToMeasure:
            for phone in devices.left_out(among):
                say(devices.sentence(phone), err=True)
            raise

    plan = planned(chosen)
    if dry_run:
        _print_plan(plan, devices.left_out(chosen), place, json)
        return
    builds.require_current(plan.blocks, chosen)
    doctor = over.examine if over else None
    found = examination.examined(chosen, plan.blocks, named=named, blocked_too=blocked_too, examine=doctor)
    if devices.left_out(found) != devices.left_out(chosen):
        plan = planned(found)
    store = Store.open(place)
    _finish(_measure(plan, found, store, wait_for_phone, over=over, keep_app=keep_app), store, json)


def _energy(seconds: float, idle_seconds: float, meter: str | None, offset: float) -> EnergyWindow:
    from mobilebench.core.records import EnergyWindow
    from mobilebench.recorders.energy import meter_files

    name, sha256 = (None, None) if meter is None else meter_files.named(meter)
    return EnergyWindow(
        seconds=seconds,
        idle_seconds=idle_seconds,
        meter=name,
        meter_sha256=sha256,
        meter_offset_s=offset,
    )


def _measure(
    plan: Plan,
    selected: list[TargetInfo],
    store: Store,
    wait_seconds: int,
    *,
    over: OverRack | None = None,
    keep_app: bool,
) -> RunResult:
    from mobilebench import session
    from mobilebench.cli import progress
    from mobilebench.session import estimate

    request = session.RunRequest(plan=plan, targets=tuple(selected), command=tuple(sys.argv))
    time_left = estimate.TimeLeft(
        plan.blocks, selected, lambda: estimate.estimate(plan, estimate.look_up(plan.blocks, store.place))
    )
    with progress.of_run(time_left, over_rack.names_of(selected)) as (on_event, cancel):
        on_event = examination.recorded(selected, store, on_event)
        return session.run(
            request,
            store,
            on_event=on_event,
            cancel=cancel,
            executor=over.executor(store) if over else None,
            wait_seconds=wait_seconds,
            keep_app=keep_app,
        )


def _resume(
    begun: Run,
    left: Sequence[PlannedBlock],
    store: Store,
    wait_seconds: int,
    *,
    over: OverRack | None = None,
    retry_failed: bool,
    blocked_too: bool = False,
    keep_app: bool = False,
) -> RunResult:
    from mobilebench import session
    from mobilebench.cli import progress
    from mobilebench.session import dependencies, estimate

    examined: list[TargetInfo] = []

    def discover(names: Collection[str]) -> list[TargetInfo]:
        here = over.targets.discover(names) if over else dependencies.discover(names)
        found = examination.without_quarantined(here, store.place)
        concerned = [block for block in begun.planned if block.case.target in names]
        doctor = over.examine if over else None
        examined.extend(examination.examined(found, concerned, blocked_too=blocked_too, examine=doctor))
        return list(examined)

    time_left = estimate.TimeLeft(left, begun.info.targets, measured=begun.blocks)
    executor = over.executor(store, begun.blocks) if over else None
    if executor:
        needed = {block.case.target for block in left}
        with store.owning(begun.info.id):
            executor.settle(begun.info.id, [one.id for one in begun.info.targets if one.id not in needed])
    with progress.of_run(time_left, over_rack.names_of(begun.info.targets)) as (on_event, cancel):
        return session.resume(
            begun,
            store,
            on_event=examination.recorded(examined, store, on_event),
            cancel=cancel,
            dependencies=dependencies.Dependencies(discover=discover),
            executor=executor,
            wait_seconds=wait_seconds,
            retry_failed=retry_failed,
            keep_app=keep_app,
        )


def _finish(result: RunResult, store: Store, json: bool, *, retry_failed: bool = False) -> None:
    from mobilebench.core.errors import ExitCode
    from mobilebench.report import compose
    from mobilebench.results import traces

    html = compose.write(result.run, store.run_folder(result.run_id), result.summary).html
    found = traces.stored(result.run, store.run_folder(result.run_id))
    if json:
        print_json(
            {
                "run": result.run_id,
                "counts": result.counts,
                "stopped_attempts": result.summary.stopped,
                "exit_code": int(result.exit_code),
                "report": str(html),
                "traces": [str(one.path) for one in found],
            }
        )
    else:
        console().print(compose.result_table(result.summary))
        say_where_traces_are(found)
        say(
            f"Run {result.run_id}: " + ", ".join(f"{number} {name}" for name, number in result.counts.items() if number)
        )
        say(f"Report: {html}")
        if result.exit_code is ExitCode.INTERRUPTED:
            retry = " --retry failed" if retry_failed else ""
            say(pasted.completed(f"Continue it with: mobilebench run --resume {result.run_id}{retry}"))
        if failed := result.counts["failed"]:
            blocks = "1 block" if failed == 1 else f"{failed} blocks"
            again = f"mobilebench run --resume {result.run_id} --retry failed"
            say(pasted.completed(f"{blocks} failed. Measure {'it' if failed == 1 else 'them'} again with: {again}"))
    raise typer.Exit(int(result.exit_code))


def _print_plan(plan: Plan, missed: list[dict[str, str]], place: Place, json: bool) -> None:
    from mobilebench.session import estimate

    cases = estimate.estimate(plan, estimate.look_up(plan.blocks, place))
    seconds = estimate.wall_seconds(cases, plan.targets)
    if json:
        blocks = [block.model_dump(mode="json", by_alias=True) for block in plan.blocks]
        head = {"suite": plan.suite.name, "seed": plan.seed, "estimated_seconds": seconds, "left_out": missed}
        asked = {"within": plan.suite.within, "budget_seconds": plan.suite.budget}
        print_json({**head, **asked, "blocks": blocks})
        return
    print_plan(plan)
    distinct = len({one.case.key for one in cases})
    say(f"{distinct} cases, {len(plan.blocks)} blocks, about {duration(seconds)}.")
    if goal := plan.suite.goal:
        say(_further(goal, seconds))
    for sentence in care_words.sentences(plan.blocks):
        say(sentence)
    without: Counter[tuple[str, str]] = Counter()
    for one in cases:
        if one.unsupported:
            without[one.case.target, one.unsupported.rstrip(".")] += one.blocks
    for (target, reason), count in without.items():
        where = f" on {target}" if len(plan.targets) > 1 else ""
        say(f"{count} of these blocks{where} will be unsupported: {reason}.")
    for phone in missed:
        say(devices.sentence(phone))


def _further(goal: Goal, seconds: float) -> str:
    """A sentence on the rounds that follow those of a plan, which take these seconds."""
    until = f"until each 95 % interval is within ±{goal.within * 100:g} %"
    if goal.budget is None:
        return f"Then further rounds follow {until}."
    if goal.budget <= seconds:
        return f"No further rounds follow: the budget is {duration(goal.budget)}, which these blocks use up."
    return f"Then further rounds follow {until}, or {duration(goal.budget)} have been measured."
