"""Detectors: what the registry promises of them, and that their networks are those of the literature."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass

import pytest

from mobilebench.models import registry


@dataclass(frozen=True)
class Expected:
    """What a detector's network has to be."""

    side: int
    anchors: int
    outputs: dict[str, int]
    """Output name to values for each anchor."""
    parameters: int
    """In the network, batch norm folded."""
    unfolded: int
    """As counted before folding."""


BACKBONE = 3_487_816 - 1_281_000
"""MobileNetV2 as this zoo has it, without its classifier."""
ADDED_MAPS = 2_285_568 + 1_728
"""SSD's eight convolutions behind the backbone: filters and biases."""
PREDICTORS = 1_550_400 + 3_135
"""SSD's 1 x 1 predictors: 95 values for each of the 3 or 6 anchors of a place, from 576, 1280, 512, 256, 256, 128."""

EXPECTED = {
    # Folding takes the scales: one for each channel that a convolution of the backbone or of the added maps gives.
    "ssd_mobilenet_v2": Expected(
        side=300,
        anchors=3 * 19**2 + 6 * (10**2 + 5**2 + 3**2 + 2**2 + 1),
        outputs={"box_encodings": 4, "class_logits": 91},
        parameters=BACKBONE + ADDED_MAPS + PREDICTORS,
        unfolded=BACKBONE + ADDED_MAPS + PREDICTORS + 17_056 + 1_728,
    ),
    # The authors' program reports 21 190 557 parameters, and 21 172 173 after fusing: 18 384 scales less.
    "yolov5m": Expected(
        side=640,
        anchors=3 * (80**2 + 40**2 + 20**2),
        outputs={"raw_predictions": 85},
        parameters=21_172_173,
        unfolded=21_190_557,
    ),
    # The authors' implementation has 6 625 898. Folding takes 29 744 scales of the backbone; of the pyramid's 6 + 32
    # convolutions the 88 scales and the 88 biases that stand before a shift; and of the heads' 6 shared layers five
    # times 88 scales and once 88 biases.
    "efficientdet_d1": Expected(
        side=640,
        anchors=9 * (80**2 + 40**2 + 20**2 + 10**2 + 5**2),
        outputs={"box_encodings": 4, "class_logits": 90},
        parameters=6_625_898 - 29_744 - 38 * 2 * 88 - 6 * 6 * 88,
        unfolded=6_625_898,
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_registry_names_raw_heads(name: str) -> None:
    entry, expected = registry.get(name), EXPECTED[name]
    assert [spec.shape for spec in entry.input_specs(3)] == [[3, expected.side, expected.side, 3]]
    assert entry.outputs == tuple(expected.outputs)
    assert entry.parameters == round(expected.unfolded, -5)


@pytest.mark.parametrize("name", EXPECTED)
def test_it_can_be_built_and_its_definition_is_found_without_loading_tensorflow(name: str) -> None:
    assert registry.why_not(name) is None
    known = "tensorflow" in sys.modules
    assert importlib.util.find_spec(str(registry.get(name).definition)) is not None
    assert ("tensorflow" in sys.modules) == known


@pytest.mark.build
@pytest.mark.parametrize("name", EXPECTED)
def test_the_network_has_the_literatures_parameters_and_anchors(name: str) -> None:
    import tensorflow as tf

    from mobilebench.models.zoo.blocks import Weights

    entry, expected = registry.get(name), EXPECTED[name]
    definition = importlib.import_module(str(entry.definition))
    weights = Weights(definition.SEED)
    network = definition.network(weights, 2)
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype) for spec in entry.input_specs(2)}
    traced = tf.function(lambda **tensors: network(tensors)).get_concrete_function(**signature)
    shapes = {output: tuple(tensor.shape) for output, tensor in traced.structured_outputs.items()}
    assert weights.count == expected.parameters
    assert shapes == {output: (2, expected.anchors, values) for output, values in expected.outputs.items()}
