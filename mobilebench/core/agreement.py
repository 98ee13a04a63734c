"""Whether two answers of a model agree: the one definition for verdicts, for verification and for converted models.

The scale of an output is the largest absolute value of the reference. An answer agrees with the reference when each of
its values differs by no more than a tolerance, which is a share of that scale. Whole arrays are compared value by
value. Summaries, which runners and pages report, are compared by sampled values and norms.

Nothing heavy is imported here: worker processes use this module too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobilebench.core.records import OutputSummary

    Array = NDArray[Any]

_ROUNDING = 1e-9
"""Relative tolerance for norms, which may be summed in another order."""


class Distance(NamedTuple):
    """How far one output of an answer is from the reference."""

    absolute: float | None
    """Largest difference of a compared value; None when nothing could be compared."""
    relative: float | None
    """Largest difference as a share of the scale; for summaries, differences of norms per value count too. None when
    nothing could be compared, or the reference is zero everywhere."""
    compared: int
    """Number of values that were compared one by one."""
    elements: int
    problem: str | None = None
    """What is wrong independent of the tolerance, as the end of a sentence about the output: `has shape …`."""

    def within(self, tolerance: float) -> bool:
        """Whether the answers agree. If the reference is zero everywhere, the answer has to be zero too."""
        if self.problem is not None or self.absolute is None:
            return False
        return self.absolute == 0 if self.relative is None else self.relative <= tolerance

    @property
    def in_words(self) -> str:
        """The difference in words, such as `0.01 of its scale`."""
        if self.relative is not None:
            return f"{self.relative:.3g} of its scale"
        return f"{self.absolute:.3g} (the reference is all zero)"


def of_arrays(expected: Array, given: Array) -> Distance:
    """Compare every value of an output."""
    import numpy as np

    if given.shape != expected.shape:
        return _incomparable(f"has shape {list(given.shape)} instead of {list(expected.shape)}")
    if lost := int((~np.isfinite(given)).sum()):
        return _incomparable(f"has {lost} values that are not finite")
    if not expected.size:
        return Distance(0.0, 0.0, 0, 0)
    wide = expected.astype(np.float64)
    absolute = float(np.abs(given.astype(np.float64) - wide).max())
    return _distance(absolute, absolute, float(np.abs(wide).max()), expected.size, expected.size)


def of_summaries(expected: OutputSummary, given: OutputSummary) -> Distance:
    """Compare the sampled values of an output, and the norms over all of its values."""
    elements = math.prod(expected.shape)
    if problem := _mismatch(expected, given):
        return _incomparable(problem)
    parts = _parts(expected, given)
    values = [part.difference for part in parts if part.is_value]
    return _distance(
        _largest(values),
        _largest([part.difference for part in parts]),
        expected.max,
        len(expected.sample.value),
        elements,
    )


def disagreements(reference: Sequence[OutputSummary], output: Sequence[OutputSummary], tolerance: float) -> list[str]:
    """Every way in which an answer differs from the reference by more than the tolerance, in sentences.

    The list is empty when they agree.
    """
    return _by_output(reference, output, lambda expected, given: _differences(expected, given, tolerance))


def malformations(
    reference: Sequence[OutputSummary], output: Sequence[OutputSummary], *, sizes_vary: bool = False
) -> list[str]:
    """What is wrong with an answer independent of its expected values: missing outputs, other shapes, values that are
    not finite although the reference is.

    Args:
        reference: one answer of the model.
        output: the answer that is judged.
        sizes_vary: whether the shapes of this model's outputs may differ between answers.
    """
    return _by_output(reference, output, lambda expected, given: _malformed(expected, given, sizes_vary=sizes_vary))


class _Part(NamedTuple):
    """One number of a summary, compared with the reference."""

    name: str
    """`max`, `l1`, `l2`, or the position of a sampled value."""
    expected: float
    given: float
    difference: float
    """Difference per value. When all n values differ by at most d, l1 differs by at most n × d and l2 by at most
    √n × d (triangle inequality), so that one limit holds for all parts."""

    @property
    def is_value(self) -> bool:
        """Whether it is a value of the output and not a norm."""
        return self.name not in ("l1", "l2")


def _parts(expected: OutputSummary, given: OutputSummary) -> list[_Part]:
    sampled = zip(expected.sample.index, expected.sample.value, given.sample.value, strict=True)
    parts = [_Part(str(place), ours, theirs, abs(theirs - ours)) for place, ours, theirs in sampled]
    count = max(math.prod(expected.shape), 1)
    for norm, values in (("max", 1.0), ("l1", float(count)), ("l2", math.sqrt(count))):
        ours, theirs = getattr(expected, norm), getattr(given, norm)
        beyond = abs(theirs - ours) - _ROUNDING * abs(ours)
        parts.append(_Part(norm, ours, theirs, 0.0 if beyond < 0 else beyond / values))
    return parts


def _mismatch(expected: OutputSummary, given: OutputSummary) -> str | None:
    """Why two summaries cannot be compared."""
    if given.shape != expected.shape:
        return f"has shape {given.shape} instead of {expected.shape}"
    if given.non_finite:
        return f"has {given.non_finite} values that are not finite"
    if given.sample.index != expected.sample.index or len(given.sample.value) != len(expected.sample.value):
        return "was sampled at other places than the published ones"
    return None


def _differences(expected: OutputSummary, given: OutputSummary, tolerance: float) -> list[str]:
    """One sentence for the farthest sampled value and one for each norm that is out of tolerance."""
    name, scale = expected.name, expected.max
    if problem := _mismatch(expected, given):
        return [f"Output `{name}` {problem}."]
    far = [part for part in _parts(expected, given) if not part.difference <= tolerance * scale]
    found = []
    if elements := [part for part in far if part.name.isdigit()]:
        worst = max(elements, key=lambda part: math.inf if math.isnan(part.difference) else part.difference)
        by = Distance(worst.difference, worst.difference / scale if scale > 0 else None, 1, 1).in_words
        found.append(
            f"Output `{name}` differs by {by} at element {worst.name} ({worst.given:.6g} instead of "
            f"{worst.expected:.6g}); allowed is {tolerance:.3g} of its scale."
        )
    return found + [
        f"Output `{name}` has {part.name} {part.given:.6g} instead of {part.expected:.6g}, more than "
        f"{tolerance:.3g} of its scale for each value."
        for part in far
        if not part.name.isdigit()
    ]


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


def _distance(absolute: float, largest: float, scale: float, compared: int, elements: int) -> Distance:
    if not math.isfinite(scale):
        return _incomparable("cannot be compared: the reference has values that are not finite")
    if not math.isfinite(largest):
        return _incomparable("has values or norms that are not finite")
    return Distance(absolute, largest / scale if scale > 0 else None, compared, elements)


def _largest(differences: Sequence[float]) -> float:
    """The largest difference; NaN counts as the largest."""
    if any(math.isnan(one) for one in differences):
        return math.nan
    return max(differences, default=0.0)


def _incomparable(problem: str) -> Distance:
    return Distance(None, None, 0, 0, problem)
