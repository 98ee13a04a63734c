"""The schema: every record that a target, a runner, a page or the session makes.

Times are milliseconds (float64) unless a name says otherwise; instants are UTC.
Only raw values are kept here: statistics are computed on read, in `analysis`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MEASUREMENT_SCHEMA = "mobilebench/measurement/1"

TargetKind = Literal["host", "android"]
VerdictStatus = Literal["valid", "suspect", "invalid"]
Outcome = Literal["measured", "unsupported", "failed"]
SetupPart = Literal[
    "library_load",
    "model_read",
    "session_creation",
    "delegate_preparation",
    "framework_download",
    "framework_init",
    "model_download",
    "model_init",
]
SpentOn = Literal["push", "launch", "gate", "measure", "store"]

Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Record(BaseModel):
    """Frozen, and strict about unknown fields: what comes from a page, a phone or a file is checked here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetInfo(Record):
    """A machine to measure, as it described itself when it was met."""

    id: str
    """adb serial, or `host`."""
    kind: TargetKind
    machine: str
    """Targets with the same machine share its cores and take turns."""
    virtual: bool = False
    name: str
    """Marketing or board name."""
    manufacturer: str | None = None
    soc: str
    """Under which results are filed. Of a virtual phone: `virtual: <host CPU>`."""
    profile: str | None = None
    """Id of the matched device profile, if one matched."""
    profile_soc: str | None = None
    """The SoC that the profile names (for a virtual phone: the one that it imitates, never filed under)."""
    os: str
    """`Android 14` or the host's name and version."""
    abi: str
    runner: str
    """The runner build that executes here, such as `linux-x86_64` or `android-arm64-v8a`."""
    cores: int = Field(ge=1)
    memory_mb: int | None = None
    gpu: str | None = None
    gpu_software: bool | None = None
    """True when pictures are drawn by the CPU; None when unknown."""
    browsers: dict[str, str] = {}
    """Browser name to version, such as `{"chrome": "156.0.8078.79"}`."""
    battery_percent: int | None = None
    state: str = "device"
    """`device`, or adb's word for why it cannot be used: `offline`, `unauthorized`, …"""
    facts: dict[str, str] = {}
    """Further properties worth keeping (build fingerprint, kernel …)."""


class Case(Record):
    """What is measured: target × engine × backend × setting × browser × model × variant × batch (and threads)."""

    target: str
    engine: str
    backend: str
    setting: str
    threads: int = Field(ge=1)
    browser: str | None = None
    model: str
    variant: str = "fp32"
    batch: int = Field(default=1, ge=1)

    @property
    def key(self) -> str:
        """Stable text that identifies the case within a run."""
        where = [self.target, self.engine, self.backend, self.setting, f"t{self.threads}"]
        browser = [self.browser] if self.browser else []
        return "/".join([*where, *browser, self.model, self.variant, f"b{self.batch}"])


class BlockRule(Record):
    """When a block stops predicting.

    After `max_predictions`, or after `max_seconds` but not before `min_predictions`.
    """

    min_predictions: int = Field(default=3, ge=1)
    max_predictions: int = Field(default=20, ge=1)
    max_seconds: float = Field(default=1.0, gt=0)

    def describe(self) -> str:
        """The rule in words."""
        return f"at most {self.max_predictions} or {self.max_seconds:g} s, at least {self.min_predictions}"


class PlannedBlock(Record):
    """One case, to be measured once."""

    index: int
    """Position in the run's order, unique within the run."""
    round: int
    case: Case
    rule: BlockRule


class FileProof(Record):
    """A file that really was loaded."""

    name: str
    sha256: str | None = None
    bytes: int | None = None


class DelegateShare(Record):
    """How much of the graph one delegate or execution provider took."""

    name: str
    nodes: int
    partitions: int | None = None


