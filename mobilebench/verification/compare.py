"""Compares the outputs of engines with the reference, for each output and seeded input.

`core.agreement` defines the difference and when outputs agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from mobilebench.core import agreement
from mobilebench.core.agreement import Distance
from mobilebench.core.records import OutputSummary
from mobilebench.verification.records import Difference


def to_record(distance: Distance, output: str, seeded: str) -> Difference:
    """The distance in one output as a record. An output that cannot show a difference is recorded as a problem."""
    problem = distance.problem
    if problem is None and not distance.elements:
        problem = "is empty: there is nothing to compare"
    elif problem is None and distance.relative is None:
        problem = "cannot be compared: the reference is zero everywhere"
    return Difference(output=output, seeded=seeded, **distance._replace(problem=problem)._asdict())


def differences(seeded: str, expected: Sequence[OutputSummary], outputs: Sequence[OutputSummary]) -> list[Difference]:
    """The differences of all outputs from the reference, for one seeded input."""
    answers = {summary.name: summary for summary in outputs}
    return [
        to_record(agreement.of_summaries(reference, answers[reference.name]), reference.name, seeded)
        if reference.name in answers
        else to_record(Distance(None, None, 0, 0, "is missing"), reference.name, seeded)
        for reference in expected
    ]


def told_apart(
    references: Mapping[str, Sequence[OutputSummary]], answers: Mapping[str, Sequence[OutputSummary]]
) -> dict[str, float]:
    """Output to the smallest distance, as a share of scale, between its value and the reference for another seeded
    input.

    Empty when there are no two inputs to compare.
    """
    return least(
        one
        for (reference_input, expected), (given_input, outputs) in product(references.items(), answers.items())
        if reference_input != given_input
        for one in differences(reference_input, expected, outputs)
    )


def least(differences: Iterable[Difference]) -> dict[str, float]:
    """Output to its least relative difference; an output that cannot be compared counts as different."""
    smallest: dict[str, float] = {}
    for difference in differences:
        if difference.relative is not None:
            smallest[difference.output] = min(difference.relative, smallest.get(difference.output, math.inf))
    return smallest
