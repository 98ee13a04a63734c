"""The schema: all records that targets, runners, pages and sessions create.

Times are milliseconds (float64) unless a name says otherwise; instants are UTC.
Records hold only raw values: statistics are computed on read, in `analysis`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from mobilebench.core.axes import NODE
from mobilebench.core.axes import CacheState as CacheState
from mobilebench.core.axes import Case as Case
from mobilebench.core.axes import Context as Context
from mobilebench.core.axes import Encoding as Encoding
from mobilebench.core.axes import Loader as Loader
from mobilebench.core.errors import Fault
from mobilebench.core.page_quality import ScenarioResult
from mobilebench.core.record import Record as Record

MEASUREMENT_SCHEMA = "mobilebench/measurement/1"

TargetKind = Literal["host", "android", "manual"]
"""`manual`: a browser that a person drives; only its own reports are known."""
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
"""Faults that a page survives and reports itself (a subset of `Fault`)."""
SpentOn = Literal["push", "launch", "gate", "measure", "store"]
Pass = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""Which recorders that take time during a block record it: none (`timing`), the engine's recorder of this name
(`kernels`, `memory`, `trace`; see `recorders.registry.IN_ENGINE`), recorders that were asked for by name
(`recording`, see `Conditions.record`), or that of energy (`energy`, see `Conditions.energy`)."""
Stage = Literal["setup", "warmup", "prediction"]
GateKey = Literal["temperature", "cpu", "status", "battery", "battery_saver", "load", "probe"]
"""What a gate can wait for."""
ModelAccess = Literal["read", "mapped"]
DownloadPath = Literal["loopback", "usb-reverse", "tcp-reverse", "lan", "shaped"]
"""The way from the page server to the page; `shaped`: the browser slowed it down on purpose."""
Regime = Literal["natural", "fixed"]
"""Clocks as the system manages them, or held at one level (fixed performance, pinned clocks)."""

Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=0, lt=2**53)]


class DoctorFinding(Record):
    """Something that the doctor found wrong with a phone before a run."""

    check: str
    """Name of the check, such as `battery_saver`."""
    finding: Literal["degraded", "blocking"]
    words: str
    """What was found, as a clause without full stop."""

    def describe(self) -> str:
        """Such as `battery_saver: it is on`."""
        return f"{self.check}: {self.words}"


class TargetInfo(Record):
    """A machine to measure, as it described itself when it was found."""

    id: str
    """adb serial, or `host`."""
    kind: TargetKind
    machine: str
    """Targets with the same machine share its cores, so their blocks take turns."""
    virtual: bool = False
    name: str
    """Marketing or board name."""
    manufacturer: str | None = None
    soc: str
    """The SoC under which results are filed; `virtual: <host CPU>` for a virtual phone."""
    profile: str | None = None
    """Id of the matched device profile, if one matched."""
    profile_soc: str | None = None
    """The SoC that the profile names. A virtual phone imitates it, but its results are not filed under it."""
    os: str
    """`Android 14` or the host's name and version."""
    abi: str
    runner: str
    """The runner build for this target, such as `linux-x86_64` or `android-arm64-v8a`."""
    cores: int = Field(ge=1)
    memory_mb: int | None = None
    gpu: str | None = None
    gpu_software: bool | None = None
    """Whether the CPU renders graphics in place of a GPU; None when unknown."""
    browsers: dict[str, str] = {}
    """Name to version of each usable browser, such as `{"chrome": "156.0.8078.79"}`."""
    unusable_browsers: dict[str, str] = {}
    """Name of each installed but unusable browser to the reason, such as `Chrome is disabled on this phone`."""
    battery_percent: int | None = None
    unknown: dict[str, str] = {}
    """Name of each unknown field to the reason as a clause, such as `{"battery_percent": "no battery is fitted"}`."""
    state: str = "device"
    """`device`, or the state in which adb reports an unusable device: `offline`, `unauthorized`, …, or that of a phone
    in quarantine (`Quarantine.describe`), or that of one which the doctor found blocked."""
    facts: dict[str, str] = {}
    """Further properties, such as build fingerprint and kernel."""
    doctor: tuple[DoctorFinding, ...] | None = None
    """What the doctor found wrong before the run, the worst first; None if it did not examine the target."""


