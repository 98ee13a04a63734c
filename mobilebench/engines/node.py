"""Runs the WebAssembly of a web engine in Node on this computer, outside of any page.

Node loads the same script and the same binary as a page, so a comparison of the two shows what the page and its browser
add. One thread is used; nothing is downloaded, so setup has the parts `framework_init`, `model_read` and `model_init`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event

from mobilebench.core import temporary
from mobilebench.core.axes import AXES
from mobilebench.core.errors import BadInput, BlockFailed
from mobilebench.core.hashing import known_sha256
from mobilebench.core.records import Case, FileProof, Measurement, TargetInfo
from mobilebench.engines import page_answer
from mobilebench.engines.base import BlockResult, PreparedCase
from mobilebench.engines.page_messages import Job
from mobilebench.engines.time_limit import too_slow_is_unsupported, waiting
from mobilebench.models.manifest import FormatFile
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.profiles import machine
from mobilebench.recorders.sources import Processes
from mobilebench.targets.base import ShellResult

PROGRAM = "MOBILEBENCH_NODE"
"""Environment variable that names the program."""
_SCRIPT = "node.mjs"
_OF_PAGES = ("caches", "link", "loader", "encoding", "isolation")
"""Axes of pages that mean nothing outside of a page."""
_VERSION_SECONDS = 20.0
_ANSWER_LIMIT = 4 * page_answer.ANSWER_LIMIT
"""Most bytes of the program's output."""


@dataclass(frozen=True)
class PreparedNode(PreparedCase):
    """A block that Node can measure."""

    entry: FormatFile
    """The model in the format that the engine reads."""
    job: Job
    """What to measure. Names of files are absolute addresses."""
    program: str
    pages: Path
    """The folder of the built pages, which holds the frameworks and Node's script."""
    patience_s: float
    """Seconds after which it counts as stuck."""


def reason_against(target: TargetInfo, case: Case, title: str, builds: Sequence[str]) -> str | None:
    """Why Node cannot run a case on this target, in plain words; None if nothing is known against it.

    Args:
        target: where to run it.
        case: what to run.
        title: the framework's own name.
        builds: the framework's Wasm builds that Node runs.
    """
    if target.kind != "host":
        return f"Node runs only on this computer, and {target.id} is a phone"
    if case.backend != "wasm":
        return f"Node has no {case.backend}: outside of a page only WebAssembly is run"
    if case.wasm_build not in builds:
        there = f" (only {', '.join(builds)})" if builds else ""
        return f"{case.engine} {case.backend} {case.wasm_build} is not run in Node{there}"
    if case.threads > 1:
        return f"{title} starts threads only in a page"
    for name in _OF_PAGES:
        value = getattr(case, name)
        if value != AXES[name].default:
            return f"Node opens no page and downloads nothing, so there is no {AXES[name].title} {value}"
    return None if program() else why_missing()


def why_missing() -> str:
    """Why there is no usable Node here, as a clause."""
    found = _named()
    if found is None:
        return f"there is no Node on this computer (install Node 20.19 or later, or name its program in {PROGRAM})"
    return f"{found} is not Node 20.19, 22.12 or later (it reports {version(found) or 'no version'})"


def program() -> str | None:
    """The program of a usable Node on this computer: `MOBILEBENCH_NODE`, else `node` on the path; None without one."""
    found = _named()
    return found if found and _usable(version(found)) else None


@cache
def version(path: str) -> str | None:
    """The version that a program reports; None if it reports none."""
    try:
        printed = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return printed.stdout.strip().removeprefix("v")[:40] or None


def _named() -> str | None:
    return os.environ.get(PROGRAM) or shutil.which("node")


def _usable(found: str | None) -> bool:
    """Whether this version runs the frameworks' scripts as they are built."""
    numbers = [int(part) for part in (found or "").split(".")[:2] if part.isdecimal()]
    return len(numbers) == 2 and ((20, 19) <= tuple(numbers) < (21, 0) or tuple(numbers) >= (22, 12))


