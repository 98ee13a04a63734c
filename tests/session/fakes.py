"""A session's surroundings without devices: engines that obey, targets that answer, locks within the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.core.records import BlockRule, Case, Conditions, DeviceConditions, PlannedBlock, Run, TargetInfo
from mobilebench.engines.base import Backend, BlockResult, PreparedCase
from mobilebench.models.manifest import Format, Manifest, ModelFiles
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.recorders.registry import Factory, TargetRecorders
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, RunResult, events, resume, run
from mobilebench.session.dependencies import Dependencies, ModelKey
from mobilebench.suite import Plan
from mobilebench.suite.schema import Suite

from ..results.making import host, measurement

ANSWER = summarise("logits", np.linspace(-1, 1, 10, dtype=np.float32))
USUAL = Conditions()
PROOF = {"backend": "cpu", "threads": 2, "clock_resolution_ms": 1e-6}

SUITE = Suite.model_validate(
    {
        "name": "fake",
        "title": "Fake",
        "description": "For tests",
        "models": ["m"],
        "threads": [2],
        "rule": {},
        "blocks": 2,
        "groups": [{"targets": ["host"], "engines": {"fake": ["cpu"]}}],
    }
)


def manifest(model: str = "m", weights: str = "seeded") -> Manifest:
    return Manifest(
        model=model,
        precision="fp32",
        batch=1,
        weights=weights,
        seed=0,
        inputs=[],
        outputs=["logits"],
        formats={},
        reference=[ANSWER],
        tolerance=1e-4,
        parameters=1,
        built_with={},
    )


@dataclass
class FakeEngine:
    """Measures by calling `behave`; keeps what it was asked for, and when."""

    name: str = "fake"
    kind: str = "native"
    description: str = "for tests"
    backends: tuple[Backend, ...] = (Backend("cpu", "nothing"),)
    format: Format | None = None
    claims_machine: bool = True
    why_no_kernels: str | None = None
    start_seconds: float = 0.0
    behave: Callable[[PlannedBlock, threading.Event], None] = lambda planned, cancel: None
    cannot: Callable[[TargetInfo, Case], str | None] = lambda target, case: None
    report: Callable[[PlannedBlock], dict[str, Any]] = lambda planned: {}
    prepared: list[str] = field(default_factory=list)
    measured: list[int] = field(default_factory=list)
    spans: list[tuple[str, float, float]] = field(default_factory=list)

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        return self.cannot(target, case)

    def prepare(self, target: Any, block: PlannedBlock, files: ModelFiles) -> PreparedCase:
        self.prepared.append(block.case.key)
        return PreparedCase(target, block, files, {"push": 1.5})

    def measure(self, prepared: PreparedCase, *, cancel: threading.Event, traces: Path) -> BlockResult:
        begun = time.monotonic()
        block = prepared.block
        self.measured.append(block.index)
        self.behave(block, cancel)
        self.spans.append((block.case.target, begun, time.monotonic()))
        values = {"engine": "fake", "output": [ANSWER], "proof": PROOF, **self.report(block)}
        if trace := values.get("trace"):
            (traces / trace["name"]).write_bytes(bytes(trace["bytes"]))
        return BlockResult(measurement(**values), {"launch": 2.5})


def sleeping(seconds: float) -> Callable[[PlannedBlock, threading.Event], None]:
    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        if cancel.wait(seconds):
            raise BlockFailed("cancelled")

    return behave


@dataclass
class FakeTarget:
    info: TargetInfo
    notices: tuple[str, ...] = ()
    holds: Callable[[str], DeviceConditions] | None = None
    """What a phone makes of the conditions that are asked of it."""

    def conditions(self, asked: str) -> DeviceConditions | None:
        return self.holds(asked) if self.holds else None

    def observe(self, argv: Any, *, timeout: float, cancel: threading.Event | None = None) -> Any:
        raise BlockFailed("A target for tests has no shell.")


@dataclass
class World:
    """Everything around a session."""

    engine: FakeEngine = field(default_factory=FakeEngine)
    attached: list[TargetInfo] = field(default_factory=lambda: [host()])
    models: dict[str, ModelFiles | BadInput] = field(default_factory=dict)
    unknown_models: dict[str, str] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)
    put_back: list[str] = field(default_factory=list)
    notices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    holds: Callable[[str], DeviceConditions] | None = None
    """What phones make of the conditions that are asked of them."""
    readers: dict[str, Factory] = field(default_factory=dict)
    """Recorders that read a target, by name; none unless a test sets some."""
    met: Callable[[TargetInfo], TargetInfo | None] = lambda info: info
    """What is attached in place of a target when it is looked for."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Serial and state of each phone that adb was asked to connect again."""
    can_ask: bool = False
    """Whether adb can do something about a phone that is away."""
    other_serials: dict[str, str] = field(default_factory=dict)
    """Serial to another one under which the same phone is attached."""
    _turns: dict[str, threading.Lock] = field(default_factory=dict)

    def dependencies(self) -> Dependencies:
        return Dependencies(
            engine=lambda name: self.engine,  # type: ignore[arg-type, return-value]
            discover=lambda names: list(self.attached),
            meet=lambda info: self.met(info),
            reach_again=self._reach_again,
            other_serial=lambda info: self.other_serials.get(info.id),
            open_target=self._open,  # type: ignore[arg-type]
            device_lock=self._lock,
            machine_turn=self._turn,
            model=self._model,
            built_model=lambda key: self._model(key, lambda step: None),
            why_no_model=lambda key: self.unknown_models.get(key[0]),
            recorders=lambda: TargetRecorders(self.readers),
        )

    def _reach_again(self, info: TargetInfo, state: str) -> bool:
        self.asked.append((info.id, state))
        return self.can_ask

    @contextmanager
    def _open(self, info: TargetInfo, lease: None, cancel: threading.Event) -> Iterator[FakeTarget]:
        if info.id in self.dead:
            raise TargetLost(f"{info.id} does not answer.", hint="Plug it in.")
        self.opened.append(info.id)
        try:
            yield FakeTarget(info, self.notices.get(info.id, ()), self.holds)
        finally:
            self.put_back.append(info.id)

    @contextmanager
    def _lock(self, info: TargetInfo, run: str) -> Iterator[None]:
        target = info.id
        if target in self.locked:
            raise BadInput(f"{target} is being measured by pid 1.", hint="Wait.")
        self.locked.add(target)
        try:
            yield
        finally:
            self.locked.discard(target)

    @contextmanager
    def _turn(self, machine: str, cancel: threading.Event) -> Iterator[None]:
        with self._turns.setdefault(machine, threading.Lock()):
            yield

    def _model(self, key: ModelKey, progress: Callable[[str], None]) -> ModelFiles:
        found = self.models.get(key[0], ModelFiles(Path("/nowhere"), manifest(key[0])))
        if isinstance(found, BadInput):
            raise found
        return found