class BlockRule(Record):
    """When a block stops predicting, and when it is given up.

    It stops after `max_predictions`, or after `max_seconds` but not before `min_predictions`.
    """

    min_predictions: int = Field(default=3, ge=1)
    max_predictions: int = Field(default=20, ge=1)
    max_seconds: float = Field(default=1.0, gt=0)
    time_limit_seconds: float | None = Field(default=None, ge=1)
    """Limit for setup, warmup and predictions together. A case that takes longer is too slow and thus unsupported.
    None: a block is given up only when it is stuck."""

    def describe(self) -> str:
        """The rule in words."""
        limit = "" if self.time_limit_seconds is None else f", given up after {self.time_limit_seconds:g} s"
        return f"at most {self.max_predictions} or {self.max_seconds:g} s, at least {self.min_predictions}{limit}"


class RecordRequest(Record):
    """A request to run a recorder while a block is measured."""

    recorder: str
    interval_ms: float | None = Field(default=None, gt=0)
    """Time between two samples; None for a recorder that needs no interval."""


class GateLimits(Record):
    """When a block may begin, and when a running one is stopped. A limit that is None is not looked at."""

    temperature: float | None = None
    """Highest temperature in °C of the skin, or of the battery where the phone does not report the skin's."""
    cpu: float | None = None
    """Highest temperature in °C of the CPU."""
    status: int | None = Field(default=None, ge=0, le=6)
    """Highest thermal status of Android, from 0 (none) to 6 (shutdown)."""
    battery: float | None = None
    """Lowest charge of the battery in percent."""
    battery_saver: int | None = None
    """0: the battery saver has to be off."""
    load: float | None = None
    """Highest load average of the last minute, for each core."""
    probe: float | None = None
    """Longest time of a fixed computation over its time at the first block: 1.1 is 10 % slower."""
    wait: float = Field(default=600.0, ge=0)
    """Seconds to wait until all limits hold."""
    otherwise: Literal["mark", "skip"] = "mark"
    """What follows when they do not hold in time: the block is measured and marked, or left out as failed."""
    stop_above: float | None = None
    """A running block is stopped at a temperature above this, in °C; read as `temperature` is."""

    @property
    def of_begin(self) -> dict[GateKey, float]:
        """The limits that have to hold before a block, by name."""
        keys: tuple[GateKey, ...] = get_args(GateKey)
        return {key: value for key in keys if (value := getattr(self, key)) is not None}


class EnergyWindow(Record):
    """How a block of the pass `energy` is measured: repeated predictions, with an idle time before and after."""

    seconds: float = Field(default=60.0, gt=0, le=3600, allow_inf_nan=False)
    """Time of predictions. Less than `verdicts.thresholds.LEAST_WINDOW_SECONDS` makes the block suspect."""
    idle_seconds: float = Field(default=15.0, gt=0, le=600, allow_inf_nan=False)
    """How long the target is left idle before the block, and again after it."""
    meter: str | None = Field(default=None, max_length=4200)
    """An external meter: `tcp:HOST:PORT`, or `csv:NAME` with the name of a file."""
    meter_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """SHA-256 of the file's whole path on the computer that measured, which tells files of one name apart."""
    meter_offset_s: float = Field(default=0.0, ge=-86_400, le=86_400, allow_inf_nan=False)
    """Seconds to add to the meter's times."""

    @model_validator(mode="before")
    @classmethod
    def _without_path(cls, data: Any) -> Any:
        """Earlier releases stored the whole path of a meter's file."""
        meter = data.get("meter") if isinstance(data, dict) else None
        if not isinstance(meter, str) or not meter.startswith("csv:") or "/" not in meter:
            return data
        path = meter.removeprefix("csv:")
        sha256 = hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()
        return {**data, "meter": f"csv:{path.rpartition('/')[2]}", "meter_sha256": sha256}


