"""Checks the activations of every layer of a network for values that vanish, saturate, overflow or become denormal.

Seeded weights are useful only if every layer has real work: zeros may be skipped, denormal numbers are slow on some
processors, and a saturated layer hides an engine's errors before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

VANISHING = 1e-6
"""As a share of the layer's largest absolute value: smaller values are lost beside it in float32."""
DENORMAL = 1e-30
"""TensorFlow flushes denormal numbers (below 1.2e-38) to zero, so smaller values than this are counted as denormal."""
NEAR_A_BOUND = 1e-3
MASKED = -20.0
"""Arguments of a softmax up to this value are attention masks and are ignored."""

_BOUNDS: Mapping[str, tuple[float, ...]] = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Relu6": (6.0,)}
_MOVES = {
    *(
        "ConcatV2",
        "ExpandDims",
        "GatherV2",
        "Identity",
        "MirrorPad",
        "Pack",
        "Pad",
        "PadV2",
        "Reshape",
        "ResizeBilinear",
    ),
    *("ResizeNearestNeighbor", "Slice", "Split", "SplitV", "Squeeze", "StridedSlice", "Tile", "Transpose", "Unpack"),
}
"""Operations that only move values: their results do not count as layers."""
_WEIGHTS = {"Const", "ReadVariableOp"}
_SAMPLED = 1 << 18


@dataclass(frozen=True)
class LayerActivations:
    """Statistics of one floating-point tensor of a network; shares are of its elements, from 0 to 1."""

    name: str
    operation: str
    elements: int
    zeros: float
    vanishing: float
    """Share of values that are not zero but below 1e-6 of the largest."""
    saturated: float
    """Share of values at the 6 of a ReLU6, or within 1e-3 of a bound of a sigmoid or tanh."""
    denormal: float
    not_finite: float
    deviation: float
    """Standard deviation of the finite values."""
    largest: float
    """Largest absolute value of the finite values."""


@dataclass(frozen=True)
class Limits:
    """The limits for every layer."""

    zeros: float = 0.99
    """Largest share of zeros and vanishing values."""
    saturated: float = 0.99
    denormal: float = 0.0
    smallest_deviation: float = 1e-3
    largest_deviation: float = 1e3


def shares(function: Any, feeds: Mapping[str, NDArray[Any]], *, most_bytes: int = 1 << 28) -> list[LayerActivations]:
    """Run a network and look at every layer: each floating-point tensor that follows from an input and from weights.

    `function` is a concrete TensorFlow function, preferably as traced: one that calls others, such as a loaded
    SavedModel's, is frozen first, which is slow for a large one. `feeds` are its inputs by name. Tensors are fetched in
    groups of at most `most_bytes`, with one run of the network per group; of a large tensor 262 144 evenly spaced
    elements are used.
    """
    import tensorflow as tf

    graph = _without_calls(function).graph
    captured = {inside.name: outside for outside, inside in graph.captures}
    given = {tensor.name: tf.constant(feeds[tensor.op.name]) for tensor in graph.inputs if tensor.name not in captured}
    definition = graph.as_graph_def()
    operations = graph.get_operations()
    read_by_softmax = {tensor.name for op in operations if op.type == "Softmax" for tensor in op.inputs}
    found = []
    for group in _groups(_layers(operations), most_bytes):
        wanted = [tensor.name for tensor in group]

        def run(places: dict[str, Any], wanted: list[str] = wanted) -> Any:
            return tf.graph_util.import_graph_def(definition, input_map=places, return_elements=wanted)

        for tensor, values in zip(group, tf.function(run, autograph=False)({**captured, **given}), strict=True):
            sample = _sample(values.numpy())
            if tensor.name in read_by_softmax:
                sample = sample[~(sample <= MASKED)]
            found.append(measure(tensor.op.name, tensor.op.type, sample, elements=int(tensor.shape.num_elements())))
    return found


