"""The schema: every record that a target, a runner, a page or the session makes.

Times are milliseconds (float64) unless a name says otherwise; instants are UTC.
Only raw values are kept here: statistics are computed on read, in `analysis`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mobilebench.core.axes import CacheState as CacheState
from mobilebench.core.axes import Case as Case
from mobilebench.core.axes import Encoding as Encoding
from mobilebench.core.axes import Loader as Loader
from mobilebench.core.errors import Fault

MEASUREMENT_SCHEMA = "mobilebench/measurement/1"

TargetKind = Literal["host", "android", "manual"]
"""`manual`: a browser that a person drives, of which only it itself tells anything."""
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
    "as_shipped",
]
PageFault = Literal["lost context", "out of memory"]
"""Those of `Fault` that a page lives through, and tells itself."""
SpentOn = Literal["push", "launch", "gate", "measure", "store"]
EnginePass = Literal["timing", "kernels", "memory", "trace"]
"""What an engine itself does during a block: stages alone, or also what the recorder of that name needs."""
Pass = Literal[EnginePass, "recording"]
"""Which recorders that cost time during a block record it: none (`timing`), one of `kernels`, `memory` and `trace`, or
those that were asked for by name (`recording`, see `Conditions.record`)."""
Stage = Literal["setup", "warmup", "prediction"]
ModelAccess = Literal["read", "mapped"]
DownloadPath = Literal["loopback", "usb-reverse", "tcp-reverse", "lan", "shaped"]
"""The way from the page server to the page; `shaped` where the browser slowed it down on purpose."""
Context = Literal["shell", "app", "browser", "manual"]
"""What started a block: a shell, an app, a driven browser, or a person in a browser of their own."""

Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=0, lt=2**53)]


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
    """Browser name to version, such as `{"chrome": "156.0.8078.79"}`, of those that can be used."""
    unusable_browsers: dict[str, str] = {}
    """Browser name to why one that is there cannot be used, such as `Chrome is disabled on this phone`."""
    battery_percent: int | None = None
    unknown: dict[str, str] = {}
    """Name of a field to why it is not known, as a clause, such as `{"battery_percent": "no battery is fitted"}`."""
    state: str = "device"
    """`device`, or adb's word for why it cannot be used: `offline`, `unauthorized`, …"""
    facts: dict[str, str] = {}
    """Further properties worth keeping (build fingerprint, kernel …)."""


class BlockRule(Record):
    """When a block stops predicting, and when it is given up.

    It stops after `max_predictions`, or after `max_seconds` but not before `min_predictions`.
    """

    min_predictions: int = Field(default=3, ge=1)
    max_predictions: int = Field(default=20, ge=1)
    max_seconds: float = Field(default=1.0, gt=0)
    time_limit_seconds: float | None = Field(default=None, ge=1)
    """For setup, warmup and predictions together: a case that takes longer is unsupported, as too slow. None: only what
    is stuck is given up."""

    def describe(self) -> str:
        """The rule in words."""
        limit = "" if self.time_limit_seconds is None else f", given up after {self.time_limit_seconds:g} s"
        return f"at most {self.max_predictions} or {self.max_seconds:g} s, at least {self.min_predictions}{limit}"


class RecordRequest(Record):
    """A request that a recorder works while a block is measured."""

    recorder: str
    interval_ms: float | None = Field(default=None, gt=0)
    """Between two samples; None for a recorder that needs no interval."""


class Conditions(Record):
    """What a block is run under beside its case."""

    priority: int = Field(default=0, ge=-20, le=19)
    """Nice value of the runner; below 0 needs rights that a shell on a phone lacks."""
    model_access: ModelAccess = "read"
    delegated_share: float = Field(default=0.0, ge=0, le=1)
    """The share of nodes that has to run on a GPU, NNAPI or another accelerator; less makes the block invalid."""
    headed: bool = False
    """A browser on this computer shows its window, for a person to watch."""
    context: Context | None = None
    """None: `browser` for a page, else `shell`."""
    record: list[RecordRequest] = []
    """Recorders that work while the block is measured, although that takes time."""


class PlannedBlock(Record):
    """One case, to be measured once."""

    index: int
    """Position in the run's order, unique within the run."""
    round: int
    case: Case
    rule: BlockRule
    conditions: Conditions = Conditions()
    pass_: Pass = Field(default="timing", alias="pass")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def context(self) -> Context:
        """What starts it."""
        return self.conditions.context or ("browser" if self.case.browser else "shell")