class Conditions(Record):
    """Conditions of a block that are not part of its case."""

    priority: int = Field(default=0, ge=-20, le=19)
    """Nice value of the runner; below 0 needs rights that a shell on a phone lacks."""
    model_access: ModelAccess = "read"
    delegated_share: float = Field(default=0.0, ge=0, le=1)
    """The share of nodes that have to run on a GPU, NNAPI or another accelerator; less makes the block invalid."""
    headed: bool = False
    """Whether a browser on this computer shows its window, for a person to watch."""
    frame_trace: bool = True
    """Whether frames of a scenario that is traced are also counted from outside of its page: in Chrome's own trace, and
    by the phone."""
    context: Context | None = None
    """What starts the block; None: `browser` for a page, else the context of its case. A shell also starts Node."""
    record: list[RecordRequest] = []
    """Recorders that run while the block is measured, although they take time."""
    gates: GateLimits | None = None
    """What is waited for before the block; None: nothing."""
    energy: EnergyWindow | None = None
    """The window of a block of the pass `energy`."""
    device: str | None = Field(default=None, max_length=300)
    """What is asked of the phone's state (`--conditions`), such as `strict,radios-off`; None on this computer, and in
    runs of versions that did not change it."""


class PlannedBlock(Record):
    """One planned measurement of a case."""

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
        """What starts the block."""
        return self.conditions.context or ("browser" if self.case.browser not in (None, NODE) else self.case.context)


class FileProof(Record):
    """A file that was really loaded."""

    name: str
    sha256: str | None = None
    bytes: int | None = None


class Download(Record):
    """A file that a page obtained during setup, from the page's resource timings and the server's log."""

    name: str
    bytes: int = Field(ge=0)
    """Size of the body as the page received it, still encoded."""
    decoded_bytes: int = Field(ge=0)
    start_ms: Milliseconds
    """When the download began, measured by the page from the start of setup."""
    page_ms: Milliseconds
    """Time from the request to the last byte, measured by the page."""
    from_cache: bool
    """Whether the browser took it from its cache without a request."""
    server_bytes: int | None = None
    """Bytes that the server sent; None when it sent no file of this name, so that it must come from a cache."""
    server_ms: Milliseconds | None = None
    """Time from the request until the last byte was passed to the system, measured by the server."""
    first_byte_ms: Milliseconds | None = None
    encoding: Encoding | None = None
    """Encoding in which the server sent it."""


class DelegateShare(Record):
    """How much of the graph one delegate or execution provider took."""

    name: str
    nodes: int
    partitions: int | None = None


class DeviceCondition(Record):
    """One condition that was asked of a phone, and what the phone made of it."""

    name: str = Field(max_length=40)
    state: Literal["set", "already", "refused", "unavailable"]
    """`already`: nothing had to be changed; `unavailable`: this phone or its Android does not have it."""
    reason: str | None = Field(default=None, max_length=1000)
    """Why it does not hold, as a clause."""

    @property
    def holds(self) -> bool:
        return self.state in ("set", "already")


class DeviceConditions(Record):
    """The state of a phone as it was set and read back before a block."""

    asked: str = Field(max_length=300)
    regime: Regime = "natural"
    conditions: list[DeviceCondition] = Field(default=[], max_length=100)


class AppProof(Record):
    """The process of mobilebench's app in which a block ran, as Android described it at the end of the block.

    None: it could not be read, or has no meaning on the Java machine of a computer.
    """

    context: Literal["app-foreground", "app-service"]
    apk_version: str | None = Field(default=None, max_length=100)
    apk_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the installed file, computed by the phone."""
    process_state: str | None = Field(default=None, max_length=100)
    importance: int | None = Field(default=None, ge=0, le=10_000)
    """`RunningAppProcessInfo.importance`: 100 in front, 125 a foreground service, 200 visible; higher: less."""
    oom_score_adj: int | None = Field(default=None, ge=-1000, le=1000)
    """How soon Android ends the process when memory runs out; 0 is the last."""
    cpuset: str | None = Field(default=None, max_length=200)
    sched_group: str | None = Field(default=None, max_length=200)
    """The scheduling group (cgroup of the processor), such as `top-app`."""
    visible: bool | None = None
    """Whether the app's activity was visible at the end."""
    thermal_status: int | None = Field(default=None, ge=0, le=6)
    thermal_headroom: float | None = Field(default=None, ge=0, le=100, allow_inf_nan=False)
    """`PowerManager.getThermalHeadroom`: 1.0 is the limit at which Android slows the phone down severely."""
    low_memory: bool | None = None
    """Whether Android said that memory was low."""
    max_heap_mb: int | None = Field(default=None, ge=0, le=2**20)
    """Largest heap of the app's Java machine; native memory is not counted in it."""
    sdk: int | None = Field(default=None, ge=1, le=1000)
    jvm: str | None = Field(default=None, max_length=100)
    """The Java machine of a computer that stood in for a phone; None on a phone."""
    virtual: bool = False
    """Whether the app's core ran on this computer's Java machine, as on a virtual phone."""


