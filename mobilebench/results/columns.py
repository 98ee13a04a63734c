"""The columns of every exported table, in order. `docs/data_dictionary.md` is made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from mobilebench.core.axes import AXES
from mobilebench.core.records import PageMemory, SpentOn
from mobilebench.results.names import TableName

SCHEMA = 2
"""Version of these tables, which the column `schema` states in every row. It is raised when a column is removed or
renamed, or when its type, unit or meaning changes; a column may be added without raising it. Exports without the column
have version 1."""


@dataclass(frozen=True)
class Column:
    """One column of an exported table."""

    kind: type
    """Type of its values; every column may also be empty."""
    meaning: str
    """What its values are, as a sentence in Markdown without line breaks."""
    unit: str = ""
    """Unit of its values; empty for texts, truth values and plain numbers."""

    @property
    def type_name(self) -> str:
        """The type in words."""
        return {str: "text", int: "integer", float: "number", bool: "truth value"}[self.kind]


_MEANING_OF_AXIS = {
    "target": "The machine that was measured: the adb serial of a phone, or `host`.",
    "engine": "The inference runtime, with a release after `@` if it is not the current one.",
    "backend": "Where the engine computes, such as `cpu`, `wasm` or `webgpu`.",
    "wasm_build": "The engine's WebAssembly that was requested, such as `simd-threads`.",
    "delegate": "The delegate that was requested, such as `xnnpack` or `none`.",
    "arithmetic": "The number format in which float32 operations were to be computed.",
    "gpu": "The GPU that was requested: `hardware`, `software`, `integrated` or `discrete`.",
    "device_type": "WebNN's type of device: `cpu`, `gpu` or `npu`.",
    "threads": "The number of threads that was requested.",
    "browser": "The browser of a page, or `node` for a web engine in Node; empty for native engines.",
    "isolation": "Whether a page was to be cross-origin isolated: `isolated` or `none`.",
    "model": "Name of the model.",
    "precision": "Number format of the model: `fp32`, `fp16`, `int8` or `dynamic`.",
    "batch": "The number of inputs that are computed together.",
    "affinity": "The cores on which a native engine was to run.",
    "context": "What started the block: `shell`, `app-foreground`, `app-service`, `browser` or `manual`.",
    "caches": "State of the caches before setup: `as found`, `cold` or `warm`.",
    "link": "The network that the browser imitated during setup.",
    "loader": "How a page obtained framework and model: `split` or `as-shipped`.",
    "encoding": "The compression that was requested for a page's downloads.",
    "scenario": "How the page was used meanwhile: `interaction`, `typing`, `video`, an address or a file; or `none`.",
    "duty": "Share of the time in which the page of a scenario was to infer, in percent; empty without a scenario.",
    "place": "Thread of the scenario's page that was to call the engine: `main` or `worker`.",
}

_AFTER: dict[str, dict[str, Column]] = {
    "target": {
        "target_name": Column(str, "Marketing or board name of the machine."),
        "target_kind": Column(str, "`host`, `android` or `manual` (a browser that a person drives)."),
        "virtual": Column(bool, "Whether the machine is a virtual phone, whose numbers are those of a computer."),
        "soc": Column(str, "The SoC under which results are filed; `virtual: <host CPU>` for a virtual phone."),
        "os": Column(str, "Operating system of the machine, with its version."),
    },
    "engine": {"engine_version": Column(str, "Version that the engine reported.")},
    "browser": {
        "browser_version": Column(str, "Version that the browser reported."),
        "cross_origin_isolated": Column(bool, "Whether the page was isolated, which shared memory and threads need."),
    },
    "precision": {"weights": Column(str, "Origin of the model's weights: `seeded`, or the sha256 of trained ones.")},
}
"""Columns that follow the column of an axis."""


def _of_axes() -> dict[str, Column]:
    found: dict[str, Column] = {}
    for name, axis in AXES.items():
        meaning = _MEANING_OF_AXIS.get(name, f"The {axis.title} of the case.")
        found |= {axis.column: Column(axis.column_type, meaning), **_AFTER.get(name, {})}
    return found


_SHARED: dict[str, Column] = {
    "schema": Column(int, "Version of this table's columns; files without this column have version 1."),
    "run": Column(str, "Id of the run."),
    "suite": Column(str, "Name of the suite that was run."),
    **_of_axes(),
    "priority": Column(int, "The nice value that was requested."),
    "model_access": Column(str, "How a native engine was to open the model: `read` or `mapped`."),
    "conditions": Column(str, "What was asked of the phone's state (`--conditions`)."),
    "pass": Column(str, "`timing`, or the recorder that ran during the block (`kernels`, `memory`, `trace`, …)."),
    "round": Column(int, "The round, which holds every case once; ratios pair blocks of one round."),
    "block": Column(int, "Position of the block in the run's plan, unique within the run."),
    "started_at": Column(str, "When the block began, as ISO 8601 in UTC."),
    "outcome": Column(str, "`measured`, `unsupported`, `failed` or `not measured`; `stopped` in table `attempts`."),
    "fault": Column(str, "Kind of a failure, if it is a known one, such as `crash` or `hang`."),
    "reason": Column(str, "Why the block is unsupported or failed."),
    "verdict": Column(str, "`valid`, `suspect` or `invalid`, computed when the table was exported."),
    "verdict_codes": Column(
        str, "Codes of the verdict's reasons, separated by spaces (`mobilebench describe verdicts`)."
    ),
    "verdict_reasons": Column(str, "The verdict's reasons as sentences, separated by `; `."),
    "rules": Column(int, "Version of the rules that gave the verdict."),
    "recorded_verdict": Column(str, "The verdict when the block was measured."),
    "recorded_codes": Column(str, "Codes of the reasons of `recorded_verdict`."),
    "recorded_rules": Column(int, "Version of the rules that gave `recorded_verdict`."),
}

PAGE_MEMORY = tuple(name for name in PageMemory.model_fields if name not in ("at_ms", "stage"))
"""Memory values that a page and its browser report, each named after its source."""

_PAGE_MEMORY: dict[str, Column] = {
    "wasm_heap_bytes": Column(int, "Total length of all `WebAssembly.Memory` objects of the page.", "bytes"),
    "js_heap_bytes": Column(int, "`usedSize` of `Runtime.getHeapUsage`: only JavaScript objects.", "bytes"),
    "js_backing_bytes": Column(
        int, "`backingStorageSize` of `Runtime.getHeapUsage`: contents of array buffers.", "bytes"
    ),
    "performance_memory_bytes": Column(int, "`usedJSHeapSize` of `performance.memory`.", "bytes"),
    "performance_memory_total_bytes": Column(int, "`totalJSHeapSize` of `performance.memory`.", "bytes"),
    "user_agent_bytes": Column(int, "`bytes` of `performance.measureUserAgentSpecificMemory()`.", "bytes"),
    "tf_bytes": Column(int, "`numBytes` of `tf.memory()`: all live tensors.", "bytes"),
    "tf_gpu_bytes": Column(int, "`numBytesInGPU` of `tf.memory()`.", "bytes"),
    "tf_tensors": Column(int, "`numTensors` of `tf.memory()`: a number of tensors."),
}

PROOF: dict[str, Column] = {
    "backend_read": Column(str, "The backend, as read back from the engine."),
    "delegate_asked": Column(str, "The delegate that the native runner was asked for."),
    "arithmetic_asked": Column(str, "The number format that the native runner was asked for."),
    "threads_read": Column(int, "The number of threads, as read back from the engine."),
    "threads_source": Column(str, "Where `threads_read` comes from."),
    "threads_alive": Column(int, "Threads of the process that could have computed, busy or idle."),
    "threads_at_work": Column(int, "Threads of a page that computed during the predictions, by processor time."),
    "thread_cpu_ms": Column(
        str, "CPU time of each thread during the predictions, largest first, separated by spaces.", "ms"
    ),
    "simd": Column(bool, "Whether the engine reported SIMD."),
    "wasm_file": Column(str, "Names of the WebAssembly files that were loaded, separated by `; `."),
    "wasm_sha256": Column(str, "SHA-256 of these files, in the same order."),
    "graph_nodes": Column(int, "Number of nodes of the engine's graph."),
    "delegates": Column(str, "Delegates or execution providers with the nodes that each took."),
    "cpu_features": Column(str, "Instruction sets of the processor that matter for inference, separated by spaces."),
    "affinity_asked": Column(str, "The cores that the runner was asked for."),
    "affinity_read": Column(str, "CPUs on which the process could run, read back after the predictions."),
    "affinity_kept": Column(bool, "Whether every thread had exactly the requested CPUs."),
    "cpuset": Column(str, "The cpuset in which the system placed the process."),
    "priority_read": Column(int, "The nice value, read back."),
    "model_access_read": Column(str, "How the model was opened, read back."),
    "regime": Column(str, "The phone's clocks: `natural`, or `fixed` by a condition."),
    "conditions_held": Column(str, "The conditions that the phone held, with blanks between them."),
    "caches_asked": Column(str, "The state of the caches that was asked for."),
    "model_resident": Column(
        float, "Share of the model's pages that was in the page cache before setup.", "share (0 to 1)"
    ),
    "library_resident": Column(
        float, "Share of the library's pages that was in the page cache before setup.", "share (0 to 1)"
    ),
    "clock_resolution_ms": Column(float, "Smallest step of the clock.", "ms"),
    "clock_cost_ms": Column(float, "Time that one reading of the clock takes.", "ms"),
    "browser_program": Column(str, "Name of the browser's program file, or of its package on a phone."),
    "renderer_process": Column(int, "Process id of the page, if the browser stays open between blocks."),
    "renderer_fresh": Column(bool, "Whether that process had computed nothing before this page."),
    "user_agent": Column(str, "The page's user agent."),
    "hardware_concurrency": Column(int, "`navigator.hardwareConcurrency` of the page."),
    "hardware_concurrency_overridden": Column(bool, "Whether mobilebench had set `hardware_concurrency`."),
    "visible": Column(bool, "Whether the page was visible throughout."),
    "focused": Column(bool, "Whether the page had the focus throughout."),
    "runs_in": Column(str, "Thread of the page in which the engine was called: `main thread` or `worker`."),
    "renderer": Column(str, "The GPU's renderer, as WebGL or WebGPU names it."),
    "renderer_software": Column(bool, "Whether that renderer computes on the CPU."),
    "power_preference": Column(str, "The power preference in the request for the GPU."),
    "download_path": Column(str, "The way from the page server to the page, such as `loopback` or `usb-reverse`."),
    "download_turns_ms": Column(
        str, "Duration of each part of setup that downloads, by the server, separated by spaces.", "ms"
    ),
    "app_context": Column(str, "How the app said that it ran: `app-foreground` or `app-service`."),
    "app_version": Column(str, "Version of mobilebench's app."),
    "app_sha256": Column(str, "SHA-256 of the installed app, computed by the phone."),
    "app_process_state": Column(str, "The state of the app's process, as Android names it."),
    "app_importance": Column(int, "`importance` of the app's process: 100 in front, 125 a foreground service."),
    "app_oom_score_adj": Column(int, "How soon Android ends the app's process when memory runs out; 0 is the last."),
    "app_cpuset": Column(str, "The cpuset of the app's process, as the app read it."),
    "app_sched_group": Column(str, "The scheduling group of the app's process, such as `top-app`."),
    "app_visible": Column(bool, "Whether the app's activity was visible at the end."),
    "app_thermal_status": Column(int, "Android's thermal status at the end, from 0 (none) to 6 (shutdown)."),
    "app_thermal_headroom": Column(float, "`PowerManager.getThermalHeadroom`; 1 is the limit of severe throttling."),
    "app_low_memory": Column(bool, "Whether Android said at the end that memory was low."),
    "app_max_heap_mb": Column(int, "Largest heap of the app's Java machine.", "MiB"),
    "app_sdk": Column(int, "Android's API level, as the app read it."),
    "app_jvm": Column(str, "The Java machine of this computer in which the app's core ran; empty on a phone."),
    "flags": Column(str, "Command-line flags of browser or runner, quoted for a shell."),
    "environment": Column(str, "Environment variables that were set, quoted for a shell."),
    "notes": Column(str, "Remarks of runner and page, separated by `; `."),
}
"""Columns of the table `proof`. A column `NAME_read` was read back; the shared column `NAME` holds the request."""

_STAGE = Column(str, "`setup`, `warmup` (the first inference) or `prediction` (every later one).")
_STAGE_END = Column(str, "The stage, or part of setup, that had just ended.")
_KIB = "KiB"

_OWN: dict[TableName, dict[str, Column]] = {
    "samples": {
        "predictions_per_sample": Column(int, "Above 1, `value_ms` is the mean of so many predictions."),
        "stage": _STAGE,
        "part": Column(str, "The part of setup."),
        "position": Column(int, "Position of the value within its stage."),
        "value_ms": Column(float, "The time that was measured, raw.", "ms"),
        "readback_ms": Column(float, "The part of this prediction after the engine's call had returned.", "ms"),
    },
    "kernels": {
        "name": Column(str, "The kernel as the engine's profiler names it."),
        "node": Column(int, "Position in the engine's execution plan."),
        "operator": Column(str, "The operator of the model's file that it computes."),
        "provider": Column(str, "Delegate or execution provider that ran it."),
        "collapsed": Column(bool, "Whether it stands for a whole delegated part."),
        "clock": Column(str, "Whose clock measured it: `cpu` or `gpu`; empty when there is only one."),
        "stage": _STAGE,
        "position": Column(int, "Position of the inference within its stage."),
        "value_ms": Column(float, "Time of the kernel in that inference.", "ms"),
    },
    "graph": {
        "operator": Column(str, "Type of operator, as the model's format names it."),
        "count": Column(int, "Number of such operators in the model's file."),
        "parameters": Column(int, "Number of their parameters."),
        "macs": Column(int, "Multiply-accumulates of one prediction."),
    },
    "memory": {
        "period_ms": Column(float, "Time between two readings at an interval.", "ms"),
        "kind": Column(str, "`sample` (at an interval), `stage end`, or `process` (values of the whole process)."),
        "at_ms": Column(float, "Time since the process began to measure.", "ms"),
        "stage": _STAGE_END,
        "rss_kb": Column(int, "Resident set.", _KIB),
        "pss_kb": Column(int, "Proportional set.", _KIB),
        "uss_kb": Column(int, "Private clean and dirty pages.", _KIB),
        "anonymous_kb": Column(int, "Anonymous part of the resident set.", _KIB),
        "file_kb": Column(int, "File-backed part of the resident set.", _KIB),
        "peak_rss_kb": Column(int, "Largest resident set of the process.", _KIB),
        "graphics_kb": Column(int, "On Android: `Graphics` of `dumpsys meminfo`, after the predictions.", _KIB),
    },
    "downloads": {
        "name": Column(str, "Name of the file that the page obtained."),
        "start_ms": Column(float, "When the download began, from the start of setup, by the page.", "ms"),
        "page_ms": Column(float, "Time from the request to the last byte, by the page.", "ms"),
        "server_ms": Column(float, "Time until the last byte was passed to the system, by the server.", "ms"),
        "first_byte_ms": Column(float, "Time from the request to the first byte.", "ms"),
        "bytes": Column(int, "Size of the body as the page received it, still encoded.", "bytes"),
        "decoded_bytes": Column(int, "Size of the body after decoding.", "bytes"),
        "server_bytes": Column(int, "Bytes that the server sent.", "bytes"),
        "from_cache": Column(bool, "Whether the browser took it from its cache without a request."),
        "sent_encoding": Column(str, "The encoding in which the server sent it."),
        "download_path": PROOF["download_path"],
    },
    "page_memory": {
        "at_ms": Column(float, "Time since the page was opened.", "ms"),
        "stage": _STAGE_END,
        **{name: _PAGE_MEMORY[name] for name in PAGE_MEMORY},
    },
    "kernel_memory": {
        "position": Column(int, "Position of the kernel in the first inference."),
        "name": Column(str, "The kernel as the engine's profiler names it."),
        "bytes_added": Column(int, "`bytesAdded` of the profiler: bytes of tensors.", "bytes"),
        "total_bytes": Column(int, "`totalBytesSnapshot` of the profiler: all live tensors.", "bytes"),
        "wasm_heap_bytes": _PAGE_MEMORY["wasm_heap_bytes"],
        "performance_memory_bytes": _PAGE_MEMORY["performance_memory_bytes"],
    },
    "cost": {
        "stage": _STAGE,
        "user_ms": Column(float, "CPU time of the whole process in user mode.", "ms"),
        "system_ms": Column(float, "CPU time of the whole process in the kernel.", "ms"),
        "minor_faults": Column(int, "Page faults without a read from the disk."),
        "major_faults": Column(int, "Page faults with a read from the disk."),
        "voluntary_switches": Column(int, "Context switches because a thread waited."),
        "involuntary_switches": Column(int, "Context switches because the system took the processor away."),
    },
    "compilation": {
        "stage": _STAGE,
        "shaders": Column(int, "Number of shaders that the page compiled."),
        "pipelines": Column(int, "Number of pipelines (WebGPU) or linked programs (WebGL)."),
        "compilation_ms": Column(float, "Time during which at least one of these calls was running.", "ms"),
    },
    "proof": PROOF,
    "files": {
        "name": Column(str, "Name of a file that was loaded."),
        "bytes": Column(int, "Its size.", "bytes"),
        "sha256": Column(str, "Its SHA-256, in hex."),
    },
    "traces": {
        "name": Column(str, "Name of the trace's file in the run's folder `traces`."),
        "bytes": Column(int, "Size of the file.", "bytes"),
        "sha256": Column(str, "SHA-256 of the file, in hex."),
        "json_bytes": Column(int, "Size of the uncompressed JSON.", "bytes"),
        "complete": Column(bool, "False when the browser's buffer was full, so that later events are missing."),
        "marks": Column(str, "Stages and parts of setup that the page marked, separated by spaces."),
    },
    "series": {
        "recorder": Column(str, "Name of the recorder."),
        "name": Column(str, "Name of the quantity."),
        "unit": Column(str, "Unit of `value`."),
        "interval_ms": Column(float, "Time between two readings; empty: only before and after the block.", "ms"),
        "position": Column(int, "Position of the reading."),
        "time_ms": Column(float, "Time since the block's recorders were started.", "ms"),
        "value": Column(float, "The reading.", "see `unit`"),
        "missing": Column(str, "Why readings have no value."),
    },
    "energy": {
        "stage": _STAGE,
        "method": Column(
            str, "`rapl-package`, `gauge-current`, `gauge-charge` or `meter`; their limits are in `docs/energy.md`."
        ),
        "scope": Column(str, "What the energy includes."),
        "gross_mj": Column(float, "Energy of one inference (`setup`: of the whole setup), idle power included.", "mJ"),
        "net_mj": Column(
            float, "The same less the idle power; below 0 if less was drawn than by an idle target.", "mJ"
        ),
        "power_mw": Column(float, "Mean power during the stage.", "mW"),
        "idle_before_mw": Column(float, "Mean power of the idle time before the block.", "mW"),
        "idle_after_mw": Column(float, "Mean power of the idle time after the block.", "mW"),
        "updates": Column(int, "How many new values the meter gave during the stage."),
        "averaged_s": Column(float, "The part of the stage over which its power was averaged.", "s"),
        "missing": Column(str, "Why gross or net energy is not known."),
    },
    "page_quality": {
        "metric": Column(str, "Name of the metric, such as `video_fps` or `runs_per_minute`."),
        "value": Column(float, "Its value over the whole block.", "see `unit`"),
        "unit": Column(str, "Unit of `value`."),
        "direction": Column(str, "`higher is better` or `lower is better`."),
        "missing": Column(str, "Why the metric has no value."),
        "reached_duty": Column(float, "Share of the time in which the page really inferred; empty without one.", "%"),
    },
    "attempts": {
        "attempt": Column(int, "Number of the attempt at the block, from 1."),
        "stopped": Column(bool, "Whether it was stopped because the target became too hot."),
        "ended_at": Column(str, "When the attempt ended, as ISO 8601 in UTC."),
        "stopped_by": Column(str, "The temperature that stopped it: `skin` or `battery`."),
        "stopped_celsius": Column(float, "That temperature.", "°C"),
        "stop_above_celsius": Column(float, "The ceiling that was asked for.", "°C"),
        "predictions": Column(int, "For a stopped attempt: how many predictions the runner had made."),
        "prediction_ms": Column(
            str, "For a stopped attempt: the time of each of them, separated by spaces; in no statistic.", "ms"
        ),
        "gate": Column(str, "How the gate before it ended: `open`, `marked` or `skipped`; empty without a gate."),
        "gate_waited_ms": Column(float, "Time that was spent waiting at that gate.", "ms"),
        "gate_readings": Column(str, "What the gate read last, separated by `; `."),
        **{
            f"{what}_ms": Column(float, f"Wall time of the whole block for `{what}`; empty for stopped attempts.", "ms")
            for what in get_args(SpentOn)
        },
    },
}

_LONG = {"reason", "verdict_reasons", "recorded_codes", "recorded_rules"}
"""Long texts, which only the table `samples` has, for every block: the other tables have too many rows."""

SHARED: dict[str, Column] = {name: column for name, column in _SHARED.items() if name not in _LONG}
"""The columns with which every table begins; `samples` has a few more."""

COLUMNS: dict[TableName, dict[str, Column]] = {
    name: {**(_SHARED if name == "samples" else SHARED), **own} for name, own in _OWN.items()
}
"""Every column of every table. `_ms` are milliseconds and `_kb` KiB, all raw; unknown values are empty."""

TABLES: tuple[TableName, ...] = get_args(TableName)

HOLDS: dict[TableName, str] = {
    "samples": "Stage times: at least one row for each planned block, and one row for each raw value. A block without "
    "values has one row with its reason.",
    "kernels": "Times of kernels: one row for each inference of each kernel, from passes `kernels`.",
    "graph": "Operators of the model's file by type, from passes `kernels`.",
    "memory": "Readings of the process's memory, from passes `memory`.",
    "page_memory": "Memory that a page, its engine and its browser report at the end of each stage.",
    "kernel_memory": "Memory of TensorFlow.js after each kernel of the first inference.",
    "cost": "What the system counted for the whole process in each stage.",
    "compilation": "What a page compiled for a GPU in each stage.",
    "downloads": "Files that a page obtained during setup.",
    "proof": "Values that were read back: one row for each measured block.",
    "files": "Files that were loaded: one row for each file of each block.",
    "traces": "Files of trace passes.",
    "series": "Readings of recorders: one row for each reading; a series without readings has one row with the reason.",
    "energy": "Energy of each stage by each method, computed from the series of passes `energy`. A value that is not "
    "known is empty, with the reason in `missing`.",
    "page_quality": "How well a page answered and drew while it was used: one row for each metric of each block with a "
    "scenario, computed from the raw times that are stored.",
    "attempts": "Attempts at blocks: one row for the attempt whose outcome counts, and one for each attempt that was "
    "stopped because of heat, which has the outcome `stopped` and the verdict `invalid`.",
}
"""What the rows of each table are."""