class FileProof(Record):
    """A file that really was loaded."""

    name: str
    sha256: str | None = None
    bytes: int | None = None


class Download(Record):
    """A file that a page obtained during setup: what the page's resource timings and the server's log say of it."""

    name: str
    bytes: int = Field(ge=0)
    """Of the body as the page got it, still encoded."""
    decoded_bytes: int = Field(ge=0)
    start_ms: Milliseconds
    """Since setup began, by the page."""
    page_ms: Milliseconds
    """From the request to the last byte, by the page."""
    from_cache: bool
    """The page's browser asked nobody for it."""
    server_bytes: int | None = None
    """That the server sent; None where it sent nothing of this name, which only a cache can have."""
    server_ms: Milliseconds | None = None
    """From the request to the last byte that was handed to the system, by the server."""
    first_byte_ms: Milliseconds | None = None
    encoding: Encoding | None = None
    """As the server sent it."""


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
    threads_alive: int | None = None
    """Threads that could have computed, with or without work: the process's own, but for the runner's helpers."""
    thread_cpu_ms: list[float] = []
    """CPU time of every thread of the measuring process during prediction, most first."""
    simd: bool | None = None
    graph_nodes: int | None = None
    delegates: list[DelegateShare] = []
    cpu_features: list[str] = []
    """Of the instruction sets that inference uses, those that the processor has."""
    affinity_asked: str | None = None
    affinity: list[int] | None = None
    """CPU numbers on which the process may run, read back after the predictions."""
    affinity_kept: bool | None = None
    """Every thread of the process had just these CPUs, and they are those that were asked for."""
    cpuset: str | None = None
    """Name of the cpuset that the system put the process into."""
    priority: int | None = None
    """Nice value, read back."""
    model_access: ModelAccess | None = None
    caches_asked: CacheState | None = None
    model_resident: float | None = None
    """Share of the model's pages that were in the page cache before setup."""
    library_resident: float | None = None
    clock_resolution_ms: float | None = None
    clock_cost_ms: float | None = None
    browser_version: str | None = None
    browser_program: str | None = None
    """Name of its program file, or of its package on a phone."""
    threads_at_work: int | None = None
    """Of a page's own thread and its workers, those that computed during the predictions: by processor time, as the
    system counted it. None where that could not be read."""
    renderer_process: int | None = None
    """Process id of the page, where the browser stays open between blocks and tells it."""
    renderer_fresh: bool | None = None
    """That process had computed nothing before this page."""
    user_agent: str | None = None
    cross_origin_isolated: bool | None = None
    hardware_concurrency: int | None = None
    hardware_concurrency_overridden: bool | None = None
    visible: bool | None = None
    """The page was visible throughout."""
    focused: bool | None = None
    """The page had the focus throughout."""
    runs_in: Literal["main thread", "worker"] | None = None
    """Where in the page the engine was called."""
    renderer: str | None = None
    renderer_software: bool | None = None
    power_preference: str | None = None
    """With which the browser was asked for the GPU: `low-power`, `high-performance` or `none`."""
    downloads: list[Download] = []
    """Of a page, in the order in which they began."""
    download_path: DownloadPath | None = None
    download_turns_ms: list[Milliseconds] = []
    """Of each part of setup in which a page downloads, by the server: from when it let it begin to when it was told of
    the end."""
    flags: list[str] = []
    environment: dict[str, str] = {}
    notes: list[str] = []


class Kernel(Record):
    """One operator or fused kernel of a kernels pass, as the engine's own profiler names it."""

    name: str
    node: int | None = None
    """Position in the engine's execution plan; None when the profiler does not tell."""
    operator: str | None = None
    """What of the model's file it computes, as the format names it, where that can be told: XNNPACK runs a pointwise
    convolution (`CONV_2D`) as `Fully Connected`."""
    provider: str | None = None
    """Delegate or execution provider that ran it."""
    collapsed: bool = False
    """It stands for a whole delegated part, which the profiler does not look into."""
    clock: Literal["cpu", "gpu"] | None = None
    """Whose time it is: that of a GPU's own timer, or the processor's, which may only hand the work over. None where
    there is but one."""
    warmup_ms: Milliseconds | None = None
    times_ms: list[Milliseconds] = []
    """One value a prediction."""


class GraphOperators(Record):
    """What the model's file holds of one operator type: for the FLOPs and parameters of a kernels pass."""

    operator: str
    """As the format names it."""
    count: int
    parameters: int
    macs: int | None = None
    """Multiply-accumulates of one prediction; None when they are not known for this type."""