class Proof(Record):
    """Evidence that the case really ran as requested. A field that could not be read is None, never a guess."""

    files: list[FileProof] = []
    backend: str | None = None
    """As read back from the engine."""
    delegate_asked: str | None = None
    """The delegate that the native runner was asked for; None where its backend leaves no choice."""
    arithmetic_asked: str | None = None
    """The number format of float32 operations that the native runner was asked for; None as with `delegate_asked`."""
    threads: int | None = None
    """As read back from the engine."""
    threads_source: str | None = None
    threads_alive: int | None = None
    """Threads that could have computed, busy or idle: all threads of the process except the runner's helpers."""
    thread_cpu_ms: list[float] = []
    """CPU time of every thread of the measuring process during prediction, in descending order."""
    simd: bool | None = None
    graph_nodes: int | None = None
    delegates: list[DelegateShare] = []
    cpu_features: list[str] = []
    """Instruction sets of the processor that matter for inference."""
    affinity_asked: str | None = None
    affinity: list[int] | None = None
    """Numbers of the CPUs on which the process may run, read back after the predictions."""
    affinity_kept: bool | None = None
    """Whether every thread of the process had exactly these CPUs, and they are the requested ones."""
    cpuset: str | None = None
    """Name of the cpuset in which the system placed the process."""
    priority: int | None = None
    """Nice value, read back."""
    model_access: ModelAccess | None = None
    caches_asked: CacheState | None = None
    model_resident: float | None = None
    """Share of the model's pages that was in the page cache before setup."""
    library_resident: float | None = None
    clock_resolution_ms: float | None = None
    clock_cost_ms: float | None = None
    browser_version: str | None = None
    browser_program: str | None = None
    """Name of the browser's program file, or of its package on a phone."""
    threads_at_work: int | None = None
    """How many of a page's threads (main thread and workers) computed during the predictions, by processor time as the
    system counted it. None when it could not be read."""
    renderer_process: int | None = None
    """Process id of the page, if the browser stays open between blocks and reports it."""
    renderer_fresh: bool | None = None
    """Whether that process had computed nothing before this page."""
    user_agent: str | None = None
    cross_origin_isolated: bool | None = None
    hardware_concurrency: int | None = None
    hardware_concurrency_overridden: bool | None = None
    visible: bool | None = None
    """Whether the page was visible throughout."""
    focused: bool | None = None
    """Whether the page had the focus throughout."""
    runs_in: Literal["main thread", "worker"] | None = None
    """Thread of the page in which the engine was called."""
    renderer: str | None = None
    renderer_software: bool | None = None
    power_preference: str | None = None
    """The power preference in the request for the GPU: `low-power`, `high-performance` or `none`."""
    downloads: list[Download] = []
    """A page's downloads in the order in which they began."""
    download_path: DownloadPath | None = None
    download_turns_ms: list[Milliseconds] = []
    """Duration of each part of setup in which a page downloads, measured by the server: from its permission to begin
    until the page reported the end."""
    device: DeviceConditions | None = None
    """The state of the phone; None on this computer."""
    app: AppProof | None = None
    """The process of mobilebench's app; None for blocks that were not started by it."""
    flags: list[str] = []
    environment: dict[str, str] = {}
    notes: list[str] = []


