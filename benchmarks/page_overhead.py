"""How fast our page sets itself up and predicts, against a hand-written page around the same framework files and model.

A fresh browser each, one thread, in interleaved pairs whose order alternates. Promise on mobilenet_v2: predictions at
most 1.02, and each part of setup at most 1.10 or 10 ms more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from benchmarks.ratios import paired_ratio
from mobilebench.browsers import cdp, chrome
from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.engines import web
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.models.synthetic_inputs import fill
from mobilebench.targets import host

MODEL = "mobilenet_v2"
MEASURED: dict[str, tuple[str, Format]] = {"tfjs": ("simd", "tfjs"), "ortjs": ("simd-threads", "onnx")}
"""Engine to the Wasm build and the model format that are measured."""
BARE_PAGE = Path(__file__).parent / "bare_page"
PATIENCE_S = 300
PROMISED = 1.02
PROMISED_SETUP = 1.10
PROMISED_SETUP_MS = 10.0
PREDICTION_HEADER = (
    "| model | engine | p50 page, ms | p50 bare page, ms | page / bare | 95 % interval | pairs | kept |\n"
    "|---|---|---:|---:|---:|---|---:|---|"
)
SETUP_HEADER = (
    "| engine | part of setup | page, ms | bare page, ms | difference, ms | page / bare | 95 % interval | pairs"
    " | kept |\n"
    "|---|---|---:|---:|---:|---:|---|---:|---|"
)


@dataclass(frozen=True)
class Page:
    """What one page told."""

    p50_ms: float
    """Of its predictions."""
    setup_ms: dict[str, float]
    """By part."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--predictions", type=int, default=60, help="predictions per browser, after one warmup")
    parser.add_argument("--engines", nargs="+", default=list(MEASURED), choices=MEASURED)
    chosen = parser.parse_args(arguments)
    files = built()
    setup = [SETUP_HEADER]
    print(PREDICTION_HEADER)
    for engine in chosen.engines:
        ours, theirs = measure(files, engine, chosen.pairs, chosen.predictions)
        print(prediction_row(engine, ours, theirs), flush=True)
        setup += [setup_row(engine, part, ours, theirs) for part in ours[0].setup_ms]
    print("", *setup, sep="\n")
    web.close()
    return 0


def built() -> ModelFiles:
    """The model, which has to be built already."""
    files = obtain.find(MODEL)
    if files is None:
        sys.exit(f"{MODEL} is not built: run `mobilebench models build {MODEL}`.")
    return files


def input_file(files: ModelFiles, folder: Path) -> Path:
    """The published input as a file: both pages compute on the same values."""
    path = folder / "input.bin"
    path.write_bytes(fill(files.manifest.inputs[0], 0).tobytes())
    return path


def measure(files: ModelFiles, engine: str, pairs: int, predictions: int) -> tuple[list[Page], list[Page]]:
    """Every page of ours and every bare one, pair by pair."""
    ours: list[Page] = []
    theirs: list[Page] = []
    server = PageServer(paths.web_pages())
    with tempfile.TemporaryDirectory() as folder:
        values = input_file(files, Path(folder))
        for pair in range(pairs):
            for turn in ("page", "bare") if pair % 2 == 0 else ("bare", "page"):
                if turn == "page":
                    ours.append(our_page(files, engine, predictions))
                else:
                    theirs.append(bare_page(server, files, values, engine, predictions))
    server.close()
    return ours, theirs


def our_page(files: ModelFiles, engine: str, predictions: int) -> Page:
    """One block, measured as every block is."""
    rule = BlockRule(min_predictions=predictions, max_predictions=predictions, max_seconds=PATIENCE_S)
    case = Case(
        target=host.HOST,
        engine=engine,
        backend="wasm",
        wasm_build=MEASURED[engine][0],
        threads=1,
        browser="chrome",
        model=MODEL,
    )
    block = PlannedBlock(index=0, round=0, case=case, rule=rule)
    chosen = engines()[engine]
    result = chosen.measure(chosen.prepare(host.HostTarget(host.describe()), block, files), cancel=Event())
    setup_ms = {str(part): ms for part, ms in result.measurement.setup_ms.items()}
    return Page(statistics.median(result.measurement.prediction_ms), setup_ms)


def bare_page(server: PageServer, files: ModelFiles, values: Path, engine: str, predictions: int) -> Page:
    """The hand-written page in a fresh browser with the same flags."""
    spec = files.manifest.inputs[0]
    entry = files.manifest.formats[MEASURED[engine][1]]
    names = (entry.path, *entry.parts)
    model = {
        "input": entry.inputs[spec.name],
        "output": entry.outputs[files.manifest.outputs[0]],
        "shape": spec.shape,
        "files": [f"model/{name}" for name in names],
    }
    served = {name: BARE_PAGE / name for name in ("bare.html", "bare.js")}
    served |= {f"model/{name}": files.folder / name for name in names} | {"input.bin": values}
    with (
        server.visit(served) as visit,
        chrome.launch() as running,
        cdp.open_page(running.address) as page,
    ):
        page.open(f"http://127.0.0.1:{server.port}{visit.path}bare.html")
        answer = page.evaluate(f"bare({json.dumps(engine)}, {json.dumps(model)}, {predictions})", timeout=PATIENCE_S)
    told = json.loads(answer)
    return Page(statistics.median(told["prediction_ms"]), told["setup_ms"])


def prediction_row(engine: str, ours: list[Page], theirs: list[Page]) -> str:
    """One line of the first table."""
    one, other = [page.p50_ms for page in ours], [page.p50_ms for page in theirs]
    ratio = paired_ratio(one, other)
    p50 = f"{statistics.median(one):.3f} | {statistics.median(other):.3f}"
    kept = "yes" if ratio.median <= PROMISED else "no"
    return f"| {MODEL} | {title(engine)} | {p50} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} | {kept} |"


def setup_row(engine: str, part: str, ours: list[Page], theirs: list[Page]) -> str:
    """One line of the second table."""
    one, other = [page.setup_ms[part] for page in ours], [page.setup_ms[part] for page in theirs]
    ratio = paired_ratio(one, other)
    more = statistics.median(a - b for a, b in zip(one, other, strict=True))
    kept = "yes" if ratio.median <= PROMISED_SETUP or more <= PROMISED_SETUP_MS else "no"
    medians = f"{statistics.median(one):.1f} | {statistics.median(other):.1f} | {more:+.1f}"
    return f"| {title(engine)} | {part} | {medians} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} | {kept} |"


def title(engine: str) -> str:
    """Of a row."""
    return f"{engine} wasm {MEASURED[engine][0]}"


if __name__ == "__main__":
    sys.exit(main())
