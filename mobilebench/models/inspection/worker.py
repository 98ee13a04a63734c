"""The process that handles an untrusted model file: `python -m mobilebench.models.inspection.worker`.

It reads its job as JSON from standard input: `{task: "describe", path, format, shapes, signature}` reads the facts
about a file, `{task: "keep signature", path, signature}` changes a .tflite file. Both have `memory_bytes` and
`cpu_seconds`, to which the process limits itself before it opens the file; its exit status shows if a limit was hit.
The answer is one JSON line: `{facts}` or `{}`, or `{problem, hint}`. The process imports as little as it can, because
it has to keep up with the hashing of the same file.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.models.inspection.graph import Graph, facts, table_rows
from mobilebench.models.inspection.malformed import Malformed

OUT_OF_MEMORY = 3
"""Exit status when the memory limit was reached."""

_MAX_ANSWER = 64 * 2**20


def read(file: Path, format_name: str, shapes: Mapping[str, list[int]], signature: str | None = None) -> dict[str, Any]:
    """The facts of one model file, read in this process, for the named signature.

    Raises:
        Malformed: the file cannot be read as this format.
    """
    graph = _graph(file, format_name, shapes, signature)
    return facts(graph) | {"lookups": table_rows(graph)}


def _graph(file: Path, format_name: str, shapes: Mapping[str, list[int]], signature: str | None) -> Graph:
    if signature is not None and format_name in ("onnx", "tfjs"):
        raise Malformed(f"has no signature {signature[:100]!r}; it has none", hint="Leave --signature out.")
    match format_name:
        case "onnx":
            from mobilebench.models.inspection import onnx_reader

            return onnx_reader.read(file, shapes)
        case "tflite":
            from mobilebench.models.inspection import tflite_reader

            return tflite_reader.read(file, shapes, signature)
        case "tfjs":
            from mobilebench.models.inspection.tensorflow import tfjs

            return tfjs.read(file, shapes)
        case "saved_model":
            from mobilebench.models.inspection.tensorflow import saved_model

            return saved_model.read(file, shapes, signature)
    raise Malformed(f"is of a format that is not read here ({format_name})")


def answer(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job in this process, without limits."""
    file = Path(job["path"])
    try:
        if job["task"] == "describe":
            return {"facts": read(file, job["format"], job["shapes"], job["signature"])}
        from mobilebench.models.inspection import tflite_signature

        tflite_signature.keep(file, job["signature"])
    except Malformed as problem:
        return {"problem": problem.problem, "hint": problem.hint}
    return {}


def _prepare(job: Mapping[str, Any]) -> None:
    """Limit this process as the job says, and skip imports that it does not need."""
    memory_bytes, cpu_seconds = job["memory_bytes"], job["cpu_seconds"]
    if job["task"] == "describe":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    else:
        memory_bytes += Path(job["path"]).stat().st_size
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    if job.get("format") == "onnx":
        from mobilebench.models.inspection import onnx_reader

        onnx_reader.skip_helpers()


def main() -> int:
    """Do one job. Only the answer goes to standard output."""
    end_with_parent()
    with reserve_output() as output:
        job = json.load(sys.stdin)
        _prepare(job)
        try:
            text = json.dumps(answer(job))
        except (MemoryError, RecursionError):
            return OUT_OF_MEMORY
        if len(text) > _MAX_ANSWER:
            text = json.dumps({"problem": f"has a description of more than {_MAX_ANSWER >> 20} MiB", "hint": None})
        output.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