class Kernel(Record):
    """One operator or fused kernel of a kernels pass, as the engine's own profiler names it."""

    name: str
    node: int | None = None
    """Position in the engine's execution plan; None when the profiler does not report it."""
    operator: str | None = None
    """The operator of the model's file that it computes, as the format names it, if known. XNNPACK runs a pointwise
    convolution (`CONV_2D`) as `Fully Connected`."""
    provider: str | None = None
    """Delegate or execution provider that ran it."""
    collapsed: bool = False
    """Whether it stands for a whole delegated part, which the profiler does not break down."""
    clock: Literal["cpu", "gpu"] | None = None
    """Which clock measured it: the GPU's own timer, or the processor's, which may only submit the work. None when there
    is only one."""
    warmup_ms: Milliseconds | None = None
    times_ms: list[Milliseconds] = []
    """One value for each prediction."""


class GraphOperators(Record):
    """The operators of one type in the model's file, for the FLOPs and parameters of a kernels pass."""

    operator: str
    """The type as the format names it."""
    count: int
    parameters: int
    macs: int | None = None
    """Multiply-accumulates of one prediction; None when unknown for this type."""


class StageCost(Record):
    """What the system counted for the whole process during one stage."""

    user_ms: Milliseconds
    system_ms: Milliseconds
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int


class Compilation(Record):
    """What a page compiled for the GPU during one stage, observed from its own calls."""

    shaders: int = Field(ge=0)
    pipelines: int = Field(ge=0)
    """Number of pipelines (WebGPU) or linked programs (WebGL)."""
    ms: Milliseconds
    """Time during which at least one of these calls was running; a browser may still compile after they return."""


class MemoryReading(Record):
    """The process's memory at one moment, in KiB, from `/proc/self/smaps_rollup`. None: unknown."""

    at_ms: Milliseconds
    """Time since the process began to measure."""
    stage: str | None = None
    """The part of a stage that has just ended; None for a sample taken at an interval."""
    rss_kb: int
    pss_kb: int | None = None
    uss_kb: int | None = None
    """Private clean and dirty pages."""
    anonymous_kb: int | None = None
    file_kb: int | None = None
    """File-backed part of the resident set."""


class PageMemory(Record):
    """Memory of a page as it, its engine and its browser report it at the end of a stage. None: not reported.

    Each value is named after its source. The values count different things, and none of them includes another.
    """

    at_ms: Milliseconds
    """Time since the page was opened."""
    stage: str = Field(max_length=40)
    """The stage, or part of setup, that has just ended."""
    wasm_heap_bytes: Bytes | None = None
    """Total length of all `WebAssembly.Memory` objects of the page. It never shrinks."""
    js_heap_bytes: Bytes | None = None
    """`usedSize` of the browser's `Runtime.getHeapUsage`: only JavaScript objects."""
    js_backing_bytes: Bytes | None = None
    """`backingStorageSize` of `Runtime.getHeapUsage`: contents of array buffers, outside of that heap."""
    performance_memory_bytes: Bytes | None = None
    """`usedJSHeapSize` of `performance.memory`."""
    performance_memory_total_bytes: Bytes | None = None
    """`totalJSHeapSize` of `performance.memory`."""
    user_agent_bytes: Bytes | None = None
    """`bytes` of `performance.measureUserAgentSpecificMemory()`."""
    tf_bytes: Bytes | None = None
    """`numBytes` of `tf.memory()`: bytes of all live tensors."""
    tf_gpu_bytes: Bytes | None = None
    """`numBytesInGPU` of `tf.memory()`."""
    tf_tensors: Bytes | None = None
    """`numTensors` of `tf.memory()`: a number, not a size."""


class KernelMemory(Record):
    """Memory of TensorFlow.js and the page when a kernel of the first inference had ended."""

    name: str = Field(max_length=200)
    """The kernel as the engine's profiler names it."""
    bytes_added: int = Field(gt=-(2**53), lt=2**53)
    """`bytesAdded` of its profiler: bytes of tensors."""
    total_bytes: Bytes
    """`totalBytesSnapshot` of its profiler: bytes of all live tensors."""
    wasm_heap_bytes: Bytes | None = None
    performance_memory_bytes: Bytes | None = None
    """As in `PageMemory`."""


