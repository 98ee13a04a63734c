"""What the kernels of a page add up to, against the same pass's predictions, and how much watching them costs.

A fresh browser each, one thread, in interleaved pairs of a kernels pass and a timing pass, whose order alternates.
Promise: the kernels are within 10 % of the whole on wasm, or it is said what is missing: what lies around and between
them, such as tensors that are made of the input and read back, and the framework's own way from one kernel to the next.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from threading import Event

from benchmarks.blocks import built, p50
from benchmarks.kernels_pass import told_share
from benchmarks.ratios import Ratio, paired_ratio
from mobilebench.core.records import BlockRule, Case, Measurement, Pass, PlannedBlock
from mobilebench.engines import web
from mobilebench.engines.registry import engines
from mobilebench.models.manifest import ModelFiles
from mobilebench.targets import host

WASM_BUILDS = {"tfjs": "simd", "tfjs@4.2": "simd", "ortjs": "simd-threads", "ortjs@1.18": "simd", "ortjs@1.14": "simd"}
"""Engine to the Wasm build that is measured."""
MODELS = ("mobilenet_v2", "bert_small")
PROMISED = 0.10


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--predictions", type=int, default=40, help="per browser, after one warmup")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--engines", nargs="+", default=["tfjs", "ortjs"], choices=WASM_BUILDS)
    parser.add_argument("--browser", default="chrome", choices=("chrome", "firefox"))
    chosen = parser.parse_args(arguments)
    print("| model | engine | whole, ms | kernels / whole | within 10 % | watched / timing | 95 % interval | pairs |")
    print("|---|---|---:|---:|---|---:|---|---:|")
    missing = []
    for model in chosen.models:
        for engine in chosen.engines:
            watched, plain = measure(built(model), engine, chosen.pairs, chosen.predictions, chosen.browser)
            share = statistics.median(told_share(seen) for seen in watched)
            whole = statistics.median(p50(seen) for seen in watched)
            ratio = paired_ratio([p50(seen) for seen in watched], [p50(seen) for seen in plain])
            print(row(model, engine, whole, share, ratio), flush=True)
            missing += [] if kept(share) else [what_is_missing(model, engine, watched)]
    print("\n" + ("\n".join(missing) or "Promise kept: all kernels add up to within 10 % of the whole."))
    web.close()
    return 0


def measure(
    files: ModelFiles, engine: str, pairs: int, predictions: int, browser: str
) -> tuple[list[Measurement], list[Measurement]]:
    """Every kernels pass and every timing pass, pair by pair."""
    found: dict[Pass, list[Measurement]] = {"kernels": [], "timing": []}
    for pair in range(pairs):
        turns: tuple[Pass, Pass] = ("kernels", "timing") if pair % 2 == 0 else ("timing", "kernels")
        for turn in turns:
            found[turn].append(page(files, engine, predictions, turn, browser))
    return found["kernels"], found["timing"]


def page(files: ModelFiles, engine: str, predictions: int, pass_: Pass, browser: str) -> Measurement:
    """One block in a fresh browser, with exactly this many predictions."""
    case = Case(
        target=host.HOST,
        engine=engine,
        backend="wasm",
        wasm_build=WASM_BUILDS[engine],
        threads=1,
        browser=browser,
        model=files.manifest.model,
    )
    rule = BlockRule(min_predictions=predictions, max_predictions=predictions, max_seconds=600)
    block = PlannedBlock(index=0, round=0, case=case, rule=rule, pass_=pass_)
    chosen = engines()[engine]
    return chosen.measure(chosen.prepare(host.HostTarget(host.describe()), block, files), cancel=Event()).measurement


def kept(share: float) -> bool:
    """Whether the kernels are within 10 % of the whole."""
    return abs(1 - share) <= PROMISED + 1e-9


def row(model: str, engine: str, whole: float, share: float, ratio: Ratio) -> str:
    """One line of the table."""
    within = "yes" if kept(share) else "**no**"
    return (
        f"| {model} | {engine} | {whole:.2f} | {share:.3f} | {within} | {ratio.median:.3f} | {ratio.interval} "
        f"| {ratio.pairs} |"
    )


def what_is_missing(model: str, engine: str, watched: list[Measurement]) -> str:
    """The rest of a prediction, as a whole and for each kernel: between kernels, the framework prepares the next."""
    rests = [
        whole - sum(kernel.times_ms[number] for kernel in seen.kernels)
        for seen in watched
        for number, whole in enumerate(seen.prediction_ms)
    ]
    rest, count = statistics.median(rests), len(watched[0].kernels)
    return (
        f"{model} on {engine}: {rest:.2f} ms of a prediction lie outside of its {count} kernels "
        f"({1000 * rest / count:.0f} µs a kernel): input and output, and the framework's way from kernel to kernel."
    )


if __name__ == "__main__":
    sys.exit(main())