def measure(name: str, operation: str, values: NDArray[Any], *, elements: int | None = None) -> LayerActivations:
    """The statistics of these values; `elements` is the total number if `values` is only a part."""
    finite = values[np.isfinite(values)].astype(np.float64)
    size = np.abs(finite)
    largest = float(size.max(initial=0.0))
    bounds = _BOUNDS.get(operation, ())
    saturated = np.zeros(finite.shape, dtype=bool)
    for bound in bounds:
        saturated |= np.abs(finite - bound) <= NEAR_A_BOUND
    return LayerActivations(
        name=name,
        operation=operation,
        elements=values.size if elements is None else elements,
        zeros=_share(size == 0),
        vanishing=_share((size > 0) & (size < VANISHING * largest)),
        saturated=_share(saturated),
        denormal=_share((size > 0) & (size < DENORMAL)),
        not_finite=1 - finite.size / values.size if values.size else 0.0,
        deviation=float(finite.std()) if finite.size else 0.0,
        largest=largest,
    )


def complaints(layers: Iterable[LayerActivations], limits: Limits = Limits()) -> list[str]:
    """One sentence for each layer outside the limits; empty if there is none."""
    return [f"layer `{layer.name}`: {wrong}" for layer in layers for wrong in _wrong(layer, limits)]


def _wrong(layer: LayerActivations, limits: Limits) -> Iterator[str]:
    if layer.not_finite > 0:
        yield f"{layer.not_finite:.3%} of its values are not finite"
    if layer.zeros + layer.vanishing > limits.zeros:
        yield f"{layer.zeros:.1%} of its values are zero and {layer.vanishing:.1%} vanish beside the largest"
    if layer.saturated > limits.saturated:
        yield f"{layer.saturated:.1%} of its values are saturated"
    if layer.denormal > limits.denormal:
        yield f"{layer.denormal:.3%} of its values are denormal, or nearly so"
    if layer.deviation < limits.smallest_deviation:
        yield f"its values hardly differ (standard deviation {layer.deviation:.2g})"
    if layer.deviation > limits.largest_deviation:
        yield f"its values are very large (standard deviation {layer.deviation:.2g})"


def _without_calls(function: Any) -> Any:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    called = any(op.type.endswith("PartitionedCall") for op in function.graph.get_operations())
    return convert_variables_to_constants_v2(function) if called else function


def _layers(operations: Iterable[Any]) -> Iterator[Any]:
    """Results that depend on an input and on a weight, which is a constant with more than one element."""
    from_input: set[str] = set()
    from_weights: set[str] = set()
    for op in operations:
        if op.type == "Placeholder" and op.outputs[0].dtype.name != "resource":
            from_input.add(op.name)
        if op.type in _WEIGHTS and op.outputs[0].dtype.is_floating and op.outputs[0].shape.rank:
            from_weights.add(op.name)
        before = {tensor.op.name for tensor in op.inputs}
        if before & from_input:
            from_input.add(op.name)
        if before & from_weights:
            from_weights.add(op.name)
        if op.name in from_input and op.name in from_weights and op.type not in _MOVES:
            yield from (tensor for tensor in op.outputs if tensor.dtype.is_floating)


def _groups(tensors: Iterable[Any], most_bytes: int) -> Iterator[Sequence[Any]]:
    group: list[Any] = []
    held = 0
    for tensor in tensors:
        size = int(tensor.shape.num_elements()) * tensor.dtype.size
        if group and held + size > most_bytes:
            yield group
            group, held = [], 0
        group.append(tensor)
        held += size
    if group:
        yield group


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    flat = values.reshape(-1)
    if flat.size <= _SAMPLED:
        return flat
    return flat[np.random.default_rng(0).integers(0, flat.size, _SAMPLED)]


def _share(holds: NDArray[np.bool_]) -> float:
    return float(holds.mean()) if holds.size else 0.0