class MemoryUse(Record):
    """Result of a memory pass. Only `peak_rss_kb` is a peak; everything else is a reading at one moment.

    For a page, `readings` and the peak are values of the process that ran it, if the system reports them.
    """

    peak_rss_kb: int | None = None
    """Largest resident set: VmHWM, or for a page a larger reading, because the kernel counts VmHWM roughly."""
    page: list[PageMemory] = Field(default=[], max_length=100)
    """Readings that the page and its browser reported."""
    kernels: list[KernelMemory] = Field(default=[], max_length=100_000)
    """Memory after each kernel, in the order in which they ran."""
    period_ms: float | None = None
    """Time between two readings at an interval; None when there were none."""
    readings: list[MemoryReading] = []
    graphics_kb: int | None = None
    """On Android: `Graphics` of `dumpsys meminfo`, after the predictions."""
    notes: list[str] = []


class Sample(Record):
    """Values of an output at the published indices (`models.synthetic_inputs.sample_indices`)."""

    index: list[int]
    value: list[float]


class OutputSummary(Record):
    """A summary of one output tensor after the last prediction: small to store, and sufficient to compare."""

    name: str
    """The model's canonical output name (not the format's)."""
    shape: list[int]
    non_finite: int = 0
    """Number of values that are NaN or infinite. They count as 0 below, and a single one makes the block invalid."""
    l1: float
    l2: float
    max: float
    """Largest absolute value."""
    digest: str
    """FNV-1a (32 bit, hex) of the float32 little-endian bytes."""
    sample: Sample


class TraceFile(Record):
    """A browser's recording of one block, in a file beside the store: gzipped JSON of trace events."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._-]{0,200}\.json\.gz$")
    """File name in the run's folder of traces."""
    bytes: Bytes
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    json_bytes: Bytes
    """Size of the uncompressed JSON."""
    complete: bool
    """False when the browser's buffer was full, so that later events are missing."""
    marks: list[str] = Field(max_length=100)
    """Stages and parts of setup that the page marked in it."""
    categories: list[str] = Field(max_length=100)
    """Categories of events that the browser was asked for."""


class Measurement(Record):
    """The JSON in which the C runner and every page report a measurement."""

    schema_: Literal["mobilebench/measurement/1"] = Field(alias="schema")
    status: Literal["ok", "unsupported", "error"]
    reason: str | None = None
    fault: PageFault | None = None
    """The fault of a page that failed."""
    engine: str
    version: str | None = None
    proof: Proof = Proof()
    setup_ms: dict[SetupPart, Milliseconds] = {}
    warmup_ms: list[Milliseconds] = []
    prediction_ms: list[Milliseconds] = []
    readback_ms: list[Milliseconds] = []
    """The part of each prediction from the return of a page's engine until its values were available in JavaScript. On
    a GPU, this includes waiting for the submitted work. Empty when it cannot be separated.
    """
    compilation: dict[Stage, Compilation] = {}
    """The stages in which a page compiled something for the GPU."""
    pass_: Pass = Field(default="timing", alias="pass")
    predictions_per_sample: int = Field(default=1, ge=1)
    """Above 1 when the clock is too coarse for one prediction: each of `prediction_ms` is then the mean of a group."""
    cost: dict[Stage, StageCost] = {}
    kernels: list[Kernel] = []
    graph: list[GraphOperators] = []
    memory: MemoryUse | None = None
    trace: TraceFile | None = None
    output: list[OutputSummary] = []

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def measured_ms(self) -> float:
        """Total time of the measured stages: setup, warmup and predictions."""
        predictions = sum(self.prediction_ms) * self.predictions_per_sample
        return sum([*self.setup_ms.values(), *self.warmup_ms]) + predictions


