"""How exactly an injected engine reaches the asked share of time, and what the injection itself costs a page's frames.

Promises: the reached duty is within 3 points of the asked one from 10 to 90 %, on WebAssembly and on WebGL in software,
for a fast and a slow model, unless a single inference is too long for the window. A page with an engine that infers
nothing (duty 0) has the frames, and the interaction page the runs by the clock, of a page without injection within 1 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from benchmarks.ratios import paired_ratio
from mobilebench.core.axes import NO_BACKEND, NO_MODEL, PAGE
from mobilebench.core.errors import MobilebenchError
from mobilebench.core.page_metrics import readings
from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.models.manifest import NO_MODEL_FILES, ModelFiles
from mobilebench.scenarios.block import ScenarioEngine
from mobilebench.scenarios.injection import addresses, loads, measuring
from mobilebench.scenarios.injection.messages import Place
from mobilebench.scenarios.injection.opening import foreign_page
from mobilebench.scenarios.injection.results import InjectionPlan, InjectionResult
from mobilebench.targets.host import HostTarget, describe
from mobilebench.verdicts.thresholds import DUTY_TOLERANCE

MOVING = """<!doctype html><title>moving</title><canvas id=c width=640 height=360></canvas><script>
const context = c.getContext('2d');
(function draw(ms) {
  context.fillStyle = '#fff'; context.fillRect(0, 0, 640, 360);
  context.fillStyle = '#06c'; context.fillRect((ms / 4) % 600, 100, 40, 40);
  requestAnimationFrame(draw);
})(0);
</script>"""
WAYS = (("ortjs", "wasm"), ("tfjs", "webgl"))
MODELS = ("mlp_4x256", "mobilenet_v2")
"""A fast model, and a slow one."""
DUTIES = (10, 25, 50, 75, 90)
PROMISED = 0.01
"""The largest distance of a median ratio from 1."""
RUNS = ("runs_by_the_clock", "runs_per_minute")
"""Metrics of the interaction page. The promise is about the first; the second varies by 4 to 6 % from page to page."""
DUTY_HEADER = (
    "| model | engine, backend | place | asked, % | reached, % | inferences | p50 in the page, ms | kept |\n"
    "|---|---|---|---:|---:|---:|---:|---|"
)
FRAMES_HEADER = (
    "| model | place | fps, injected at duty 0 | fps, not injected | ratio | 95 % interval | pairs | kept |\n"
    "|---|---|---:|---:|---:|---|---:|---|"
)
RUNS_HEADER = (
    "| model | place | metric | injected at duty 0 | not injected | ratio | 95 % interval | pairs | kept |\n"
    "|---|---|---|---:|---:|---:|---|---:|---|"
)


@dataclass(frozen=True)
class Way:
    """What infers, and where."""

    engine: str
    backend: str
    model: str
    place: Place = "main"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12, help="how long a page infers")
    parser.add_argument("--pairs", type=int, default=10, help="pairs of pages with and without injection")
    parser.add_argument("--duties", nargs="*", type=int, default=DUTIES)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--places", nargs="+", default=["main"], choices=["main", "worker"])
    chosen = parser.parse_args(arguments)
    kept = True
    with TemporaryDirectory() as folder:
        page = Path(folder) / "moving.html"
        page.write_text(MOVING)
        if chosen.duties:
            print(DUTY_HEADER)
        for model in chosen.models:
            for engine, backend in WAYS:
                for place in chosen.places:
                    way = Way(engine, backend, model, place)
                    for duty in chosen.duties:
                        plan = InjectionPlan(duty=duty, place=place, seconds=chosen.seconds, baseline_seconds=0)
                        row, well = duty_row(way, plan, measured(page, way, plan))
                        kept &= well
                        print(row, flush=True)
        if chosen.pairs:
            print(f"\n{FRAMES_HEADER}")
            for place in chosen.places:
                row, well = frames_row(page, Way(*WAYS[0], MODELS[0], place), chosen.pairs, chosen.seconds)
                kept &= well
                print(row, flush=True)
            print(f"\n{RUNS_HEADER}")
            for place in chosen.places:
                rows, well = runs_rows(Way(*WAYS[0], MODELS[0], place), chosen.pairs, chosen.seconds)
                kept &= well
                print(rows, flush=True)
    return 0 if kept else 1


def built(model: str) -> ModelFiles:
    """The files of a model."""
    files = obtain.find(model)
    if files is None:
        sys.exit(f"{model} is not built: run `mobilebench models build {model}`.")
    return files


def measured(page: Path, way: Way, plan: InjectionPlan) -> InjectionResult:
    """One page in a fresh browser."""
    info = describe()
    target = HostTarget(info)
    case = Case(target=info.id, engine=way.engine, backend=way.backend, threads=1, browser="chrome", model=way.model)
    files = built(way.model)
    load, flags = loads.load_of(loads.completed(case, info), info, files)
    with (
        addresses.reachable(str(page), target) as url,
        target.browser("chrome", flags) as browser,
        foreign_page(browser.address) as foreign,
    ):
        return measuring.measure(foreign, url, plan, load, browser, isolate=True)


def duty_row(way: Way, plan: InjectionPlan, result: InjectionResult) -> tuple[str, bool]:
    """A row of the table, and whether the promise was kept."""
    codes = {remark.code: remark for remark in result.remarks}
    reached = result.reached_duty
    well = reached is not None and abs(reached - plan.duty) <= DUTY_TOLERANCE
    word = "yes" if well else "no"
    if "inference-too-long" in codes:
        word += f" ({codes['inference-too-long'].sentence})"
    shown = "–" if reached is None else f"{reached:.1f}"
    p50 = "–" if result.p50_ms is None else f"{result.p50_ms:.2f}"
    count = len(result.answer.inference_ms) if result.answer else 0
    start = f"| {way.model} | {way.engine}, {way.backend} | {way.place} | {plan.duty:g}"
    return f"{start} | {shown} | {count} | {p50} | {word} |", well or "inference-too-long" in codes


def frames_row(page: Path, way: Way, pairs: int, seconds: float) -> tuple[str, bool]:
    """Pages with an engine that infers nothing against pages without injection, in pairs of alternating order."""
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(pairs):
        for inject in (True, False) if pair % 2 == 0 else (False, True):
            plan = InjectionPlan(duty=0, place=way.place, seconds=seconds, baseline_seconds=0, inject=inject)
            fps = measured(page, way, plan).frames.fps
            if fps is None:
                raise MobilebenchError("The page produced no frames.")
            (ours if inject else theirs).append(fps)
    ratio = paired_ratio(ours, theirs)
    well = abs(ratio.median - 1) <= PROMISED
    start = f"| {way.model} | {way.place} | {mean(ours):.2f} | {mean(theirs):.2f} | {ratio.median:.4f}"
    return f"{start} | {ratio.interval} | {ratio.pairs} | {'yes' if well else 'no'} |", well


def runs_rows(way: Way, pairs: int, seconds: float) -> tuple[str, bool]:
    """The interaction page with an engine that infers nothing against the same without, in alternating pairs."""
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    for pair in range(pairs):
        for inject in (True, False) if pair % 2 == 0 else (False, True):
            (ours if inject else theirs).append(used(way if inject else None, seconds))
    rows, kept = [], True
    for name in RUNS:
        ratio = paired_ratio([one[name] for one in ours], [one[name] for one in theirs])
        cells = f"{mean([one[name] for one in ours]):.2f} | {mean([one[name] for one in theirs]):.2f}"
        well = abs(ratio.median - 1) <= PROMISED
        word = "no promise" if name != RUNS[0] else "yes" if well else "no"
        kept &= well or name != RUNS[0]
        start = f"| {way.model} | {way.place} | {name} | {cells} | {ratio.median:.4f}"
        rows.append(f"{start} | {ratio.interval} | {ratio.pairs} | {word} |")
    return "\n".join(rows), kept


def used(way: Way | None, seconds: float) -> dict[str, float]:
    """The metrics of one use of the interaction page as in a run, with an engine at duty 0 or without any."""
    info = describe()
    case = Case(
        target=info.id,
        engine=way.engine if way else PAGE,
        backend=way.backend if way else NO_BACKEND,
        threads=1,
        browser="chrome",
        model=way.model if way else NO_MODEL,
        scenario="interaction",
        duty=0,
        place=way.place if way else None,
    )
    if way:
        case = loads.completed(case, info)
    files = built(way.model) if way else NO_MODEL_FILES
    rule = BlockRule(min_predictions=1, max_predictions=1_000_000, max_seconds=seconds)
    engine = ScenarioEngine(engines()[case.engine])
    prepared = engine.prepare(HostTarget(info), PlannedBlock(index=0, round=0, case=case, rule=rule), files)
    result = engine.measure(prepared, cancel=Event())
    assert result.scenario is not None, "a page was used"
    return {one.metric.name: one.value for one in readings(result.scenario) if isinstance(one.value, float | int)}


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    sys.exit(main())
