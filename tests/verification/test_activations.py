"""What a layer's values show, and what is said of layers that vanish, saturate or blow up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mobilebench.verification.activations import Limits, complaints, measure
from tests.pinning import Pinned

GOOD = np.random.default_rng(0).normal(0, 1, 10_000).astype(np.float32)


def test_a_healthy_layer_gets_no_complaint() -> None:
    assert complaints([measure("a", "Conv2D", GOOD), measure("b", "Relu", np.maximum(GOOD, 0))]) == []


def test_shares_by_hand() -> None:
    found = measure("x", "Relu6", np.array([0, 0, 1e-9, 1e-31, 1, 3, 6, 6], np.float32))
    assert (found.zeros, found.vanishing, found.saturated, found.denormal) == (2 / 8, 2 / 8, 2 / 8, 1 / 8)
    assert found.largest == 6
    assert found.deviation == pytest.approx(np.std([0, 0, 0, 0, 1, 3, 6, 6]))
    assert measure("x", "Tanh", np.array([-1, -0.9995, 0, 0.5])).saturated == 2 / 4
    assert measure("x", "Sigmoid", np.array([0, 0.0005, 0.5, 0.9999])).saturated == 3 / 4
    assert measure("x", "Conv2D", np.array([0.0, 1.0, 6.0])).saturated == 0
    assert measure("x", "Conv2D", np.array([np.nan, np.inf, 1.0, 2.0])).not_finite == 0.5


@pytest.mark.parametrize(
    ("operation", "values"),
    [
        pytest.param("Relu", np.where(np.arange(1000) < 5, 1.0, 0.0), id="zero"),
        pytest.param("Conv2D", np.where(np.arange(1000) < 5, 1.0, 1e-9), id="vanishing"),
        pytest.param("Relu6", np.where(np.arange(1000) < 995, 6.0, 0.0), id="at the bound of ReLU6"),
        pytest.param("Tanh", np.sign(GOOD), id="at the bound of tanh"),
        pytest.param("Conv2D", GOOD * 1e-4, id="small"),
        pytest.param("Conv2D", GOOD * 0 + 3, id="constant"),
        pytest.param("Conv2D", GOOD * 1e4, id="large"),
        pytest.param("Conv2D", np.append(GOOD, 1e-35), id="denormal"),
        pytest.param("Conv2D", np.append(GOOD, np.inf), id="infinite"),
    ],
)
def test_each_fault_is_said(operation: str, values: Any, pinned: Pinned) -> None:
    pinned("\n".join(complaints([measure("layer_7", operation, values)])))


def test_limits_can_be_others() -> None:
    layer = measure("a", "Conv2D", GOOD * 1e-4)
    assert complaints([layer], Limits(smallest_deviation=1e-6)) == []
    assert complaints([replace(layer, zeros=0.5)], Limits(zeros=0.4, smallest_deviation=0)) != []


@given(arrays.arrays(np.float32, st.integers(0, 50)), st.sampled_from(["Relu6", "Tanh", "Sigmoid", "Conv2D"]))
@pytest.mark.slow
def test_shares_are_shares_whatever_the_values(values: Any, operation: str) -> None:
    found = measure("x", operation, values)
    for share in (found.zeros, found.vanishing, found.saturated, found.denormal, found.not_finite):
        assert 0 <= share <= 1
    assert np.isfinite(found.deviation) and np.isfinite(found.largest)


@pytest.mark.build
def test_a_network_is_looked_at_layer_by_layer() -> None:
    import tensorflow as tf

    from mobilebench.verification import activations

    matrix, dead = tf.Variable(tf.random.stateless_normal((8, 8), (1, 2))), tf.Variable(tf.fill((8,), -100.0))

    @tf.function(input_signature=[tf.TensorSpec((4, 8), tf.float32, name="x"), tf.TensorSpec((4,), tf.int32, name="m")])
    def network(x: Any, m: Any) -> Any:
        mask = (1.0 - tf.reshape(tf.cast(m, tf.float32), (4, 1))) * -10000.0
        y = tf.matmul(x, matrix)
        return tf.nn.softmax(tf.transpose(y + mask)), tf.nn.relu(y + dead)

    feeds = {
        "x": np.random.default_rng(3).normal(size=(4, 8)).astype(np.float32),
        "m": np.array([1, 0, 1, 1], np.int32),
    }
    serve = network.get_concrete_function()
    whole = activations.shares(serve, feeds)
    assert [layer.operation for layer in whole] == ["MatMul", "AddV2", "Softmax", "AddV2", "Relu"]
    assert [layer.elements for layer in whole] == [32] * 5
    assert whole == activations.shares(serve, feeds, most_bytes=1), "in groups of one"
    product = (feeds["x"] @ matrix.numpy()).std()
    assert whole[0].deviation == pytest.approx(product, rel=1e-5)
    assert {one.split("`")[1] for one in complaints([whole[0], whole[2], *whole[3:]])} == {whole[-1].name}


@pytest.mark.build
def test_mask_values_of_a_softmax_are_set_aside_and_saved_models_are_opened(tmp_path: Any) -> None:
    import tensorflow as tf

    from mobilebench.verification import activations

    module = tf.Module()
    module.matrix = tf.Variable(tf.random.stateless_normal((8, 8), (1, 2)))

    @tf.function(input_signature=[tf.TensorSpec((4, 8), tf.float32, name="x")])
    def serve(x: Any) -> Any:
        masked = tf.matmul(x, module.matrix) + tf.constant([-10000.0] + 7 * [0.0])
        return {"y": tf.nn.softmax(masked)}

    module.serve = serve
    tf.saved_model.save(module, str(tmp_path), signatures=serve)
    loaded = tf.saved_model.load(str(tmp_path))
    feeds = {"x": np.random.default_rng(3).normal(size=(4, 8)).astype(np.float32)}
    found = {layer.operation: layer for layer in activations.shares(loaded.signatures["serving_default"], feeds)}
    assert list(found) == ["MatMul", "AddV2", "Softmax"]
    assert found["AddV2"].largest < 100
