"""The process that reads an untrusted model file: `python -m mobilebench.models.inspection.reader REQUEST`.

REQUEST is JSON: `{path, format, shapes, signature, memory_bytes, cpu_seconds}`. The answer is JSON on standard output:
`{facts}`, or `{problem, hint}`. The process limits itself before it opens the file; its exit status shows if a limit
was hit. It imports as little as it can, because it has to keep up with the hashing of the same file.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilebench.models.inspection import lookups
from mobilebench.models.inspection.graph import Graph, facts
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.onnx import core as onnx_core

OUT_OF_MEMORY = 3
"""Exit status when the memory limit was reached."""


def read(file: Path, format_name: str, shapes: Mapping[str, list[int]], signature: str | None = None) -> dict[str, Any]:
    """The facts of one model file, read in this process, for the named signature.

    Raises:
        Malformed: the file cannot be read as this format.
    """
    graph = _graph(file, format_name, shapes, signature)
    return facts(graph) | {"lookups": lookups.rows(graph)}


def _graph(file: Path, format_name: str, shapes: Mapping[str, list[int]], signature: str | None) -> Graph:
    if signature is not None and format_name in ("onnx", "tfjs"):
        raise Malformed(f"has no signature {signature[:100]!r}; it has none", hint="Leave --signature out.")
    match format_name:
        case "onnx":
            from mobilebench.models.inspection.onnx import reader as onnx_reader

            return onnx_reader.read(file, shapes)
        case "tflite":
            from mobilebench.models.inspection.tflite import reader as tflite_reader

            return tflite_reader.read(file, shapes, signature)
        case "tfjs":
            from mobilebench.models.inspection.tensorflow import tfjs

            return tfjs.read(file, shapes)
        case "saved_model":
            from mobilebench.models.inspection.tensorflow import saved_model

            return saved_model.read(file, shapes, signature)
    raise Malformed(f"is of a format that is not read here ({format_name})")


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main(arguments: list[str]) -> int:
    """Read the file that the request names and print the answer."""
    request = json.loads(arguments[0])
    _limit(request["memory_bytes"], request["cpu_seconds"])
    onnx_core.skip_helpers()
    try:
        answer = {"facts": read(Path(request["path"]), request["format"], request["shapes"], request["signature"])}
        text = json.dumps(answer)
    except Malformed as problem:
        text = json.dumps({"problem": problem.problem, "hint": problem.hint})
    except (MemoryError, RecursionError):
        return OUT_OF_MEMORY
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
