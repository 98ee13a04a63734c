"""Checks that a definition and its converted files must pass before they are accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.agreement import of_arrays
from mobilebench.core.errors import MobilebenchError

Arrays = dict[str, NDArray[Any]]
"""Canonical tensor name to values."""


def telling_outputs(reference: Arrays, other: Arrays, least_change: float) -> None:
    """Check that the outputs are a useful test: finite, varied, and dependent on the input.

    Args:
        reference: the outputs for one input.
        other: the outputs for another input.
        least_change: how much each output must differ between them, as a share of its scale.

    Raises:
        MobilebenchError: an output is not finite, tiny, (nearly) constant, or hardly depends on the input.
    """
    for name, values in reference.items():
        scale = float(np.abs(values).max())
        if not np.isfinite(values).all():
            raise MobilebenchError(f"Output `{name}` of the definition has values that are not finite.")
        if scale < 0.1:
            raise MobilebenchError(f"Output `{name}` of the definition is tiny (at most {scale:.3g}).")
        if float(values.std()) < 0.05 * scale:
            raise MobilebenchError(f"Output `{name}` of the definition is nearly constant.")
        change = float(np.abs(values - other[name]).max()) / scale
        if change < least_change:
            raise MobilebenchError(
                f"Output `{name}` of the definition hardly depends on its input: it changes by {change:.3g} of its "
                f"scale, and {least_change:.3g} is needed."
            )


def same_answer(engine: str, given: Arrays, reference: Arrays, tolerance: float) -> float:
    """The largest difference over all elements of all outputs, as a share of its output's scale.

    Raises:
        MobilebenchError: an output has another shape or values that are not finite, or differs by more than
            `tolerance` of its scale.
    """
    worst = 0.0
    for name, expected in reference.items():
        distance = of_arrays(expected, given[name])
        hint = "The converted model computes something else, so it was not kept."
        if distance.problem:
            raise MobilebenchError(f"{engine}'s `{name}` {distance.problem}.", hint=hint)
        if not distance.within(tolerance):
            raise MobilebenchError(
                f"{engine}'s `{name}` differs from TensorFlow's by {distance.in_words}; allowed is {tolerance:.3g}.",
                hint=hint,
            )
        worst = max(worst, distance.relative or 0.0)
    return worst