class ModelFacts(Record):
    """What the verdict rules need to know of a model: the answer that it must give, and the tolerance.

    It is stored with the run, so that newer rules can judge old runs.
    """

    model: str
    precision: str
    batch: int
    reference: list[OutputSummary] = []
    """The answer to the published input; empty when the model has none."""
    tolerance: float
    """Allowed difference as a share of each output's largest absolute reference value."""
    half_precision_tolerance: float
    """The tolerance when the engine computes with ten bits of mantissa."""
    stateful: bool = False
    """Whether the model carries state from one inference to the next."""
    random: bool = False
    """Whether the model draws random numbers, so that each answer differs."""
    sizes_vary: bool = False
    """Whether even the shapes of a random model's outputs differ between answers."""

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
        """Accept a plain sentence: results that were stored before reasons had codes have nothing else."""
        return {"code": cls.WITHOUT_CODE, "sentence": given} if isinstance(given, str) else given


class Verdict(Record):
    """How far a measured block can be trusted."""

    status: VerdictStatus
    reasons: list[Reason] = []
    rules: int | None = None
    """Version of the rules that gave it; None for results that were stored before rules had versions."""

    @property
    def sentences(self) -> list[str]:
        """The reasons as people read them."""
        return [reason.sentence for reason in self.reasons]

    @property
    def codes(self) -> list[str]:
        """The codes of the reasons, each once."""
        return list(dict.fromkeys(reason.code for reason in self.reasons))


class Series(Record):
    """The readings of one quantity by one recorder, before, during and after a block."""

    recorder: str
    name: str
    unit: str
    interval_ms: float | None = None
    """Time between two samples during the block; None: read only before and after the block."""
    times_ms: list[float]
    """Times since the block's recorders were started, just before its process or page was started."""
    values: list[float]
    """One value for each of `times_ms`. A reading without a value has no entry."""
    reason: str | None = None
    """Why readings have no value, as a clause."""


class GateReading(Record):
    """What a gate read last for one of its limits."""

    key: GateKey
    source: str
    """What was read, such as `skin`, `battery` or `load average of each core`."""
    unit: str
    value: float | None = None
    limit: float
    reason: str | None = None
    """Why there is no value, why an earlier one still counts, or why waiting does not change it, as a clause."""

    @property
    def holds(self) -> bool | None:
        """Whether the limit holds; None when that is not known."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.key == "battery" else self.value <= self.limit

    def describe(self) -> str:
        """Such as `skin 41.2 °C, limit 38 °C`."""
        if self.key == "battery_saver" and self.value is not None:
            return f"battery saver {'on' if self.value else 'off'}"
        shown = f"unknown ({self.reason})" if self.value is None else f"{self.value:.4g}{self._unit}"
        return f"{self.source} {shown}, limit {self.limit:g}{self._unit}"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


class Gate(Record):
    """How a block's gate ended: what was read last, and how long it waited."""

    outcome: Literal["open", "marked", "skipped"]
    """`open`: every limit that could be read held · `marked`: the time ran out, and the block was measured ·
    `skipped`: the time ran out, and the block was not measured."""
    waited_ms: Milliseconds
    """Time that was spent waiting; 0 when all limits held at once."""
    readings: list[GateReading] = []

    @property
    def closed_by(self) -> list[GateReading]:
        """The limits that did not hold at the end."""
        return [one for one in self.readings if one.holds is False]


class Stopped(Record):
    """An attempt at a block that was stopped because the target became too hot. It never counts as a measurement:
    its verdict is computed when it is shown (`verdicts.stopped`)."""

    REPEATS: ClassVar[int] = 2
    """How often a block is repeated that was stopped."""

    started_at: datetime
    ended_at: datetime
    source: str
    """Which temperature was read: `skin` or `battery`."""
    celsius: float
    limit: float
    series: list[Series] = []
    """What recorders read during it."""
    gate: Gate | None = None
    """The gate before this attempt; None where there was none."""
    measurement: Measurement | None = None
    """What the native runner had measured until then; None for a page, and where the runner could not report it."""

    def describe(self) -> str:
        """Such as `skin 49.1 °C, limit 45 °C, after 12 s`."""
        after = (self.ended_at - self.started_at).total_seconds()
        return f"{self.source} {self.celsius:.4g} °C, limit {self.limit:g} °C, after {after:.0f} s"