class StageCost(Record):
    """What the system counted for the whole process during one stage."""

    user_ms: Milliseconds
    system_ms: Milliseconds
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int


class Compilation(Record):
    """What a page compiled for the GPU during one stage, as far as its own calls show it."""

    shaders: int = Field(ge=0)
    pipelines: int = Field(ge=0)
    """Of WebGPU; programs that were linked, of WebGL."""
    ms: Milliseconds
    """While at least one of these calls was under way; a browser may go on compiling after they have returned."""


class MemoryReading(Record):
    """The process's memory at one moment, in KiB, as `/proc/self/smaps_rollup` tells it. None: not told."""

    at_ms: Milliseconds
    """Since the process began to measure."""
    stage: str | None = None
    """The part of a stage that just ended; None for a sample taken by the clock."""
    rss_kb: int
    pss_kb: int | None = None
    uss_kb: int | None = None
    """Private clean and dirty pages."""
    anonymous_kb: int | None = None
    file_kb: int | None = None
    """File-backed part of the resident set."""


class PageMemory(Record):
    """What a page, its engine and its browser say of its memory when a stage has ended. None: not told.

    Each value stands under the name of what told it; they count different things, and none of them holds another.
    """

    at_ms: Milliseconds
    """Since the page was opened."""
    stage: str = Field(max_length=40)
    """What has just ended."""
    wasm_heap_bytes: Bytes | None = None
    """Length of every `WebAssembly.Memory` of the page together. It never shrinks."""
    js_heap_bytes: Bytes | None = None
    """`usedSize` of the browser's `Runtime.getHeapUsage`: objects of JavaScript alone."""
    js_backing_bytes: Bytes | None = None
    """`backingStorageSize` of the same: what array buffers hold, outside of that heap."""
    performance_memory_bytes: Bytes | None = None
    """`usedJSHeapSize` of `performance.memory`."""
    performance_memory_total_bytes: Bytes | None = None
    """`totalJSHeapSize` of the same."""
    user_agent_bytes: Bytes | None = None
    """`bytes` of `performance.measureUserAgentSpecificMemory()`."""
    tf_bytes: Bytes | None = None
    """`numBytes` of `tf.memory()`: of all tensors that are alive."""
    tf_gpu_bytes: Bytes | None = None
    """`numBytesInGPU` of the same."""
    tf_tensors: Bytes | None = None
    """`numTensors` of the same: a number, not a size."""


class KernelMemory(Record):
    """What TensorFlow.js and the page held when a kernel of the first inference had ended."""

    name: str = Field(max_length=200)
    """As the engine's profiler names the kernel."""
    bytes_added: int = Field(gt=-(2**53), lt=2**53)
    """`bytesAdded` of its profiler: of tensors."""
    total_bytes: Bytes
    """`totalBytesSnapshot` of its profiler: of all tensors that were alive."""
    wasm_heap_bytes: Bytes | None = None
    performance_memory_bytes: Bytes | None = None
    """As in `PageMemory`."""


class MemoryUse(Record):
    """A memory pass. Only `peak_rss_kb` is a peak: everything else is a reading at its moment.

    Of a page, `readings` and the peak are those of the process that computed it, where the system tells them.
    """

    peak_rss_kb: int | None = None
    """VmHWM."""
    page: list[PageMemory] = Field(default=[], max_length=100)
    """What the page and its browser told."""
    kernels: list[KernelMemory] = Field(default=[], max_length=100_000)
    """In the order in which they ran."""
    period_ms: float | None = None
    """Between two readings that the clock asks for; None when none were asked for."""
    readings: list[MemoryReading] = []
    graphics_kb: int | None = None
    """Android: `Graphics` of `dumpsys meminfo`, after the predictions."""
    notes: list[str] = []


class Sample(Record):
    """Values of an output at the published indices (`models.synthetic_inputs.sample_indices`)."""

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


class TraceFile(Record):
    """What a browser recorded of one block, in a file of its own beside the store: gzipped JSON of trace events."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._-]{0,200}\.json\.gz$")
    """In the run's folder of traces."""
    bytes: Bytes
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    json_bytes: Bytes
    """When it is unpacked."""
    complete: bool
    """False: the browser's buffer was full, and later events are missing."""
    marks: list[str] = Field(max_length=100)
    """Stages, and parts of setup, that the page marked in it."""
    categories: list[str] = Field(max_length=100)
    """That the browser was asked for."""


