"""EXAMPLE DATA, made up: pages that compiled, read back and downloaded. No number in it was ever measured."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from mobilebench.core.records import (
    Case,
    Compilation,
    Download,
    DownloadPath,
    FileProof,
    Measurement,
    PlannedBlock,
    Run,
)
from tests.analysis import example
from tests.ways import chosen

WASM = example.case("host", "tfjs", "simd")
WEBGL = example.case("host", "tfjs", "software")
SHIPPED = replace(WASM, loader="as-shipped", link="4g")
WARM = replace(WASM, caches="warm")
NATIVE = example.case("host", "tflite", "xnnpack")


def answer(
    of: Case, *, compiled: bool = False, read_back: float | None = None, path: DownloadPath = "loopback", seed: int = 3
) -> Measurement:
    """A page's block: 2 MB of framework and 3 MB of model, read back for a share of each prediction."""
    made = example.measurement(of, example.SHAPES[of.engine, chosen(of)], random.Random(seed), 6)
    files = [
        Download(
            name=name, bytes=size, decoded_bytes=size, start_ms=0, page_ms=1, from_cache=of.caches == "warm",
            encoding=of.encoding,
        )
        for name, size in (("frameworks/tfjs/wasm.js", 2_000_000), ("model/tfjs/model.json", 3_000_000))
    ]  # fmt: skip
    proof = made.proof.model_copy(
        update={
            "downloads": files,
            "download_path": path,
            "download_turns_ms": [40.0, 60.0],
            "caches_asked": of.caches,
            "focused": True,
            "runs_in": "main thread",
            "browser_program": "chromium",
            "threads_alive": 3,
            "threads_at_work": of.threads,
            "thread_cpu_ms": [120.5, 110.25],
            "renderer_process": 4711,
            "renderer_fresh": True,
            "power_preference": "high-performance" if of.backend == "webgl" else None,
            "files": [*made.proof.files, FileProof(name="bench.js", sha256="ab" * 32, bytes=900)],
        }
    )
    return made.model_copy(
        update={
            "proof": proof,
            "setup_ms": {"as_shipped": 240.0} if of.loader == "as-shipped" else made.setup_ms,
            "compilation": {"warmup": Compilation(shaders=12, pipelines=6, ms=94.0)} if compiled else {},
            "readback_ms": [] if read_back is None else [read_back * ms for ms in made.prediction_ms],
        }
    )


def run_of(answers: Iterable[tuple[Case, Measurement]]) -> Run:
    """A finished run with one block for each of these."""
    found = list(answers)
    plans = [
        PlannedBlock(
            index=index, round=1 + [case for case, _ in found[:index]].count(case), case=case, rule=example.RULE
        )
        for index, (case, _) in enumerate(found)
    ]
    blocks = [example.measured(plan, made) for plan, (_, made) in zip(plans, found, strict=True)]
    return Run(info=example.info([example.host()]), planned=plans, blocks=blocks)


def page_run() -> Run:
    """A native case, and pages on Wasm (also warm, and by the engine's own loader over 4g) and on WebGL."""
    native = example.measurement(NATIVE, example.SHAPES["tflite", "xnnpack"], random.Random(1), 6)
    return run_of(
        [
            (NATIVE, native),
            (WASM, answer(WASM, read_back=0.001)),
            (WARM, answer(WARM, read_back=0.001)),
            (SHIPPED, answer(SHIPPED, read_back=0.001, path="shaped")),
            *((WEBGL, answer(WEBGL, compiled=True, read_back=0.9, seed=seed)) for seed in (3, 4)),
        ]
    )
