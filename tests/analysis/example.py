"""EXAMPLE DATA, made up for tests and for looking at the report. No number in it was ever measured.

`example_run()` has the shape of suite `quick` on this computer and two virtual phones, with every outcome and verdict.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from mobilebench.core.records import (
    Block,
    BlockRule,
    Case,
    DelegateShare,
    FileProof,
    Measurement,
    OutputSummary,
    PlannedBlock,
    Proof,
    Run,
    RunInfo,
    Sample,
    Series,
    TargetInfo,
    Verdict,
)
from tests.ways import axes
from tests.ways import chosen as choice_of

CPU = "Example CPU E-1000 @ 2.50GHz"
START = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)
RULE = BlockRule()


@dataclass(frozen=True)
class Shape:
    """Made-up times of one way to run an engine, in milliseconds, for mobilenet_v2."""

    setup: dict[str, float]
    warmup: float
    prediction: float


NATIVE_SETUP = {"library_load": 3.1, "model_read": 6.0, "session_creation": 9.0}
WEB_SETUP = {"framework_download": 38.0, "framework_init": 60.0, "model_download": 52.0, "model_init": 90.0}
SHAPES = {
    ("tflite", "xnnpack"): Shape({**NATIVE_SETUP, "delegate_preparation": 5.5}, 9.0, 6.1),
    ("onnxruntime", ""): Shape({**NATIVE_SETUP, "library_load": 11.0, "session_creation": 31.0}, 8.1, 7.4),
    ("tfjs", "plain"): Shape(WEB_SETUP, 170.0, 118.0),
    ("tfjs", "simd"): Shape(WEB_SETUP, 71.0, 31.0),
    ("tfjs", "simd-threads"): Shape(WEB_SETUP, 66.0, 19.5),
    ("tfjs", "software"): Shape(WEB_SETUP, 940.0, 160.0),
    ("ortjs", "simd-threads"): Shape({**WEB_SETUP, "framework_download": 140.0}, 41.0, 23.0),
    ("ortjs", "software"): Shape({**WEB_SETUP, "framework_download": 210.0}, 2900.0, 410.0),
}


def host() -> TargetInfo:
    return TargetInfo(
        id="host",
        kind="host",
        machine="0123456789ab",
        name="example-pc",
        soc=CPU,
        os="Debian GNU/Linux 12",
        abi="x86_64",
        runner="linux-x86_64",
        cores=2,
        memory_mb=7936,
        gpu="SwiftShader",
        gpu_software=True,
        browsers={"chrome": "156.0.0.0"},
    )


def virtual_phone(serial: str, name: str, profile: str, soc: str, android: str) -> TargetInfo:
    return TargetInfo(
        id=serial,
        kind="android",
        machine="0123456789ab",
        virtual=True,
        name=name,
        manufacturer="Example Maker",
        soc=f"virtual: {CPU}",
        profile=profile,
        profile_soc=soc,
        os=android,
        abi="arm64-v8a",
        runner="linux-x86_64",
        cores=8,
        memory_mb=7600,
        gpu="Example GPU 740",
        gpu_software=True,
        browsers={"chrome": "156.0.0.0"},
        battery_percent=83,
    )


PHONES = (
    virtual_phone("127.0.0.1:15555", "Example Phone 8", "snapdragon-8-gen-2", "Snapdragon 8 Gen 2", "Android 14"),
    virtual_phone("127.0.0.1:15556", "Example Phone P", "tensor-g3", "Google Tensor G3", "Android 15"),
)


def case(target: str, engine: str, choice: str, model: str = "mobilenet_v2", threads: int = 2) -> Case:
    web = engine in {"tfjs", "ortjs"}
    backend = {"hardware": "webgpu" if engine == "ortjs" else "webgl"}.get(choice, "wasm" if web else "cpu")
    if choice == "software":
        backend = "webgpu" if engine == "ortjs" else "webgl"
    return Case(
        target=target,
        engine=engine,
        backend=backend,
        threads=threads,
        browser="chrome" if web else None,
        model=model,
        **axes(engine, backend, choice),
    )


def measurement(of: Case, shape: Shape, rng: random.Random, count: int = 20) -> Measurement:
    """A made-up answer around `shape`, with about 2 % of noise between blocks and 1 % within."""
    luck = rng.lognormvariate(0, 0.02)

    def around(value: float, spread: float = 0.01) -> float:
        return round(value * luck * rng.lognormvariate(0, spread), 4)

    web = of.browser is not None
    name = {"tflite": "libtensorflowlite_c.so", "onnxruntime": "libonnxruntime.so.1.29.0"}.get(of.engine)
    name = name or ("tfjs-backend-wasm-threaded-simd.wasm" if of.engine == "tfjs" else "ort-wasm-simd-threaded.wasm")
    suffix = {"tflite": "tflite", "onnxruntime": "onnx", "ortjs": "onnx", "tfjs": "json"}.get(of.engine, "bin")
    sources = {"tfjs": "tf.wasm.getThreadsCount()", "ortjs": "ort.env.wasm.numThreads"}
    proof = Proof(
        files=[_file(name, 3_800_000), _file(f"{of.model}.{suffix}", 13_900_000)],
        backend=of.backend,
        threads=of.threads,
        threads_source=sources.get(of.engine, "busy threads counted by CPU time"),
        thread_cpu_ms=[] if web else [round(around(120), 1) for _ in range(of.threads)],
        simd=None if not web else of.wasm_build != "plain",
        graph_nodes=66,
        delegates=[DelegateShare(name="XNNPACK", nodes=66, partitions=1)] if of.engine == "tflite" else [],
        cpu_features=["avx2", "fma"],
        clock_resolution_ms=0.005 if web else 0.000001,
        clock_cost_ms=0.000041,
        browser_version="156.0.0.0" if web else None,
        user_agent="Mozilla/5.0 (X11; Linux x86_64) Example" if web else None,
        cross_origin_isolated=True if web else None,
        hardware_concurrency=4 if web else None,
        hardware_concurrency_overridden=True if web else None,
        visible=True if web else None,
        renderer="ANGLE (Example, SwiftShader)" if of.gpu == "software" else None,
        renderer_software=True if of.gpu == "software" else None,
        flags=["--headless", "--disable-quic"] if web else [],
        environment={} if web else {"ORT_DISABLE_TELEMETRY": "1"},
    )
    return Measurement(
        schema_="mobilebench/measurement/1",
        status="ok",
        engine=of.engine,
        version={"tflite": "2.18.0", "onnxruntime": "1.29.0", "tfjs": "4.22.0"}.get(of.engine, "1.30.0"),
        proof=proof,
        setup_ms={part: around(value, 0.08) for part, value in shape.setup.items()},  # type: ignore[misc]
        warmup_ms=[around(shape.warmup, 0.07)],
        prediction_ms=[around(shape.prediction) for _ in range(count)],
        output=[output(of.model)],
    )


def output(model: str, size: int | None = None) -> OutputSummary:
    width = size or (1000 if model == "mobilenet_v2" else 2)
    return OutputSummary(
        name="logits",
        shape=[1, width],
        l1=float(width),
        l2=1.5,
        max=0.9,
        digest="1a2b3c4d",
        sample=Sample(index=[0, 1], value=[0.25, 0.5]),
    )


def _file(name: str, size: int) -> FileProof:
    return FileProof(name=name, sha256=sha256(name.encode()).hexdigest(), bytes=size)


def measured(
    planned: PlannedBlock,
    answer: Measurement,
    *,
    verdict: Verdict | None = None,
    started: datetime = START,
    series: Sequence[Series] = (),
) -> Block:
    busy = sum(answer.setup_ms.values()) + sum(answer.warmup_ms) + sum(answer.prediction_ms)
    web = planned.case.browser is not None
    spent = {"push": 4.0, "launch": 320.0 if web else 35.0, "gate": 12.0, "measure": busy, "store": 6.0}
    return Block(
        planned=planned,
        outcome="measured",
        measurement=answer,
        verdict=verdict or Verdict(status="valid"),
        started_at=started,
        ended_at=started + timedelta(milliseconds=sum(spent.values())),
        spent_ms=spent,  # type: ignore[arg-type]
        series=list(series),
    )


def unmeasured(planned: PlannedBlock, outcome: str, reason: str, *, started: datetime = START) -> Block:
    return Block(
        planned=planned,
        outcome=outcome,  # type: ignore[arg-type]
        reason=reason,
        started_at=started,
        ended_at=started + timedelta(milliseconds=3),
    )


def info(targets: Sequence[TargetInfo]) -> RunInfo:
    return RunInfo(
        id="20260102-093000-example",
        created_at=START,
        finished_at=START + timedelta(minutes=2),
        status="finished",
        mobilebench_version="0.1.0",
        suite="quick",
        suite_definition={"name": "quick", "blocks": 2},
        seed=42,
        command=["mobilebench", "run", "--serial", "all", "--suite", "quick"],
        targets=list(targets),
        weights={"mobilenet_v2": "seeded", "bert_small": "seeded"},
    )


def example_run(seed: int = 7, rounds: int = 2) -> Run:
    """Suite `quick` on `host` and two virtual phones; all values are made up from `seed`."""
    rng = random.Random(seed)
    targets = [host(), *PHONES]
    planned = list(_plan(rng, rounds))
    blocks: list[Block] = []
    clock = START
    for plan in planned:
        block = _block(plan, rng, clock)
        blocks.append(block)
        clock = block.ended_at + timedelta(milliseconds=8)
    return Run(info=info(targets), planned=planned, blocks=blocks)


def _plan(rng: random.Random, rounds: int) -> Iterator[PlannedBlock]:
    index = 0
    for number in range(1, rounds + 1):
        cases = [c for c in _cases() if number == 1 or c.gpu is None]
        rng.shuffle(cases)
        for chosen in cases:
            yield PlannedBlock(index=index, round=number, case=chosen, rule=RULE)
            index += 1


def _cases() -> list[Case]:
    ways = [("tflite", "xnnpack", 2), ("onnxruntime", "", 2), ("tfjs", "plain", 1), ("tfjs", "simd", 1)]
    ways += [("tfjs", "simd-threads", 2), ("ortjs", "simd-threads", 2)]
    found = []
    for model in ("mobilenet_v2", "bert_small"):
        found += [case("host", engine, choice, model, threads) for engine, choice, threads in ways]
        for phone in PHONES:
            for engine, choice in (("tflite", "xnnpack"), ("onnxruntime", ""), ("tfjs", "simd-threads")):
                found.append(case(phone.id, engine, choice, model))
    found += [case("host", engine, "software", "bert_small", 1) for engine in ("tfjs", "ortjs")]
    return [*found, case("host", "tfjs", "hardware", "bert_small", 1)]


def _block(plan: PlannedBlock, rng: random.Random, clock: datetime) -> Block:
    chosen = plan.case
    if chosen.gpu == "hardware":
        return unmeasured(
            plan, "unsupported", "This computer has no GPU: pictures are drawn by SwiftShader.", started=clock
        )
    if chosen.target == PHONES[1].id and chosen.engine == "tfjs" and chosen.model == "bert_small" and plan.round == 2:
        return unmeasured(plan, "failed", "The page did not answer within 60 s.", started=clock)
    shape = SHAPES[chosen.engine, choice_of(chosen)]
    if chosen.model == "bert_small":
        shape = replace(shape, warmup=shape.warmup * 0.6, prediction=shape.prediction * 0.45)
    verdict = Verdict(status="valid")
    if chosen.target == PHONES[0].id and chosen.engine == "onnxruntime":
        verdict = Verdict(status="suspect", reasons=["The machine's load was 1.8 before the block (limit 1.0)."])
    if chosen.target == "host" and chosen.engine == "ortjs" and chosen.model == "mobilenet_v2":
        verdict = Verdict(
            status="invalid",
            reasons=["Output `logits` differs from the reference by 3.1e-2 of its scale (limit 1e-4)."],
        )
    count = 3 if chosen.gpu == "software" else 20
    heat = Series(
        recorder="thermal", name="cpu", unit="°C", times_ms=[0, 900], values=[41.0, round(rng.uniform(41, 46), 1)]
    )
    answer = measurement(chosen, shape, rng, count)
    return measured(plan, answer, verdict=verdict, started=clock, series=[heat])
