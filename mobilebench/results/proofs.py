"""The proof of a block as one flat row of numbers and text, for other programs.

Each list becomes one text: numbers are separated by spaces, flags are quoted for a shell, sentences are joined by
`; `. Files and downloads have tables of their own.
"""

from __future__ import annotations

import shlex
from typing import Any

from mobilebench.core.records import DelegateShare, Measurement, Proof

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

_AS_THEY_ARE = tuple(name for name in PROOF if name in Proof.model_fields)


def proof_row(measurement: Measurement) -> dict[str, Any]:
    """The row of a block's proof; None for values that could not be read."""
    proof = measurement.proof
    wasm = [file for file in proof.files if file.name.endswith(".wasm")]
    found = {name: getattr(proof, name) for name in _AS_THEY_ARE}
    return {
        **found,
        "backend_read": proof.backend,
        "threads_read": proof.threads,
        "affinity_read": None if proof.affinity is None else ",".join(map(str, proof.affinity)),
        "priority_read": proof.priority,
        "model_access_read": proof.model_access,
        "thread_cpu_ms": _numbers(proof.thread_cpu_ms),
        "download_turns_ms": _numbers(proof.download_turns_ms),
        "wasm_file": "; ".join(file.name for file in wasm) or None,
        "wasm_sha256": "; ".join(file.sha256 or "" for file in wasm) or None,
        "delegates": "; ".join(map(_delegate, proof.delegates)) or None,
        "cpu_features": " ".join(proof.cpu_features) or None,
        "flags": shlex.join(proof.flags) or None,
        "environment": shlex.join(f"{name}={value}" for name, value in proof.environment.items()) or None,
        "notes": "; ".join(proof.notes) or None,
    }


def _numbers(values: list[float]) -> str | None:
    return " ".join(map(repr, values)) or None


def _delegate(of: DelegateShare) -> str:
    return f"{of.name}: {of.nodes} nodes" + ("" if of.partitions is None else f", {of.partitions} partitions")