class Proof(Record):
    """What shows that the case really ran as asked. A field that could not be read is None, never a guess."""

    files: list[FileProof] = []
    backend: str | None = None
    """As read back from the engine."""
    threads: int | None = None
    """As read back from the engine."""
    threads_source: str | None = None
    thread_cpu_ms: list[float] = []
    """CPU time of every thread of the measuring process during prediction, most first."""
    simd: bool | None = None
    graph_nodes: int | None = None
    delegates: list[DelegateShare] = []
    cpu_features: list[str] = []
    clock_resolution_ms: float | None = None
    clock_cost_ms: float | None = None
    browser_version: str | None = None
    user_agent: str | None = None
    cross_origin_isolated: bool | None = None
    hardware_concurrency: int | None = None
    hardware_concurrency_overridden: bool | None = None
    visible: bool | None = None
    """The page was visible throughout."""
    renderer: str | None = None
    renderer_software: bool | None = None
    flags: list[str] = []
    environment: dict[str, str] = {}
    notes: list[str] = []


class KernelTime(Record):
    """Time of one operator type in a separate pass."""

    type: str
    count: int
    total_ms: Milliseconds


class Sample(Record):
    """Values of an output at the published indices (`models.inputs.sample_indices`)."""

    index: list[int]
    value: list[float]


class OutputSummary(Record):
    """One output tensor after the last prediction, small enough to keep and strong enough to compare."""

    name: str
    """The model's canonical output name (not the format's)."""
    shape: list[int]
    non_finite: int = 0
    """How many values are NaN or infinite; they count as 0 below, and any of them makes the block invalid."""
    l1: float
    l2: float
    max: float
    """Largest absolute value."""
    digest: str
    """FNV-1a (32 bit, hex) of the float32 little-endian bytes."""
    sample: Sample


class Measurement(Record):
    """The one JSON that the C runner and every page speak."""

    schema_: Literal["mobilebench/measurement/1"] = Field(alias="schema")
    status: Literal["ok", "unsupported", "error"]
    reason: str | None = None
    engine: str
    version: str | None = None
    proof: Proof = Proof()
    setup_ms: dict[SetupPart, Milliseconds] = {}
    warmup_ms: list[Milliseconds] = []
    prediction_ms: list[Milliseconds] = []
    kernels: list[KernelTime] = []
    memory: dict[str, float] = {}
    output: list[OutputSummary] = []

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def measured_ms(self) -> float:
        """Everything inside measured stages: setup, warmup and predictions."""
        return sum([*self.setup_ms.values(), *self.warmup_ms, *self.prediction_ms])


class Verdict(Record):
    """How far a measured block can be trusted, in plain words."""

    status: VerdictStatus
    reasons: list[str] = []


class Series(Record):
    """What one probe saw around a block."""

    probe: str
    name: str
    unit: str
    times_ms: list[float]
    """Since the block's start."""
    values: list[float]


class Block(Record):
    """One block as it is stored: what was asked, what came of it, and how far to trust it."""

    planned: PlannedBlock
    outcome: Outcome
    reason: str | None = None
    """Why it is unsupported or failed."""
    measurement: Measurement | None = None
    verdict: Verdict | None = None
    """Present exactly when the outcome is `measured`."""
    started_at: datetime
    ended_at: datetime
    spent_ms: dict[SpentOn, Milliseconds] = {}
    """Wall time by what it went to; `measure` holds only setup + warmup + prediction."""
    series: list[Series] = []


class RunInfo(Record):
    """One run: what was requested, before anything was measured."""

    id: str
    created_at: datetime
    finished_at: datetime | None = None
    status: Literal["running", "finished", "interrupted"] = "running"
    mobilebench_version: str
    suite: str
    suite_definition: dict[str, Any]
    seed: int
    command: list[str] = []
    targets: list[TargetInfo]
    weights: dict[str, str] = {}
    """Model name to where its weights came from (`seeded` or a sha256)."""


class Run(Record):
    """A run with everything that was planned and everything that was measured."""

    info: RunInfo
    planned: list[PlannedBlock]
    blocks: list[Block]
