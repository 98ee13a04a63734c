"""Decides from their proofs whether two measurements may be compared; a refusal names the field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mobilebench.core.records import Case, Measurement

_CONSTANT: dict[str, Callable[[Measurement], object]] = {
    "engine version": lambda m: m.version,
    "backend": lambda m: m.proof.backend,
    "threads": lambda m: m.proof.threads,
    "simd": lambda m: m.proof.simd,
    "browser version": lambda m: m.proof.browser_version,
    "cross-origin isolation": lambda m: m.proof.cross_origin_isolated,
    "renderer": lambda m: m.proof.renderer,
    "priority": lambda m: m.proof.priority,
    "model access": lambda m: m.proof.model_access,
    "download path": lambda m: m.proof.download_path,
}
"""Fields of the proof that must be equal in all blocks of a case, where they could be read."""


def disagreements(measurements: Sequence[Measurement]) -> list[str]:
    """The differences between blocks that should be alike, such as `threads: 1, 2`; empty if there are none."""
    found = []
    for name, read in _CONSTANT.items():
        values = list(dict.fromkeys(str(v) for v in map(read, measurements) if v is not None))
        if len(values) > 1:
            found.append(f"{name}: {', '.join(values)}")
    hashes: dict[str, set[str]] = {}
    for file in (file for measurement in measurements for file in measurement.proof.files if file.sha256):
        hashes.setdefault(file.name, set()).add(str(file.sha256))
    return found + [f"file {name}: {len(seen)} different contents" for name, seen in hashes.items() if len(seen) > 1]


def refusal(a: tuple[Case, Measurement], b: tuple[Case, Measurement]) -> str | None:
    """Why two cases of one target may not be compared; None when they may.

    Threads may differ between the two (the labels name them), but each side must have run with its planned number.
    """
    (case_a, answer_a), (case_b, answer_b) = a, b
    for name in ("target", "model", "precision", "batch"):
        if getattr(case_a, name) != getattr(case_b, name):
            return f"{name}: {getattr(case_a, name)} against {getattr(case_b, name)}."
    for case, answer in (a, b):
        seen = answer.proof.threads
        if seen is not None and seen != case.threads:
            return f"threads: {case.engine} was asked for {case.threads} and ran on {seen}."
        if not answer.output:
            return f"output: {case.engine} stored no answer, so nothing shows that it computed {case.model}."
    shapes_a, shapes_b = _shapes(answer_a), _shapes(answer_b)
    if shapes_a != shapes_b:
        return f"output: {case_a.engine} answered {_spell(shapes_a)}, {case_b.engine} answered {_spell(shapes_b)}."
    return None


def _shapes(measurement: Measurement) -> dict[str, list[int]]:
    return {output.name: output.shape for output in sorted(measurement.output, key=lambda output: output.name)}


def _spell(shapes: dict[str, list[int]]) -> str:
    return ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in shapes.items())