class Block(Record):
    """One block: the request, the outcome, and how far the outcome can be trusted."""

    planned: PlannedBlock
    outcome: Outcome
    reason: str | None = None
    """Why it is unsupported or failed."""
    fault: Fault | None = None
    """What happened to a failed block, if it is a known kind of fault."""
    measurement: Measurement | None = None
    verdict: Verdict | None = None
    """Verdict of this version's rules, computed for every measured block when it is read (`verdicts.reading`). It is
    never stored."""
    recorded_verdict: Verdict | None = None
    """Verdict of the rules when the block was measured, stored with the raw data."""
    started_at: datetime
    ended_at: datetime
    spent_ms: dict[SpentOn, Milliseconds] = {}
    """Wall time by activity; `measure` includes only setup, warmup and predictions."""
    series: list[Series] = []
    gate: Gate | None = None
    """The gate before the last attempt; None where there was none."""
    stopped: list[Stopped] = []
    """Attempts that were stopped because the target became too hot, in order. None of them counts as a measurement."""
    scenario: ScenarioResult | None = None
    """What was recorded while the page of its scenario was used; None without a scenario."""


class Import(Record):
    """How a run came from another store into this one."""

    source: str | None = None
    """Who measured it, as the person who imported it said."""
    file: str
    """Name of the file or folder that was imported."""
    file_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of that file, or of the database in that folder."""
    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the run itself (`results.transfer.content`)."""
    imported_at: datetime
    written_by: str | None = None
    """Version of mobilebench that wrote the file; None for a folder, which does not state it."""

    def describe(self) -> str:
        """Such as `Imported from Lab A on 2026-11-29 (runs.zip, written by mobilebench 0.1.0).`"""
        writer = f", written by mobilebench {self.written_by}" if self.written_by else ""
        origin = f"from {self.source}" if self.source else "from another store"
        return f"Imported {origin} on {self.imported_at:%Y-%m-%d} ({self.file}{writer})."


class Quarantine(Record):
    """A phone that runs leave out until a time. It is recognised by its own serial number and model, so it stays left
    out under another connection; a phone that did not describe itself, by the serial of its connection."""

    STATE: ClassVar[str] = "quarantined until "
    """Start of the state (`TargetInfo.state`) of a phone that is left out."""

    serial: str
    """adb's serial, under which it was named."""
    number: str | None = None
    """The phone's own serial number; None if it is not known."""
    model: str | None = None
    """Manufacturer and name; None if the phone did not describe itself."""
    added_at: datetime
    until: datetime
    reason: str
    lifted_at: datetime | None = None
    """When a person ended it early."""

    def is_in_force(self, now: datetime) -> bool:
        """Whether it holds at this time."""
        return self.lifted_at is None and self.added_at <= now < self.until

    def describe(self) -> str:
        """Such as `quarantined until 2026-11-30 14:00 UTC: it lost its connection 5 times`."""
        return f"{self.STATE}{self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {self.reason.rstrip('.')}"


class Goal(Record):
    """Until when a run adds rounds to its plan."""

    within: float = Field(gt=0, lt=1)
    """Half of the width of each case's 95 % interval, as a share of the predicted time: 0.02 is ±2 %."""
    budget: float | None = Field(default=None, gt=0)
    """Seconds of measuring, the planned rounds included; None for no limit."""


class RunInfo(Record):
    """A run as it was requested, before anything was measured."""

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
    """Model name to the origin of its weights (`seeded` or a sha256)."""
    imports: list[Import] = []
    """How it came into this store, oldest first; empty for a run that was measured into it."""

    @property
    def goal(self) -> Goal | None:
        """How precise its results were asked to be; None if nothing was asked."""
        asked = {name: self.suite_definition.get(name) for name in Goal.model_fields}
        return Goal.model_validate(asked) if asked["within"] is not None else None


class Run(Record):
    """A run with all its planned and measured blocks."""

    info: RunInfo
    planned: list[PlannedBlock]
    blocks: list[Block]
    models: list[ModelFacts] = []
    """Facts about the models that it measures; empty for runs of releases that did not store them."""


class StoredEvent(Record):
    """Something that happened during a run and that its blocks do not show, such as a lost target or a retry."""

    at: datetime
    kind: str
    target: str | None = None
    data: dict[str, Any] = {}
