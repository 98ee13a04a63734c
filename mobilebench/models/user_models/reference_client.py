"""Asking a model's own engine, in a process of its own: engines are native code, and a model may make them crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from mobilebench.core.errors import BadInput
from mobilebench.core.records import OutputSummary
from mobilebench.models.manifest import Behaviour, Format, InputSpec

ENGINES: Mapping[Format, str] = {
    "onnx": "ONNX Runtime",
    "tflite": "LiteRT",
    "saved_model": "TensorFlow",
    "tfjs": "TensorFlow (for TF.js)",
}
PATIENCE_S = 900.0
_OTHER_INPUT = 100
"""Added to the position of an input: another input of the same kind, to see that the answer follows it."""

_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "ORT_DISABLE_TELEMETRY": "1",
}


REPEATS = 16
"""How often the same input is asked in one session of a model whose operators may keep state or draw numbers; a random
answer of few values may be the same twice by chance."""

_SAME = 1e-4
"""By how much of an output's scale answers may differ that come from the same state, where operators may keep any."""


@dataclass(frozen=True)
class Answer:
    """What an engine says of a model."""

    summaries: list[OutputSummary]
    """The answer to the first case."""
    notes: list[str]
    """Why agreement on it would prove little."""
    repeated: float = 0.0
    """How far answers to the same case in the same session are from it, as a share of each output's scale."""
    renewed: float = 0.0
    """The same of the first answer of an earlier process."""
    sizes_vary: bool = False
    """Whether those differ in the shapes of outputs."""


class Refused(Exception):
    """The engine does not run the model; its own words."""


class Engine:
    """One engine, started early: it is loaded while the model is still being read."""

    def __init__(self, format_name: Format, python: str = sys.executable) -> None:
        self.format = format_name
        self._noise: IO[bytes] = TemporaryFile()  # noqa: SIM115 - `close` does
        self._process = subprocess.Popen(
            [python, "-P", "-m", "mobilebench.models.user_models.reference_worker", format_name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            env=environment(),
            start_new_session=True,
        )

    def ask(self, job: Mapping[str, Any]) -> Answer:
        """The answer to a job's first case.

        Raises:
            Refused: the engine refused the model, crashed, or did not end in time.
            BadInput: it runs the model, but runner and pages could not.
        """
        try:
            said, _ = self._process.communicate(json.dumps(job).encode(), timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Refused(f"it gave no answer within {PATIENCE_S:g} s") from None
        code = self._process.returncode
        if code < 0:
            raise Refused(f"it crashed ({signal_name(-code)})")
        if code or not said.strip():
            raise Refused(last_words(self._noise) or f"it ended with exit code {code}")
        answer = json.loads(said.splitlines()[-1])
        if "refusal" in answer:
            raise Refused(answer["refusal"])
        if "problem" in answer:
            raise BadInput(f"The model cannot be measured: {answer['problem']}.", hint="Export it in another way.")
        return Answer(
            [OutputSummary.model_validate(one) for one in answer["summaries"]],
            list(answer["notes"]),
            float(answer.get("repeated", 0.0)),
            float(answer.get("renewed", 0.0)),
            bool(answer.get("sizes_vary", False)),
        )

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._noise):
            if stream is not None:
                _close(stream)


def environment() -> dict[str, str]:
    """The environment of processes that load engines: quiet, and on the CPU."""
    return {**os.environ, **_ENVIRONMENT}


@contextmanager
def engine(format_name: Format) -> Iterator[Engine]:
    """The engine of a format; its process is gone afterwards."""
    started = Engine(format_name)
    try:
        yield started
    finally:
        started.close()


def job(
    file: Path,
    names: tuple[Mapping[str, str], Mapping[str, str]],
    specs: Sequence[InputSpec],
    cases: Sequence[Mapping[str, Any]],
    *,
    signature: str | None = None,
    keep: Path | None = None,
) -> dict[str, Any]:
    """What `answering` is given. `names` maps plain names of inputs and of outputs to the format's own."""
    return {
        "file": str(file.absolute()),
        "inputs": dict(names[0]),
        "outputs": dict(names[1]),
        "specs": [spec.model_dump() for spec in specs],
        "cases": [dict(case) for case in cases],
        "signature": signature,
        "keep": str(keep) if keep else None,
    }


def published_and_other(specs: Sequence[InputSpec]) -> list[dict[str, Any]]:
    """The published input, and another one of the same kind."""
    fills = [spec.fill.model_dump() for spec in specs]
    return [{"fills": fills, "offset": 0}, {"fills": fills, "offset": _OTHER_INPUT}]


def seeded_cases(specs: Sequence[InputSpec]) -> list[dict[str, Any]]:
    """The seeded inputs, to compare formats on."""
    from mobilebench.models import synthetic_inputs

    return [
        {"fills": [spec.fill.model_dump() for spec in synthetic_inputs.seeded_specs(specs, one)], "offset": 0}
        for one in synthetic_inputs.SEEDED
    ]


def behaviour(
    first: Answer, again: Answer, tolerance: float, random_operators: Sequence[str], state_operators: Sequence[str]
) -> Behaviour:
    """What a model's answer depends on besides its input.

    Args:
        first: of one process, which was asked the same several times.
        again: of another process, compared with the first one's first answer.
        tolerance: by how much engines may differ; the same engine may differ by as much.
        random_operators: of the model's file.
        state_operators: likewise.
    """
    changes = first.repeated > (min(tolerance, _SAME) if state_operators else tolerance)
    random = again.renewed > tolerance or (changes and bool(random_operators))
    stateful = changes and (bool(state_operators) or not random)
    return Behaviour(
        random=random,
        stateful=stateful,
        sizes_vary=random and (first.sizes_vary or again.sizes_vary),
        operators=[*(random_operators if random else ()), *(state_operators if stateful else ())],
    )


def refusal(name: str, format_name: Format, error: Refused) -> BadInput:
    """What to tell the user of a model that its own engine does not run."""
    return BadInput(
        f"{ENGINES[format_name]} does not run {name}: {error}.".replace("..", "."),
        hint="Nothing was added. Export the model for this engine's version and operators, or choose other inputs "
        "with --input and --fill.",
    )


def last_words(noise: IO[bytes]) -> str:
    """The last line that a process left in this file, of bearable length; empty when there is none."""
    noise.seek(0, os.SEEK_END)
    noise.seek(max(0, noise.tell() - 65536))
    lines = [line for line in noise.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:600] if lines else ""


def signal_name(number: int) -> str:
    """`SIGSEGV` and so on."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        return
