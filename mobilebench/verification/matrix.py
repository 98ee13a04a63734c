"""From raw differences to verdicts: what each is held against, and whether the check could have failed at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mobilebench.models.manifest import Manifest
from mobilebench.verification.records import Answered, Cell, Judged, ReferenceFacts

LEAST_CHANGE = 2.0
"""Tolerances by which the answers to two inputs have to differ, or agreement would prove nothing."""


def unsupported(cell: Cell, tolerance: float, reason: str) -> Judged:
    """A cell that does not exist here."""
    return Judged(cell=cell, verdict="unsupported", reason=reason, tolerance=tolerance)


def judge(answered: Answered, tolerance: float, *, before: bool = False) -> Judged:
    """One row. What was asked without an answer is `failed`; what differs, or could not have been told from the
    answer to another input, is `FAIL`.
    """
    if answered.failure is not None:
        return _row(answered, "failed", answered.failure, tolerance, before)
    if answered.refusal is not None:
        return _row(answered, "unsupported", answered.refusal, tolerance, before)
    reasons = list(_complaints(answered, tolerance))
    return _row(answered, "FAIL" if reasons else "pass", " ".join(reasons) or None, tolerance, before)


def worthless(reference: ReferenceFacts, manifest: Manifest) -> list[str]:
    """Why agreement with this reference would prove nothing in this variant, output by output."""
    found = [one.complaint for one in reference.outputs if one.complaint]
    least = LEAST_CHANGE * manifest.tolerance
    return found + [
        f"Output `{one.name}` hardly follows its input: {one.least_change:.3g} of its scale, where {manifest.variant} "
        f"with its tolerance of {manifest.tolerance:g} needs {least:.3g}."
        for one in reference.outputs
        if not one.complaint and one.least_change < least
    ]


def can_fail(reference: ReferenceFacts, tolerances: Mapping[str, float]) -> list[str]:
    """For every variant: whether the answer to another input, given as the answer to this one, would be found out."""
    least = min((one.least_change for one in reference.outputs), default=0.0)
    return [
        f"{variant}: {'yes' if least > tolerance else 'NO'}, another input differs by {least:.2g} of the scale, "
        f"tolerance {tolerance:g}"
        for variant, tolerance in tolerances.items()
    ]


def worst(rows: Sequence[Judged]) -> Judged | None:
    """The row with the largest share of its tolerance."""
    measured = [row for row in rows if row.relative is not None]
    return max(measured, key=lambda row: (row.relative or 0.0) / row.tolerance, default=None)


def _complaints(answered: Answered, tolerance: float) -> list[str]:
    found = [f"Output `{one.output}`: {one.problem} ({one.seeded})." for one in answered.differences if one.problem]
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
            found.append(f"Output `{output}`: whether this check can fail is not known; try more inputs.")
        elif not apart > tolerance:
            found.append(f"Output `{output}` to another input would pass as well (it differs by {apart:.3g}).")
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
