"""Three real nights in a row, with one real regression between the second and the third: is it found, and is anything
invented?

Each night is `mobilebench nightly` in a process of its own, with real engines on this computer. TensorFlow Lite is
loaded through a library that is compiled here (`benchmarks/minimal/slowed_tflite.c`) and hands every call on. In the
third night another build of that library stands in its place, in which each inference of one case takes `--factor`
times as long (that time is spent computing) and its process holds `--extra-mib` more memory. All other cases are
unchanged, those of the same engine too. How much slower the case is, is also measured without nights: with both
libraries, in turn.

Found: in the third night the case is slower, and needs more memory. Missed: it is not said. Invented: anything else
that is worse in any night.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.blocks import built
from benchmarks.ratios import Ratio, paired_ratio
from mobilebench.core.records import Run
from mobilebench.engines import libraries
from mobilebench.nights import past
from mobilebench.nights.records import Change, Night
from mobilebench.results.store import Store

SOURCE = Path(__file__).parent / "minimal" / "slowed_tflite.c"
PLANTED = "mlp_4x256"
THREADS = 1
"""The case that is slowed: TensorFlow Lite with this model and number of threads."""
NAME = "drill"
SUITE = {
    "title": "Nights drill",
    "description": "Small models on two engines",
    "models": [PLANTED, "bert_small"],
    "passes": ["timing", "memory"],
    "groups": [{"targets": ["host"], "engines": {"tflite": {"cpu": {"delegate": "xnnpack"}}, "onnxruntime": ["cpu"]}}],
}


@dataclass(frozen=True)
class Drilled:
    """What three nights found."""

    slower: Change | None
    """The planted regression of the prediction; None if it was missed."""
    more: Change | None
    """That of memory."""
    invented: tuple[str, ...]
    """Everything else that was worse, with the number of the night."""
    called: int
    """Changes of unchanged cases that were called one, worse or not."""
    compared: int
    """Numbers of unchanged cases that were compared."""


def main(arguments: list[str] | None = None) -> int:
    """Conduct the nights and print a Markdown table; 1 if a regression was missed or invented."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="how often three nights are conducted")
    parser.add_argument("--factor", type=float, default=1.5, help="how many times as long the planted case takes")
    parser.add_argument("--extra-mib", type=int, default=32, help="how much more memory the planted case holds")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="longest time of a block's predictions")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads of all cases; 1 is needed")
    parser.add_argument("--pairs", type=int, default=6, help="pairs by which the size of the regression is measured")
    parser.add_argument("--keep", type=Path, help="keep results in this folder")
    chosen = parser.parse_args(arguments)
    if THREADS not in chosen.threads:
        parser.error(f"--threads needs {THREADS}, with which the planted case runs")
    with tempfile.TemporaryDirectory(prefix="mobilebench-nights-") as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        usual, slowed = compiled(folder, 1.0, 0), compiled(folder, chosen.factor, chosen.extra_mib)
        print(f"Planted: {chosen.factor:g} times as long, {chosen.extra_mib} MiB more memory.\n")
        print(
            "| nights | slower | 95 % interval | more MiB | of memory | 95 % interval | invented | called | compared |"
        )
        print("|---:|---:|---|---:|---:|---|---:|---:|---:|")
        drilled = []
        for number in range(1, chosen.repeat + 1):
            drilled.append(three_nights(folder / f"nights-{number}", usual, slowed, chosen))
            print(row(number, drilled[-1]), flush=True)
        found = sum(change is not None for one in drilled for change in (one.slower, one.more))
        invented = sum(len(one.invented) for one in drilled)
        print(
            f"\nFound {found} of {2 * len(drilled)}, missed {2 * len(drilled) - found}, invented {invented} in "
            f"{sum(one.compared for one in drilled)} comparisons of unchanged cases; load now {os.getloadavg()[0]:.1f}."
        )
        for one in drilled:
            for words in one.invented:
                print(f"Invented: {words}")
        if chosen.pairs:
            print(size_sentence(direct_ratio(folder / "size", usual, slowed, chosen)))
    return int(found < 2 * len(drilled) or invented > 0)