class Measurement(Record):
    """The one JSON that the C runner and every page speak."""

    schema_: Literal["mobilebench/measurement/1"] = Field(alias="schema")
    status: Literal["ok", "unsupported", "error"]
    reason: str | None = None
    fault: PageFault | None = None
    """Of a page that failed."""
    engine: str
    version: str | None = None
    proof: Proof = Proof()
    setup_ms: dict[SetupPart, Milliseconds] = {}
    warmup_ms: list[Milliseconds] = []
    prediction_ms: list[Milliseconds] = []
    readback_ms: list[Milliseconds] = []
    """The part of each prediction from when a page's engine had returned to when its values were in JavaScript's hands;
    on a GPU, this waits for what was submitted. Empty where it cannot be told apart.
    """
    compilation: dict[Stage, Compilation] = {}
    """Of stages in which a page compiled something for the GPU."""
    pass_: Pass = Field(default="timing", alias="pass")
    predictions_per_sample: int = Field(default=1, ge=1)
    """Above 1 where the clock is too coarse for one prediction: each of `prediction_ms` is then a group's mean."""
    cost: dict[Stage, StageCost] = {}
    kernels: list[Kernel] = []
    graph: list[GraphOperators] = []
    memory: MemoryUse | None = None
    trace: TraceFile | None = None
    output: list[OutputSummary] = []

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def measured_ms(self) -> float:
        """Everything inside measured stages: setup, warmup and predictions."""
        predictions = sum(self.prediction_ms) * self.predictions_per_sample
        return sum([*self.setup_ms.values(), *self.warmup_ms]) + predictions


class ModelFacts(Record):
    """What the verdict rules need to know of a model: the answer that it must give, and how close to it.

    It is stored with the run, so that old runs can be judged by newer rules.
    """

    model: str
    precision: str
    batch: int
    reference: list[OutputSummary] = []
    """The answer to the published input; empty where the model has none."""
    tolerance: float
    """Allowed difference as a share of each output's largest absolute reference value."""
    half_precision_tolerance: float
    """The same where the engine computes with ten bits of mantissa."""
    stateful: bool = False
    """The model carries state from inference to inference."""
    random: bool = False
    """The model draws random numbers, so that each answer differs."""
    sizes_vary: bool = False
    """Not even the shapes of a random model's outputs stay the same."""

    @property
    def key(self) -> tuple[str, str, int]:
        """Model, precision and batch, which identify the facts within a run."""
        return self.model, self.precision, self.batch


class Reason(Record):
    """One reason of a verdict: a stable code for programs (`verdicts.codes`), and a clause for people."""

    WITHOUT_CODE: ClassVar[str] = "without-code"

    code: str
    sentence: str

    @model_validator(mode="before")
    @classmethod
    def _from_sentence(cls, given: Any) -> Any:
        """Results that were stored before reasons had codes hold sentences alone."""
        return {"code": cls.WITHOUT_CODE, "sentence": given} if isinstance(given, str) else given


class Verdict(Record):
    """How far a measured block can be trusted."""

    status: VerdictStatus
    reasons: list[Reason] = []
    rules: int | None = None
    """Version of the rules that it follows from; None of results that were stored before rules had versions."""

    @property
    def sentences(self) -> list[str]:
        """The reasons as people read them."""
        return [reason.sentence for reason in self.reasons]

    @property
    def codes(self) -> list[str]:
        """The codes of the reasons, each once."""
        return list(dict.fromkeys(reason.code for reason in self.reasons))


class Series(Record):
    """What one recorder read of one quantity, before, during and after a block."""

    recorder: str
    name: str
    unit: str
    interval_ms: float | None = None
    """Between two samples during the block; None: read before and after the block alone."""
    times_ms: list[float]
    """Since the block's recorders were started, just before its process or page is started."""
    values: list[float]
    """One for each of `times_ms`. A reading that brought no value has no entry."""
    reason: str | None = None
    """Why readings brought no value, as a clause."""


class Block(Record):
    """One block: what was asked for, what came of it, and how far to trust it."""

    planned: PlannedBlock
    outcome: Outcome
    reason: str | None = None
    """Why it is unsupported or failed."""
    fault: Fault | None = None
    """What became of a failed block, where that has a name."""
    measurement: Measurement | None = None
    verdict: Verdict | None = None
    """By the rules of this version, which judge every measured block when it is read (`verdicts.reading`). It is never
    stored."""
    recorded_verdict: Verdict | None = None
    """What the rules said when the block was measured, as it is stored beside the raw data."""
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
    models: list[ModelFacts] = []
    """What is known of the models that it measures. Of runs that were stored before this was kept, nothing is."""
