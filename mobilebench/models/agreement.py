"""Does an answer agree with the reference? Judged on summaries, because those are what runners and pages report."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from mobilebench.core.records import OutputSummary

_ROUNDING = 1e-9
"""Relative room for norms that were added up in another order."""


def disagreements(reference: Sequence[OutputSummary], output: Sequence[OutputSummary], tolerance: float) -> list[str]:
    """Every way in which `output` differs from `reference`, in plain sentences; an empty list says that they agree.

    With s the largest absolute reference value of an output of n elements, values agree when they differ by no more
    than tolerance * s. If all elements do, then so do samples and the largest value, l1 differs by no more than
    n * tolerance * s, and l2 by no more than sqrt(n) * tolerance * s (triangle inequality): those are the limits.
    """
    return _by_output(reference, output, lambda expected, given: _differences(expected, given, tolerance))


def malformations(
    reference: Sequence[OutputSummary], output: Sequence[OutputSummary], *, sizes_vary: bool = False
) -> list[str]:
    """What is wrong with an answer whatever its values should be: missing outputs, other shapes, values that are not
    finite although the reference's are.

    Args:
        reference: one answer of the model.
        output: the answer that is judged.
        sizes_vary: the shapes of this model's outputs may differ from answer to answer.
    """
    return _by_output(reference, output, lambda expected, given: _malformed(expected, given, sizes_vary=sizes_vary))


def _by_output(
    reference: Sequence[OutputSummary],
    output: Sequence[OutputSummary],
    compare: Callable[[OutputSummary, OutputSummary], Sequence[str]],
) -> list[str]:
    found: list[str] = []
    counts = Counter(summary.name for summary in output)
    answers = {summary.name: summary for summary in output}
    for expected in reference:
        if expected.name not in answers:
            found.append(f"Output `{expected.name}` is missing.")
        elif counts[expected.name] > 1:
            found.append(f"Output `{expected.name}` was reported {counts[expected.name]} times.")
        else:
            found.extend(compare(expected, answers[expected.name]))
    known = {summary.name for summary in reference}
    found.extend(f"Output `{name}` is not one of the model's." for name in counts if name not in known)
    return found


def _malformed(expected: OutputSummary, given: OutputSummary, *, sizes_vary: bool) -> list[str]:
    fits = len(given.shape) == len(expected.shape) if sizes_vary else given.shape == expected.shape
    if not fits:
        return [f"Output `{expected.name}` has shape {given.shape} instead of {expected.shape}."]
    if given.non_finite and not expected.non_finite:
        return [f"Output `{expected.name}` has {given.non_finite} values that are not finite."]
    return []


def _differences(expected: OutputSummary, given: OutputSummary, tolerance: float) -> list[str]:
    name = expected.name
    if given.shape != expected.shape:
        return [f"Output `{name}` has shape {given.shape} instead of {expected.shape}."]
    if given.non_finite:
        return [f"Output `{name}` has {given.non_finite} values that are not finite."]
    if given.sample.index != expected.sample.index or len(given.sample.value) != len(expected.sample.value):
        return [f"Output `{name}` was sampled at other places than the published ones."]

    scale = expected.max
    count = math.prod(expected.shape)
    far = _farthest(expected.sample.value, given.sample.value)
    found = []
    if far is not None:
        place, difference = far
        if not difference <= tolerance * scale:
            found.append(
                f"Output `{name}` differs by {_share(difference, scale)} at element {expected.sample.index[place]} "
                f"({given.sample.value[place]:.6g} instead of {expected.sample.value[place]:.6g}); "
                f"allowed is {tolerance:.3g} of its scale."
            )
    limits = {"max": 1.0, "l1": float(count), "l2": math.sqrt(count)}
    for norm, elements in limits.items():
        wanted, got = getattr(expected, norm), getattr(given, norm)
        if not abs(got - wanted) <= elements * tolerance * scale + _ROUNDING * abs(wanted):
            found.append(
                f"Output `{name}` has {norm} {got:.6g} instead of {wanted:.6g}, "
                f"more than {tolerance:.3g} of its scale an element."
            )
    return found


def _farthest(expected: list[float], given: list[float]) -> tuple[int, float] | None:
    """Position and size of the largest difference; one that is not a number counts as largest."""
    differences = [abs(theirs - ours) for ours, theirs in zip(expected, given, strict=True)]
    if not differences:
        return None
    place = max(range(len(differences)), key=lambda k: math.inf if math.isnan(differences[k]) else differences[k])
    return place, differences[place]


def _share(difference: float, scale: float) -> str:
    return f"{difference / scale:.3g} of its scale" if scale > 0 else f"{difference:.3g} (the reference is all zero)"