def compiled(folder: Path, factor: float, extra_mib: int) -> Path:
    """The library, slowed by this factor and with more memory, made by this computer's C compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        sys.exit("There is no C compiler here: install one, or name it in CC.")
    original = libraries.library("tflite", libraries.host_build()).path.resolve()
    shape = built(PLANTED).manifest.inputs[0].shape
    output = folder / f"libslowed-{factor:g}.so"
    values = {
        "FACTOR": f"{factor!r}",
        "EXTRA_MIB": str(extra_mib),
        "BYTES": str(4 * math.prod(shape)),
        "THREADS": str(THREADS),
    }
    command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command += [f"-D{name}={value}" for name, value in values.items()]
    command += ["-o", str(output), str(SOURCE), "-Wl,--no-as-needed", str(original), "-ldl"]
    subprocess.run(command, check=True)
    return output


def three_nights(folder: Path, usual: Path, slowed: Path, chosen: argparse.Namespace) -> Drilled:
    """Conduct three nights, the third with the slowed library."""
    folder.mkdir()
    library = folder / "libtensorflowlite.so"
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite(chosen)))
    step = {"suite": "suite.yaml", "options": {"engine-library": f"tflite={library}"}}
    (folder / "night.yaml").write_text(yaml.safe_dump({"name": NAME, "phones": "host", "suites": [step]}))
    command = [sys.executable, "-m", "mobilebench", "nightly", str(folder / "night.yaml"), "--out", str(folder / "out")]
    for file in (usual, usual, slowed):
        shutil.copy(file, library)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 6):
            sys.exit(f"A night ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return judged(past.nights(folder / "out", NAME))


def suite(chosen: argparse.Namespace) -> dict[str, object]:
    """The suite of every night."""
    rule = {"min_predictions": 20, "max_predictions": 2000, "max_seconds": chosen.seconds}
    return {**SUITE, "threads": chosen.threads, "blocks": chosen.blocks, "rule": rule}


def is_planted(change: Change) -> bool:
    """Whether it is of the case that is slowed in the third night."""
    return f"/tflite/cpu/xnnpack/t{THREADS}/{PLANTED}/" in change.case


def judged(nights: list[Night]) -> Drilled:
    """What these three nights found."""
    planted = [one for one in nights[-1].worse if is_planted(one)]
    unchanged = [
        (number, one)
        for number, night in enumerate(nights, 1)
        for one in night.changes
        if not (number == len(nights) and is_planted(one))
    ]
    return Drilled(
        slower=next((one for one in planted if one.stage == "prediction"), None),
        more=next((one for one in planted if one.quantity is not None), None),
        invented=tuple(f"night {number}: {one.case}, {one.what}, {one.call}" for number, one in unchanged if one.worse),
        called=sum(one.call in ("slower", "faster", "more", "less") for _, one in unchanged),
        compared=sum(one.ratio is not None for _, one in unchanged),
    )


def row(number: int, one: Drilled) -> str:
    """One line of the table."""
    increase = "missed"
    if one.more and one.more.before and one.more.after:
        increase = f"{(one.more.after - one.more.before) / 1024:.1f}"
    counts = (len(one.invented), one.called, one.compared)
    cells = (str(number), *_change(one.slower), increase, *_change(one.more), *map(str, counts))
    return f"| {' | '.join(cells)} |"


def _change(change: Change | None) -> tuple[str, str]:
    if change is None or change.ratio is None or change.interval is None:
        return "missed", "–"
    return f"{change.ratio:.3f}", f"{change.interval[0]:.3f}–{change.interval[1]:.3f}"


def direct_ratio(folder: Path, usual: Path, slowed: Path, chosen: argparse.Namespace) -> Ratio:
    """How many times as long the planted case takes with the slowed library: one block of each, in turn."""
    folder.mkdir()
    (folder / "suite.yaml").write_text(yaml.safe_dump({**suite(chosen), "threads": [THREADS], "blocks": 1}))
    medians: dict[Path, list[float]] = {usual: [], slowed: []}
    for pair in range(chosen.pairs):
        for file in (usual, slowed) if pair % 2 == 0 else (slowed, usual):
            medians[file].append(_median_of_one_block(folder, file))
    return paired_ratio(medians[slowed], medians[usual])


def _median_of_one_block(folder: Path, library: Path) -> float:
    command = [sys.executable, "-m", "mobilebench", "run", "--serial", "host", "--suite", str(folder / "suite.yaml")]
    command += ["--engine", "tflite", "--model", PLANTED, "--engine-library", f"tflite={library}"]
    done = subprocess.run([*command, "--out", str(folder / "out")], capture_output=True, text=True, check=False)
    with Store.open(folder / "out", create=False) as store:
        run: Run = store.load("last")
    found = [block.measurement for block in run.blocks if block.measurement]
    if not found:
        sys.exit(f"The planted case was not measured:\n{done.stdout}{done.stderr}")
    times = sorted(found[0].prediction_ms)
    return times[len(times) // 2]


def size_sentence(ratio: Ratio) -> str:
    """The size of the regression, as it was measured in turn."""
    return f"The planted case, slowed over usual library, measured in turn: {ratio}."


if __name__ == "__main__":
    sys.exit(main())
