"""The columns of every exported table: name and type, in order."""

from __future__ import annotations

from typing import get_args

from mobilebench.core.axes import AXES
from mobilebench.core.records import PageMemory
from mobilebench.results.names import TableName

_AFTER: dict[str, dict[str, type]] = {
    "target": {"target_name": str, "target_kind": str, "virtual": bool, "soc": str, "os": str},
    "engine": {"engine_version": str},
    "browser": {"browser_version": str, "cross_origin_isolated": bool},
    "precision": {"weights": str},
}
"""Columns that follow the column of an axis."""


def _of_axes() -> dict[str, type]:
    found: dict[str, type] = {}
    for name, axis in AXES.items():
        found |= {axis.column: axis.column_type, **_AFTER.get(name, {})}
    return found


_SHARED: dict[str, type] = {
    "run": str,
    "suite": str,
    **_of_axes(),
    "priority": int,
    "model_access": str,
    "pass": str,
    "context": str,
    "round": int,
    "block": int,
    "started_at": str,
    "outcome": str,
    "fault": str,
    "reason": str,
    "verdict": str,
    "verdict_codes": str,
    "verdict_reasons": str,
    "rules": int,
    "recorded_verdict": str,
    "recorded_codes": str,
    "recorded_rules": int,
}

PAGE_MEMORY = tuple(name for name in PageMemory.model_fields if name not in ("at_ms", "stage"))
"""Memory values that a page and its browser report, each named after its source."""

PROOF: dict[str, type] = {
    "backend_read": str,
    "delegate_asked": str,
    "arithmetic_asked": str,
    "threads_read": int,
    "threads_source": str,
    "threads_alive": int,
    "threads_at_work": int,
    "thread_cpu_ms": str,
    "simd": bool,
    "wasm_file": str,
    "wasm_sha256": str,
    "graph_nodes": int,
    "delegates": str,
    "cpu_features": str,
    "affinity_asked": str,
    "affinity_read": str,
    "affinity_kept": bool,
    "cpuset": str,
    "priority_read": int,
    "model_access_read": str,
    "caches_asked": str,
    "model_resident": float,
    "library_resident": float,
    "clock_resolution_ms": float,
    "clock_cost_ms": float,
    "browser_program": str,
    "renderer_process": int,
    "renderer_fresh": bool,
    "user_agent": str,
    "hardware_concurrency": int,
    "hardware_concurrency_overridden": bool,
    "visible": bool,
    "focused": bool,
    "runs_in": str,
    "renderer": str,
    "renderer_software": bool,
    "power_preference": str,
    "download_path": str,
    "download_turns_ms": str,
    "flags": str,
    "environment": str,
    "notes": str,
}
"""Columns of the table `proof`. A column `NAME_read` was read back; the shared column `NAME` holds the request."""

_OWN: dict[TableName, dict[str, type]] = {
    "samples": {
        "predictions_per_sample": int,
        "stage": str,
        "part": str,
        "position": int,
        "value_ms": float,
        "readback_ms": float,
    },
    "kernels": {
        "name": str,
        "node": int,
        "operator": str,
        "provider": str,
        "collapsed": bool,
        "clock": str,
        "stage": str,
        "position": int,
        "value_ms": float,
    },
    "graph": {"operator": str, "count": int, "parameters": int, "macs": int},
    "memory": {
        "period_ms": float,
        "kind": str,
        "at_ms": float,
        "stage": str,
        "rss_kb": int,
        "pss_kb": int,
        "uss_kb": int,
        "anonymous_kb": int,
        "file_kb": int,
        "peak_rss_kb": int,
        "graphics_kb": int,
    },
    "downloads": {
        "name": str,
        "start_ms": float,
        "page_ms": float,
        "server_ms": float,
        "first_byte_ms": float,
        "bytes": int,
        "decoded_bytes": int,
        "server_bytes": int,
        "from_cache": bool,
        "sent_encoding": str,
        "download_path": str,
    },
    "page_memory": {"at_ms": float, "stage": str, **dict.fromkeys(PAGE_MEMORY, int)},
    "kernel_memory": {
        "position": int,
        "name": str,
        "bytes_added": int,
        "total_bytes": int,
        "wasm_heap_bytes": int,
        "performance_memory_bytes": int,
    },
    "cost": {
        "stage": str,
        "user_ms": float,
        "system_ms": float,
        "minor_faults": int,
        "major_faults": int,
        "voluntary_switches": int,
        "involuntary_switches": int,
    },
    "compilation": {"stage": str, "shaders": int, "pipelines": int, "compilation_ms": float},
    "proof": PROOF,
    "files": {"name": str, "bytes": int, "sha256": str},
    "traces": {"name": str, "bytes": int, "sha256": str, "json_bytes": int, "complete": bool, "marks": str},
    "series": {
        "recorder": str,
        "name": str,
        "unit": str,
        "interval_ms": float,
        "position": int,
        "time_ms": float,
        "value": float,
        "missing": str,
    },
}

_LONG = {"reason", "verdict_reasons", "recorded_codes", "recorded_rules"}
"""Long texts, which only the table `samples` has, for every block: the other tables have too many rows."""

COLUMNS: dict[TableName, dict[str, type]] = {
    name: {column: kind for column, kind in {**_SHARED, **own}.items() if name == "samples" or column not in _LONG}
    for name, own in _OWN.items()
}
"""Name and type of every column of every table. `soc` is the SoC under which results are filed: `virtual: <host CPU>`
for a virtual phone. `started_at` is ISO 8601 in UTC; `_ms` are milliseconds and `_kb` KiB, all raw; unknown values are
empty. `verdict`, with its codes and reasons, is computed on reading, by version `rules` of the rules;
`recorded_verdict` is the verdict when the block was measured. If `predictions_per_sample` is above 1, a prediction's
value is the mean of that many predictions. `readback_ms` is a part of the prediction in the same row."""

TABLES: tuple[TableName, ...] = get_args(TableName)
