"""How far answers are apart: of whole arrays, and of the summaries that runners and pages report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from mobilebench.core.records import OutputSummary
from mobilebench.verification.records import Difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Distance(NamedTuple):
    """See `records.Difference`."""

    absolute: float | None
    relative: float | None
    compared: int
    elements: int
    problem: str | None = None

    def on(self, output: str, seeded: str) -> Difference:
        """As a record."""
        return Difference(output=output, seeded=seeded, **self._asdict())


def of_arrays(expected: Array, given: Array) -> Distance:
    """Every element against every element."""
    import numpy as np

    if given.shape != expected.shape:
        return _incomparable(f"its shape is {list(given.shape)} instead of {list(expected.shape)}")
    if not expected.size:
        return _incomparable("it is empty: there is nothing to compare")
    if lost := int((~np.isfinite(given)).sum()):
        return _incomparable(f"{lost} of its values are not finite")
    absolute = float(np.abs(given.astype(np.float64) - expected).max())
    scale = float(np.abs(expected.astype(np.float64)).max())
    return _distance(absolute, absolute, scale, expected.size, expected.size)


def of_summaries(expected: OutputSummary, given: OutputSummary) -> Distance:
    """The sampled elements against each other, and the norms over all elements.

    Where all elements differ by no more than d, the norms do not by more than what is divided by here (triangle
    inequality), so that one limit holds for all of them.
    """
    elements = math.prod(expected.shape)
    if given.shape != expected.shape:
        return _incomparable(f"its shape is {given.shape} instead of {expected.shape}")
    if not elements:
        return _incomparable("it is empty: there is nothing to compare")
    if given.non_finite:
        return _incomparable(f"{given.non_finite} of its values are not finite")
    if given.sample.index != expected.sample.index or len(given.sample.value) != len(expected.sample.value):
        return _incomparable("it was sampled at other places than the published ones")
    pairs = zip(expected.sample.value, given.sample.value, strict=True)
    absolute = max(abs(given.max - expected.max), *(abs(theirs - ours) for ours, theirs in pairs))
    norms = (abs(given.l1 - expected.l1) / elements, abs(given.l2 - expected.l2) / math.sqrt(elements))
    return _distance(absolute, max(absolute, *norms), expected.max, len(expected.sample.value), elements)


def differences(seeded: str, expected: Sequence[OutputSummary], given: Sequence[OutputSummary]) -> list[Difference]:
    """Every output of an answer to one seeded input against the reference to the same input."""
    answers = {summary.name: summary for summary in given}
    return [
        (of_summaries(one, answers[one.name]) if one.name in answers else _incomparable("it is missing")).on(
            one.name, seeded
        )
        for one in expected
    ]


def told_apart(
    references: Mapping[str, Sequence[OutputSummary]], answers: Mapping[str, Sequence[OutputSummary]]
) -> dict[str, float]:
    """Output to the least share of its scale by which an answer is from the reference to another seeded input.

    Empty when there are no two inputs to compare.
    """
    return least(
        one
        for (wanted, expected), (asked, given) in product(references.items(), answers.items())
        if wanted != asked
        for one in differences(wanted, expected, given)
    )


def least(found: Iterable[Difference]) -> dict[str, float]:
    """Output to its least relative difference; an answer that cannot be compared is told apart in any case."""
    smallest: dict[str, float] = {}
    for one in found:
        if one.relative is not None:
            smallest[one.output] = min(one.relative, smallest.get(one.output, math.inf))
    return smallest


def _distance(absolute: float, widest: float, scale: float, compared: int, elements: int) -> Distance:
    if not math.isfinite(scale) or not math.isfinite(widest):
        return Distance(None, None, compared, elements, "the reference has values that are not finite")
    if scale == 0:
        return Distance(absolute, None, compared, elements, "the reference is zero everywhere")
    return Distance(absolute, widest / scale, compared, elements)


def _incomparable(problem: str) -> Distance:
    return Distance(None, None, 0, 0, problem)
