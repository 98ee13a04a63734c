"""Turns raw differences into verdicts, and checks that the comparison could have failed."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.models import behaviour
from mobilebench.models.manifest import Behaviour, Manifest
from mobilebench.verification.records import Answered, Cell, Judged, ReferenceFacts

PURE = Behaviour()
"""The behaviour of a model whose output depends on its input alone."""

LEAST_CHANGE = 1.25
"""Outputs for two inputs must differ by this many tolerances, or agreement would prove nothing. Definitions must meet
the same limit.
"""


def unsupported(cell: Cell, tolerance: float, reason: str) -> Judged:
    """The row of a cell that cannot run here."""
    return Judged(cell=cell, verdict="unsupported", reason=reason, tolerance=tolerance)


def judge(answered: Answered, tolerance: float, model: Behaviour = PURE, *, before: bool = False) -> Judged:
    """Judge one cell. Without an output it is `failed`; if the output differs from the reference, or could be the
    output for another input, it is `FAIL`. A random model is `unchecked`, unless its output cannot be right.
    """
    if answered.failure is not None:
        return _row(answered, "failed", answered.failure, tolerance, before)
    if answered.refusal is not None:
        return _row(answered, "unsupported", answered.refusal, tolerance, before)
    if model.random:
        return _unchecked(answered, tolerance, model, before)
    reasons = list(_complaints(answered, tolerance))
    return _row(answered, "FAIL" if reasons else "pass", " ".join(reasons) or None, tolerance, before)


def worthless(reference: ReferenceFacts, manifest: Manifest) -> list[str]:
    """Reasons, by output, why agreement with this reference would prove nothing in this precision."""
    if behaviour.of(manifest).random:
        return []
    found = [one.complaint for one in reference.outputs if one.complaint]
    least = LEAST_CHANGE * manifest.tolerance
    return found + [
        f"Output `{one.name}` hardly depends on its input: it changes by {one.least_change:.3g} of its scale, but "
        f"{manifest.precision} with a tolerance of {manifest.tolerance:g} needs {least:.3g}."
        for one in reference.outputs
        if not one.complaint and one.least_change < least
    ]


def can_fail(rows: Sequence[Judged]) -> list[str]:
    """For every precision: whether the check would detect an output of these engines for a different input."""
    found: dict[str, tuple[float, float]] = {}
    unchecked = dict.fromkeys(row.cell.precision for row in rows if row.verdict == "unchecked")
    for row in rows:
        if row.told_apart is not None:
            precision = row.cell.precision
            found[precision] = (min(row.told_apart, found.get(precision, (row.told_apart, 0))[0]), row.tolerance)
    return [
        f"{precision}: {'yes' if apart > tolerance else 'NO'}, another input differs by {apart:.2g} of the scale or "
        f"more, tolerance {tolerance:g}"
        for precision, (apart, tolerance) in found.items()
    ] + [
        f"{precision}: only by shapes and by values that are not finite, because the model gives another answer each "
        "time"
        for precision in unchecked
    ]


def _unchecked(answered: Answered, tolerance: float, model: Behaviour, before: bool) -> Judged:
    """Check what must hold for any output: its shapes, and that its values are finite."""
    wrong = [
        f"Output `{one.output}` {one.problem} ({one.seeded})."
        for one in answered.differences
        if one.problem and not one.compared and not model.sizes_vary
    ]
    bare = answered.model_copy(
        update={
            "differences": [
                one.model_copy(update={"absolute": None, "relative": None}) for one in answered.differences
            ],
            "told_apart": {},
        }
    )
    reason = " ".join(wrong) or "the model gives another answer each time: agreement cannot be checked"
    return _row(bare, "FAIL" if wrong else "unchecked", reason, tolerance, before)


def _complaints(answered: Answered, tolerance: float) -> list[str]:
    found = [f"Output `{one.output}` {one.problem} ({one.seeded})." for one in answered.differences if one.problem]
    far = [one for one in answered.differences if one.relative is not None and not one.relative <= tolerance]
    if far:
        one = max(far, key=lambda each: each.relative or 0.0)
        found.append(
            f"Output `{one.output}` differs by {one.relative:.3g} of its scale ({one.seeded}); allowed is "
            f"{tolerance:g}."
        )
    if not answered.differences:
        found.append("No output was compared.")
    outputs = {one.output for one in answered.differences if not one.problem}
    for output in sorted(outputs):
        apart = answered.told_apart.get(output)
        if apart is None:
            found.append(f"Output `{output}`: it is not known whether this check can fail; try more inputs.")
        elif not apart > tolerance:
            found.append(f"The output `{output}` for another input would also pass (it differs by {apart:.3g}).")
    return found


def _row(answered: Answered, verdict: str, reason: str | None, tolerance: float, before: bool) -> Judged:
    return Judged.model_validate(
        {
            "cell": answered.cell,
            "verdict": verdict,
            "reason": reason,
            "absolute": max((one.absolute for one in answered.differences if one.absolute is not None), default=None),
            "relative": max((one.relative for one in answered.differences if one.relative is not None), default=None),
            "tolerance": tolerance,
            "told_apart": min(answered.told_apart.values(), default=None),
            "before": before,
            "answered": answered,
        }
    )
