"""EXAMPLE DATA: stores with many nights, made up for tests of the site. No number in it was ever measured."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from mobilebench.core.records import Block, Case, Download, PlannedBlock, Run, StoredEvent, TargetInfo
from mobilebench.results.store import Store
from tests.analysis import example, runs

BEGIN = datetime(2025, 7, 1, 1, 30, tzinfo=UTC)
WAYS = (
    ("tflite", "xnnpack", "mobilenet_v2"),
    ("onnxruntime", "", "mobilenet_v2"),
    ("tfjs", "simd-threads", "mobilenet_v2"),
    ("tfjs", "simd-threads", "example_net"),
    ("tflite", "xnnpack", "example_net"),
    ("onnxruntime", "", "example_net"),
)
_PAGE = {
    "threads_at_work": 2,
    "downloads": [
        Download(
            name="model.json",
            bytes=1000,
            decoded_bytes=1000,
            start_ms=1.0,
            page_ms=3.0,
            from_cache=False,
            server_bytes=1000,
            server_ms=2.0,
            encoding="identity",
        )
    ],
    "download_path": "loopback",
    "runs_in": "main thread",
    "focused": True,
    "renderer_fresh": True,
}
Factor = Callable[[int, Case], float | None]
"""Night and case to the factor of its time; None: it failed in this night."""


def phone(serial: str = "R5CT10ABCDE", build: str = "AP2A.240905.003", soc: str = "Snapdragon 8 Gen 2") -> TargetInfo:
    """A made-up real phone."""
    return TargetInfo(
        id=serial,
        kind="android",
        machine=serial,
        name="Example Phone Real",
        manufacturer="Example Maker",
        soc=soc,
        os="Android 14",
        abi="arm64-v8a",
        runner="android-arm64-v8a",
        cores=8,
        memory_mb=7600,
        gpu="Example GPU 740",
        browsers={"chrome": "156.0.0.0"},
        facts={"ro.build.fingerprint": f"example/phone/{build}"},
    )


def targets(build: str = "AP2A.240905.003") -> list[TargetInfo]:
    """A real phone, a virtual one and a computer."""
    return [phone(build=build), example.PHONES[0], example.host()]


def cases(found: Sequence[TargetInfo], ways: Sequence[tuple[str, str, str]] = WAYS) -> list[Case]:
    return [example.case(target.id, *way) for target in found for way in ways]


@cache
def _answer(case: Case, version: str) -> Any:
    made = runs.answer(case, 10.0)
    if case.browser:
        made = made.model_copy(update={"proof": made.proof.model_copy(update=_PAGE)})
    return made.model_copy(update={"version": version})


def night(
    number: int,
    factor: Factor = lambda _night, _case: 1.0,
    *,
    versions: Callable[[int, str], str] = lambda _night, _engine: "1.0.0",
    build: Callable[[int], str] = lambda _night: "AP2A.240905.003",
    noise: float = 0.01,
    ways: Sequence[tuple[str, str, str]] = WAYS,
    seed: int = 0,
    **info: Any,
) -> Run:
    """Night `number`, with three blocks of each case, and this much noise between nights and a third between blocks."""
    rng = random.Random(f"{seed}/{number}")
    found = targets(build(number))
    begun = BEGIN + timedelta(days=number)
    chosen = cases(found, ways)
    luck = {case: rng.gauss(0, noise) for case in chosen}
    planned, blocks = [], []
    for round_ in (1, 2, 3):
        for case in chosen:
            plan = PlannedBlock(index=len(planned), round=round_, case=case, rule=example.RULE)
            planned.append(plan)
            own = factor(number, case)
            if own is None:
                blocks.append(example.unmeasured(plan, "failed", "The runner ended by signal 11.", started=begun))
                continue
            ms = 10.0 * own * (1 + luck[case] + rng.gauss(0, noise / 3))
            blocks.append(_block(plan, _answer(case, versions(number, case.engine)), ms, begun))
    about = example.info(found).model_copy(
        update={
            "id": f"{begun:%Y%m%d-%H%M%S}-{number:04}",
            "created_at": begun,
            "finished_at": begun + timedelta(hours=1),
            "suite": "nightly",
            **info,
        }
    )
    facts = {case.model: runs.facts(case) for case in chosen}
    return Run(info=about, planned=planned, blocks=blocks, models=list(facts.values()))


def _block(plan: PlannedBlock, answer: Any, ms: float, begun: datetime) -> Block:
    times = {
        "prediction_ms": [ms] * example.RULE.min_predictions,
        "warmup_ms": [ms * 2],
        "setup_ms": {"model_init": ms * 3},
    }
    return example.measured(plan, answer.model_copy(update=times), started=begun)


def stored(folder: Path, *nights: Run, events: Sequence[StoredEvent] = ()) -> Path:
    """A store in this folder with these nights; the events are of the last one."""
    with Store.open(folder) as store:
        last = len(nights) - 1
        store.add([(run, events if number == last else ()) for number, run in enumerate(nights)], lambda: None)
    return folder


def skipped(target: str = "R5CT10ABCDE", reason: str = "it is at 44 °C") -> StoredEvent:
    return StoredEvent(at=BEGIN, kind="TargetSkipped", target=target, data={"reason": reason, "hint": None})


def story(number: int, case: Case) -> float | None:
    """What happens over 500 nights: an engine's release at 200, a build of the phone at 350, a failure, an outlier."""
    if case.engine == "tfjs" and case.model == "example_net" and number % 50 in (7, 8):
        return None
    made = 1.0
    if case.engine == "tflite" and number >= 200:
        made *= 1.08
    if case.target == "R5CT10ABCDE" and number >= 350:
        made *= 0.9
    if number % 97 == 13:
        made *= 1.5
    if case.engine == "onnxruntime" and number >= 495:
        made *= 1.12
    return made


def releases(number: int, engine: str) -> str:
    if engine == "tflite":
        return "2.18.0" if number < 200 else "2.19.0"
    return "1.29.0" if number < 495 else "1.30.0"


def long_store(folder: Path, count: int = 500) -> Path:
    """A store with this many nights of `story`."""
    made = (
        night(number, story, versions=releases, build=lambda n: "AP2A.240905.003" if n < 350 else "AP3A.241005.015")
        for number in range(500 - count, 500)
    )
    return stored(folder, *made, events=[skipped()])