def in_files(job: Job, folder: Path) -> Job:
    """The job with the model's files in `folder` as absolute addresses."""

    def address(name: str) -> str:
        return (folder / name.removeprefix("model/")).absolute().as_uri()

    model = job.model
    parts = {name: address(file) for name, file in model.parts.items()}
    return job.model_copy(update={"model": model.model_copy(update={"file": address(model.file), "parts": parts})})


def require_script(pages: Path) -> None:
    """Raises `BadInput` if the pages, to which Node's script belongs, have not been built."""
    if not (pages / _SCRIPT).is_file():
        raise BadInput(f"There is no built script for Node in {pages}.", hint="Build it with `make web`.")


def measure(prepared: PreparedNode, *, cancel: Event, samples: int = SAMPLES) -> BlockResult:
    """Measure one block in a fresh process of Node; at most `samples` elements of each output are kept.

    Raises:
        Unsupported: the engine cannot run the case, or not within the rule's time limit.
        BlockFailed: Node never answered, crashed, or printed something other than a measurement.
    """
    case, block, target = prepared.block.case, prepared.block, prepared.target
    began = time.monotonic()
    with temporary.folder("mobilebench-node-") as folder:
        job = folder / "job.json"
        job.write_text(prepared.job.model_copy(update={"samples": samples}).model_dump_json(), encoding="utf-8")
        with (
            too_slow_is_unsupported(),
            machine.with_kill_reason(),
            waiting(block.rule, prepared.patience_s) as seconds,
        ):
            command = [prepared.program, str(prepared.pages / _SCRIPT), str(job)]
            prepared.processes.are(Processes(command=tuple(command)))
            result = target.shell(command, timeout=seconds, cancel=cancel)
    measured = page_answer.parse_answer(_last_line(result, case), case, where="Node")
    measurement = _completed(measured, prepared)
    around = (time.monotonic() - began) * 1000 - measurement.measured_ms
    return BlockResult(measurement, {"launch": max(around, 0.0)})


def _last_line(result: ShellResult, case: Case) -> str:
    """The answer: frameworks may print lines of their own before it."""
    lines = result.stdout[:_ANSWER_LIMIT].decode(errors="replace").strip().splitlines()
    if result.exit_code != 0 or not lines:
        words = result.stderr.decode(errors="replace").strip().splitlines()
        said = next((line.strip() for line in words if "Error" in line), "it printed no error")
        raise BlockFailed(f"Node on {case.target} ended with exit code {result.exit_code}: {said[:300]}")
    return lines[-1]


def _completed(measurement: Measurement, prepared: PreparedNode) -> Measurement:
    """Add the names of the binaries that Node instantiated, and the other files that it read."""
    release = prepared.job.engine.replace("@", "-")
    frameworks = prepared.pages / "frameworks" / release
    known = {known_sha256(file): file for file in sorted(frameworks.glob("*.wasm"))}
    binaries = [_named_binary(proof, known, prepared.pages) for proof in measurement.proof.files]
    model = [prepared.files.folder / name for name in (prepared.entry.path, *prepared.entry.parts)]
    read = [frameworks / f"{prepared.job.backend}.js", *model]
    others = [FileProof(name=file.name, sha256=known_sha256(file), bytes=file.stat().st_size) for file in read]
    proof = measurement.proof.model_copy(
        update={"files": [*binaries, *others], "simd": page_answer.has_simd(one.name for one in binaries)}
    )
    return measurement.model_copy(update={"proof": proof})


def _named_binary(proof: FileProof, known: dict[str, Path], pages: Path) -> FileProof:
    file = known.get(proof.sha256 or "")
    name = file.relative_to(pages).as_posix() if file else "a WebAssembly binary of another origin"
    return proof.model_copy(update={"name": name})
