"""How fast our page predicts, against a page with a hand-written loop around the same framework file and model.

A fresh browser each, one thread, in interleaved pairs whose order alternates. Promise: at most 1.03 on mobilenet_v2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from threading import Event

from benchmarks.ratios import Ratio, paired_ratio
from mobilebench import paths
from mobilebench.browsers import cdp, chrome
from mobilebench.browsers.server import PageServer
from mobilebench.engines import web
from mobilebench.engines.registry import engines
from mobilebench.models import cache
from mobilebench.models.inputs import fill
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.results.records import BlockRule, Case, PlannedBlock
from mobilebench.targets import host

MODEL = "mobilenet_v2"
SETTINGS: dict[str, tuple[str, Format]] = {"tfjs": ("simd", "tfjs"), "ortjs": ("simd-threads", "onnx")}
"""Engine to the wasm setting and the model format that are measured."""
BARE_PAGE = Path(__file__).parent / "bare_page"
PATIENCE_S = 300


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--predictions", type=int, default=60, help="predictions per browser, after one warmup")
    parser.add_argument("--engines", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    chosen = parser.parse_args(arguments)
    print("| model | engine | p50 page, ms | p50 bare loop, ms | page / bare | 95 % interval | pairs |")
    print("|---|---|---:|---:|---:|---|---:|")
    files = built()
    for engine in chosen.engines:
        ours, theirs = measure(files, engine, chosen.pairs, chosen.predictions)
        print(row(engine, ours, theirs, paired_ratio(ours, theirs)), flush=True)
    web.close()
    return 0


def built() -> ModelFiles:
    """The model, which has to be built already."""
    files = cache.find(MODEL)
    if files is None:
        sys.exit(f"{MODEL} is not built: run `mobilebench models build {MODEL}`.")
    return files


def input_file(files: ModelFiles, folder: Path) -> Path:
    """The published input as a file: both pages compute on the same values."""
    path = folder / "input.bin"
    path.write_bytes(fill(files.manifest.inputs[0], 0).tobytes())
    return path


def measure(files: ModelFiles, engine: str, pairs: int, predictions: int) -> tuple[list[float], list[float]]:
    """p50 in ms of every page of ours and of every bare one, pair by pair."""
    ours: list[float] = []
    theirs: list[float] = []
    server = PageServer(paths.web_pages())
    with tempfile.TemporaryDirectory() as folder:
        values = input_file(files, Path(folder))
        for pair in range(pairs):
            for turn in ("page", "bare") if pair % 2 == 0 else ("bare", "page"):
                if turn == "page":
                    ours.append(page_p50(files, engine, predictions))
                else:
                    theirs.append(bare_p50(server, files, values, engine, predictions))
    server.close()
    return ours, theirs


def page_p50(files: ModelFiles, engine: str, predictions: int) -> float:
    """Median prediction of one block, measured as every block is."""
    rule = BlockRule(min_predictions=predictions, max_predictions=predictions, max_seconds=PATIENCE_S)
    case = Case(
        target=host.HOST,
        engine=engine,
        backend="wasm",
        setting=SETTINGS[engine][0],
        threads=1,
        browser="chrome",
        model=MODEL,
    )
    block = PlannedBlock(index=0, round=0, case=case, rule=rule)
    result = engines()[engine].measure(host.HostTarget(host.describe()), block, files, cancel=Event())
    return statistics.median(result.measurement.prediction_ms)


def bare_p50(server: PageServer, files: ModelFiles, values: Path, engine: str, predictions: int) -> float:
    """Median prediction of the hand-written loop in a fresh browser with the same flags."""
    spec = files.manifest.inputs[0]
    entry = files.manifest.formats[SETTINGS[engine][1]]
    names = {
        "input": entry.inputs[spec.name],
        "output": entry.outputs[files.manifest.outputs[0]],
        "shape": spec.shape,
    }
    served = {name: BARE_PAGE / name for name in ("bare.html", "bare.js")}
    model = {f"model/{name}": files.folder / name for name in (entry.path, *entry.parts)}
    alias = {"model/model.onnx": files.folder / entry.path} if engine == "ortjs" else {}
    alias["input.bin"] = values
    with (
        server.visit({**served, **model, **alias}) as visit,
        chrome.launch() as running,
        cdp.open_page(running.address) as page,
    ):
        page.open(f"http://127.0.0.1:{server.port}{visit.path}bare.html")
        answer = page.evaluate(f"bare({json.dumps(engine)}, {json.dumps(names)}, {predictions})", timeout=PATIENCE_S)
    predictions_ms: list[float] = json.loads(answer)
    return statistics.median(predictions_ms)


def row(engine: str, ours: list[float], theirs: list[float], ratio: Ratio) -> str:
    """One line of the table."""
    p50 = f"{statistics.median(ours):.3f} | {statistics.median(theirs):.3f}"
    case = f"{engine} wasm {SETTINGS[engine][0]}"
    return f"| {MODEL} | {case} | {p50} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} |"


if __name__ == "__main__":
    sys.exit(main())
