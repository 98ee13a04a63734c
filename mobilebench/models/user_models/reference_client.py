"""Asking a model's own engine, in a process of its own: engines are native code, and a model may make them crash."""

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
"""Added to the position of an input: another input of the same kind, to see that the answer follows it."""

REPEATS = 16
"""How often the same input is asked in one session of a model whose operators may keep state or draw numbers; a random
answer of few values may be the same twice by chance."""

_SAME = 1e-4
"""By how much of an output's scale answers may differ that come from the same state, where operators may keep any."""


@dataclass(frozen=True)
class ReferenceAnswer:
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


class EngineRefused(Exception):
    """The engine does not run the model; its own words."""


class Engine:
    """One engine in a process of its own, which loads it while the model is still being read."""

    def __init__(self, format_name: Format) -> None:
        self._worker = Worker(
            "mobilebench.models.user_models.reference_worker", format_name, environment=ENGINES_ON_CPU
        )

    def ask(self, job: Mapping[str, Any]) -> ReferenceAnswer:
        """The answer to a job's first case.

        Raises:
            EngineRefused: the engine refused the model, crashed, or did not end in time.
            BadInput: it runs the model, but runner and pages could not.
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
        """End the process, even while it computes."""
        self._worker.close()


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
    first: ReferenceAnswer,
    again: ReferenceAnswer,
    tolerance: float,
    random_operators: Sequence[str],
    state_operators: Sequence[str],
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


def refusal(name: str, format_name: Format, error: EngineRefused) -> BadInput:
    """What to tell the user of a model that its own engine does not run."""
    return BadInput(
        f"{ENGINES[format_name]} does not run {name}: {error}.".replace("..", "."),
        hint="Nothing was added. Export the model for this engine's version and operators, or choose other inputs "
        "with --input and --fill.",
    )
