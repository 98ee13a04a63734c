"""Runs a model in its own engine in a separate process: engines are native code, and a model may crash them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilebench.core.errors import BadInput
from mobilebench.core.records import OutputSummary
from mobilebench.core.worker_process import ENGINES_ON_CPU, Worker, WorkerFailed
from mobilebench.models.manifest import Behaviour, Format, InputSpec

ENGINES: Mapping[Format, str] = {
    "onnx": "ONNX Runtime",
    "tflite": "LiteRT",
    "saved_model": "TensorFlow",
    "tfjs": "TensorFlow (for TF.js)",
}
PATIENCE_S = 900.0
_OTHER_INPUT = 100
"""Added to an input's position to make a different input of the same kind, to see that the output depends on it."""

REPEATS = 16
"""How often the same input is run in one session if the model's operators may keep state or draw random numbers; a
random output with few possible values may be equal twice by chance.
"""

_SAME = 1e-4
"""Allowed difference between outputs from the same state, as a share of scale, if operators may keep state."""


@dataclass(frozen=True)
class ReferenceAnswer:
    """The outputs of a model's own engine, and how they vary."""

    summaries: list[OutputSummary]
    """Summaries of the outputs for the first case."""
    notes: list[str]
    """Reasons why agreement with them would prove little."""
    repeated: float = 0.0
    """Largest difference of repeated outputs in the same session from the first, as a share of each output's scale."""
    renewed: float = 0.0
    """The same for the first output of an earlier process."""
    sizes_vary: bool = False
    """Whether these outputs differ in shape."""


class EngineRefused(Exception):
    """The engine does not run the model; the message is the engine's."""


class Engine:
    """One engine in a separate process, which loads it while the model is still being read."""

    def __init__(self, format_name: Format) -> None:
        self._worker = Worker(
            "mobilebench.models.user_models.reference_worker", format_name, environment=ENGINES_ON_CPU
        )

    def ask(self, job: Mapping[str, Any]) -> ReferenceAnswer:
        """Run a job and return the answer for its first case.

        Raises:
            EngineRefused: the engine refused the model, crashed, or did not end in time.
            BadInput: the engine runs the model, but the native runner and web pages could not.
        """
        try:
            answer = self._worker.answer(job, timeout_s=PATIENCE_S)
        except WorkerFailed as error:
            raise EngineRefused(error.reason) from None
        if "refusal" in answer:
            raise EngineRefused(answer["refusal"])
        if "problem" in answer:
            raise BadInput(f"The model cannot be measured: {answer['problem']}.", hint="Export it in another way.")
        return ReferenceAnswer(
            [OutputSummary.model_validate(one) for one in answer["summaries"]],
            list(answer["notes"]),
            float(answer.get("repeated", 0.0)),
            float(answer.get("renewed", 0.0)),
            bool(answer.get("sizes_vary", False)),
        )

    def close(self) -> None:
        """End the process, even during a computation."""
        self._worker.close()


@contextmanager
def engine(format_name: Format) -> Iterator[Engine]:
    """The engine of a format; its process is ended on exit."""
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
    """The job for `reference_worker`. `names` maps plain names of inputs and of outputs to the format's own."""
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
    """The published input and a different one of the same kind."""
    fills = [spec.fill.model_dump() for spec in specs]
    return [{"fills": fills, "offset": 0}, {"fills": fills, "offset": _OTHER_INPUT}]


def seeded_cases(specs: Sequence[InputSpec]) -> list[dict[str, Any]]:
    """The seeded inputs, on which formats are compared."""
    from mobilebench.models import synthetic_inputs

    return [
        {"fills": [spec.fill.model_dump() for spec in synthetic_inputs.seeded_specs(specs, one)], "offset": 0}
        for one in synthetic_inputs.SEEDED
    ]


def behaviour(
    first: ReferenceAnswer,
    again: ReferenceAnswer,
    tolerance: float,
    random_operators: Sequence[str],
    state_operators: Sequence[str],
) -> Behaviour:
    """What a model's output depends on besides its input.

    Args:
        first: the answer of one process that ran the same input several times.
        again: the answer of another process, compared with the first one's first output.
        tolerance: the allowed difference between engines, which also applies to one engine.
        random_operators: operators in the model's file that may draw random numbers.
        state_operators: operators in the model's file that may keep state.
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


def refusal(name: str, format_name: Format, error: EngineRefused) -> BadInput:
    """The error for a model that its own engine does not run."""
    return BadInput(
        f"{ENGINES[format_name]} does not run {name}: {error}.".replace("..", "."),
        hint="Nothing was added. Export the model for this engine's version and operators, or choose other inputs "
        "with --input and --fill.",
    )