def plan(
    *targets: TargetInfo,
    rounds: int = 2,
    models: tuple[str, ...] = ("m",),
    seed: int = 0,
    conditions: Conditions = USUAL,
) -> Plan:
    """Each round holds each model once on each target."""
    blocks = [
        Case(target=info.id, engine="fake", backend="cpu", threads=2, model=model)
        for _ in range(rounds)
        for info in targets
        for model in models
    ]
    per_round = len(targets) * len(models)
    return Plan(
        suite=SUITE,
        targets=targets,
        seed=seed,
        blocks=tuple(
            PlannedBlock(index=index, round=index // per_round, case=case, rule=BlockRule(), conditions=conditions)
            for index, case in enumerate(blocks)
        ),
    )


class Seen(list[events.Event]):
    """A subscriber that keeps everything."""

    def __call__(self, event: events.Event) -> None:
        self.append(event)

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


class Sessions:
    """A store, a world, and what was seen of the runs in them."""

    def __init__(self, folder: Path, *, wait_seconds: float = 0.0) -> None:
        self.store = Store.open(folder)
        self.world = World()
        self.seen = Seen()
        self.cancel = threading.Event()
        self.wait_seconds = wait_seconds

    def run(
        self,
        *targets: TargetInfo,
        rounds: int = 2,
        models: tuple[str, ...] = ("m",),
        wait_seconds: float | None = None,
        conditions: Conditions = USUAL,
    ) -> RunResult:
        """Measure a plan on targets, by default on this computer."""
        targets = targets or (host(),)
        usable = [info for info in targets if info.state == "device"]
        return run(
            RunRequest(
                plan(*usable, rounds=rounds, models=models, conditions=conditions), targets, ("mobilebench", "run")
            ),
            self.store,
            on_event=self.seen,
            cancel=self.cancel,
            dependencies=self.world.dependencies(),
            wait_seconds=self.wait_seconds if wait_seconds is None else wait_seconds,
        )

    def resume(self, run_id: str = "last", *, retry_failed: bool = False) -> RunResult:
        """Measure what a run left."""
        self.cancel = threading.Event()
        return resume(
            self.store.load(run_id),
            self.store,
            on_event=self.seen,
            cancel=self.cancel,
            dependencies=self.world.dependencies(),
            wait_seconds=self.wait_seconds,
            retry_failed=retry_failed,
        )

    def stored(self) -> Run:
        """The last run as it is stored."""
        return self.store.load("last")
