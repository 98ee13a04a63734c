"""How much watching every operator costs: predictions of a kernels pass against those of a timing pass.

A fresh process each, in interleaved pairs whose order alternates. Promise: at most 1.10 on mobilenet_v2, or it is said
by how much the pass distorts. The last column is what the operators add up to, as a share of the
same pass's predictions.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from benchmarks.blocks import MODELS, PREDICTIONS, built, measured, p50
from benchmarks.ratios import Ratio, paired_ratio
from mobilebench.core.records import Measurement
from mobilebench.models.manifest import ModelFiles

PROMISED = 1.10
ENGINES = ("tflite", "onnxruntime", "tensorflow")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--predictions", type=int, help="per process, after one warmup; else a second of them or so")
    parser.add_argument("--models", nargs="+", default=["mobilenet_v2"], choices=MODELS)
    parser.add_argument("--engines", nargs="+", default=ENGINES[:2], choices=ENGINES)
    chosen = parser.parse_args(arguments)
    print("| model | engine | kernels / timing | 95 % interval | pairs | kept | operators / whole |")
    print("|---|---|---:|---|---:|---|---:|")
    distorted = []
    for model in chosen.models:
        for engine in chosen.engines:
            predictions = chosen.predictions or PREDICTIONS[model] // 2
            watched, plain, shares = measure(built(model), engine, chosen.pairs, predictions)
            ratio = paired_ratio(watched, plain)
            print(row(model, engine, ratio, shares), flush=True)
            distorted += [distortion(model, engine, ratio)] if ratio.median > PROMISED else []
    print(
        "\n" + ("\n".join(distorted) or f"Promise kept: no kernels pass takes more than {PROMISED:g} of a plain one.")
    )
    return 0


def measure(
    files: ModelFiles, engine: str, pairs: int, predictions: int
) -> tuple[list[float], list[float], list[float]]:
    """p50 in ms of every kernels pass and of every timing pass, pair by pair; and what operators add up to."""
    watched: list[float] = []
    plain: list[float] = []
    shares: list[float] = []
    for pair in range(pairs):
        for turn in ("kernels", "timing") if pair % 2 == 0 else ("timing", "kernels"):
            if turn == "kernels":
                seen = measured(files, engine, predictions, pass_="kernels")
                watched.append(p50(seen))
                shares.append(told_share(seen))
            else:
                plain.append(p50(measured(files, engine, predictions)))
    return watched, plain, shares


def told_share(seen: Measurement) -> float:
    """Median over predictions of the operators' times together, as a share of the prediction's.

    Raises:
        ValueError: the pass told no operator.
    """
    if not seen.kernels:
        raise ValueError(f"the kernels pass of {seen.engine} told no operator")
    sums = [sum(times) for times in zip(*(kernel.times_ms for kernel in seen.kernels), strict=True)]
    shares: list[float] = [told / whole for told, whole in zip(sums, seen.prediction_ms, strict=True)]
    return statistics.median(shares)


def row(model: str, engine: str, ratio: Ratio, shares: list[float]) -> str:
    """One line of the table."""
    kept = "yes" if ratio.median <= PROMISED else "**no**"
    told = f"{statistics.median(shares):.3f}"
    return f"| {model} | {engine} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} | {kept} | {told} |"


def distortion(model: str, engine: str, ratio: Ratio) -> str:
    """What a reader of such a pass has to know."""
    return (
        f"A kernels pass of {model} on {engine} distorts: its predictions take {ratio.median:.2f} times as long as "
        f"plain ones (95 % interval {ratio.interval}). Shares of operators hold, their times are too long."
    )


if __name__ == "__main__":
    sys.exit(main())
