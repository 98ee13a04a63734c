"""Whether our interaction page orders levels of load as Speedometer does.

Both are used in Chrome on this computer while a model infers in them, in a run with one baseline and a level for each
duty, place and backend. Levels are ordered by our runs per minute, in the page's own time and by the clock, and by
Speedometer's own result and its wall time; printed is Spearman's rank correlation of each pair of orders. Promise: no
two of at least six levels that are apart in Speedometer's own result stand the other way round in our runs by the
clock.

Speedometer is taken from a clone that is named, such as one of WebKit/Speedometer at release/2.1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import yaml
from scipy.stats import spearmanr

from mobilebench.analysis.page_quality import RUNS, PageScenario, Quality, page_scenarios, title_of
from mobilebench.analysis.summary import summarise
from mobilebench.core.axes import SPEEDOMETER
from mobilebench.results.store import Store

INTERACTION = "interaction"
OURS = (RUNS, "runs_by_the_clock")
THEIRS = (RUNS, "wall_seconds")
"""Metrics of the interaction page and of Speedometer."""
FEWEST = 6
"""Levels that have to be compared."""
Level = tuple[str, str, int, str]
"""Engine, backend, duty and place."""


@dataclass(frozen=True)
class Measured:
    """What was measured at one level."""

    ours: Mapping[str, Quality]
    theirs: Mapping[str, Quality]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print Markdown tables; 1 when the promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=Path, help="folder of a clone of Speedometer")
    parser.add_argument("--out", type=Path, help="folder of the results; a run that is there is continued, or shown")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="per block; Speedometer ends its run")
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--duties", nargs="+", type=int, default=[25, 50, 75])
    parser.add_argument("--places", nargs="+", default=["main", "worker"], choices=["main", "worker"])
    parser.add_argument("--webgl", action="store_true", help="also TF.js on WebGL, of the GPU or in software")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        out = chosen.out or Path(temporary)
        measure(chosen, out)
        with Store.open(out, create=False) as store:
            scenarios = page_scenarios(summarise(store.load("last")))
    return report(levels(scenarios))


def measure(chosen: argparse.Namespace, out: Path) -> None:
    """Measure the run, or the rest of it."""
    out.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-m", "mobilebench", "run", "--out", str(out)]
    if (out / "results.sqlite").is_file():
        subprocess.run([*program, "--resume", "last"], check=False)
        return
    suite = out / "calibration.yaml"
    suite.write_text(yaml.safe_dump(suite_of(chosen)), encoding="utf-8")
    subprocess.run([*program, "--suite", str(suite), "--serial", "host"], check=False)


def suite_of(chosen: argparse.Namespace) -> dict[str, object]:
    """The suite of all levels in both pages."""
    engines: dict[str, object] = {"ortjs": {"wasm": {"wasm_build": "simd-threads"}}}
    if chosen.webgl:
        engines["tfjs"] = ["webgl"]
    return {
        "title": "Levels of load in the interaction page and in Speedometer",
        "description": "The interaction page and Speedometer without inference, and at several levels of it.",
        "models": [chosen.model],
        "precisions": ["fp32"],
        "batches": [1],
        "threads": [2],
        "browsers": ["chrome"],
        "scenarios": [INTERACTION, f"{SPEEDOMETER}{chosen.clone.resolve()}"],
        "duties": [0, *chosen.duties],
        "places": chosen.places,
        "rule": {"min_predictions": 2, "max_predictions": 1_000_000, "max_seconds": chosen.seconds},
        "blocks": chosen.rounds,
        "groups": [{"title": "pages", "targets": ["host"], "engines": engines}],
    }


def levels(scenarios: Sequence[PageScenario]) -> dict[Level, Measured]:
    """The levels that were measured in both pages, the one with most runs per minute in Speedometer first."""
    ours = next((_by_level(one, OURS) for one in scenarios if one.name == INTERACTION), {})
    theirs = next((_by_level(one, THEIRS) for one in scenarios if one.name.startswith(SPEEDOMETER)), {})
    both = {level: Measured(ours[level], theirs[level]) for level in ours if level in theirs}
    return dict(sorted(both.items(), key=lambda one: -mean(one[1].theirs[RUNS])))


def _by_level(scenario: PageScenario, metrics: Sequence[str]) -> dict[Level, Mapping[str, Quality]]:
    return {
        (case.of.engine, case.of.backend, case.duty, case.place): {name: case.qualities[name] for name in metrics}
        for case in scenario.all
        if all(name in case.qualities and case.qualities[name].values for name in metrics)
    }


def report(table: Mapping[Level, Measured]) -> int:
    """Print the tables; 1 when the promise was not kept."""
    print("| engine, backend | duty, % | place | Speedometer, runs/min | wall, s | ours, runs/min | by the clock |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for (engine, backend, duty, place), one in table.items():
        cells = [*(one.theirs[name] for name in THEIRS), *(one.ours[name] for name in OURS)]
        print(f"| {engine}, {backend} | {duty} | {place} | {' | '.join(map(shown, cells))} |")
    if len(table) > 2:
        print("\n| rank correlation (Spearman) | Speedometer, runs/min | Speedometer, wall time |\n|---|---:|---:|")
        for name in OURS:
            own = [mean(one.ours[name]) for one in table.values()]
            found = [spearmanr(own, [mean(one.theirs[other]) for one in table.values()]).statistic for other in THEIRS]
            print(f"| {title_of(name)} | {found[0]:.3f} | {-found[1]:.3f} |")
    swapped = [
        f"{named(one)} and {named(other)}"
        for one, other in combinations(table, 2)
        if apart(table[one].theirs[RUNS], table[other].theirs[RUNS])
        and mean(table[one].ours[OURS[1]]) < mean(table[other].ours[OURS[1]])
    ]
    kept = len(table) >= FEWEST and not swapped
    print(f"\n{len(table)} levels; apart in Speedometer and the other way round by the clock: ", end="")
    print(f"{'; '.join(swapped) or 'none'}. The promise is {'kept' if kept else 'not kept'}.")
    return 0 if kept else 1


def mean(quality: Quality) -> float:
    """The mean over blocks; 0 without any."""
    return quality.mean or 0.0


def apart(one: Quality, other: Quality) -> bool:
    """Whether the 95 % intervals of two levels do not overlap."""
    first, second = one.interval, other.interval
    return first is not None and second is not None and (first.low > second.high or second.low > first.high)


def named(level: Level) -> str:
    """The words for a level."""
    engine, backend, duty, place = level
    return "no inference" if not duty else f"{engine} {backend} {duty} % {place}"


def shown(quality: Quality) -> str:
    """Mean and 95 % interval."""
    interval = quality.interval
    digits = 1 if mean(quality) >= 20 else 2
    return f"{mean(quality):.{digits}f}" + (
        f" ({interval.low:.{digits}f}–{interval.high:.{digits}f})" if interval else ""
    )


if __name__ == "__main__":
    sys.exit(main())
