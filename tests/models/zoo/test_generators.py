"""The generators are those of the literature: their shapes, and their parameters to the last one."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.models import registry

GENERATORS = {
    "esrgan": ("image", [64, 64, 3], "upscaled_image", [256, 256, 3]),
    "pggan": ("latent", [512], "generated_image", [128, 128, 3]),
    "cyclegan": ("image", [256, 256, 3], "translated_image", [256, 256, 3]),
}


def defined(name: str, **options: Any) -> tuple[Any, int]:
    """The network of a model for batch 2, and how many parameters it has."""
    import importlib

    from mobilebench.models.zoo.blocks import Weights

    module = importlib.import_module(registry.get(name).definition or "")
    weights = Weights(module.SEED)
    return module.network(weights, 2, **options), weights.count


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_has_one_input_and_one_image_under_another_name(name: str) -> None:
    entry = registry.get(name)
    source, size, image, _ = GENERATORS[name]
    assert registry.why_not(name) is None
    assert [(spec.name, spec.shape) for spec in entry.input_specs(2)] == [(source, [2, *size])]
    assert entry.outputs == (image,)
    assert image != source


@pytest.mark.build
@pytest.mark.parametrize("name", GENERATORS)
def test_shapes_and_parameters_are_those_of_the_registry(name: str) -> None:
    import tensorflow as tf

    network, parameters = defined(name)
    source, size, image, generated = GENERATORS[name]
    assert parameters == registry.get(name).parameters
    signature = {source: tf.TensorSpec([2, *size], tf.float32, name=source)}
    shapes = tf.function(lambda **inputs: network(inputs)).get_concrete_function(**signature).structured_outputs
    assert {name: list(tensor.shape) for name, tensor in shapes.items()} == {image: [2, *generated]}


@pytest.mark.build
def test_esrgan_with_all_its_blocks_has_the_published_parameters() -> None:
    """The authors' network for 4 x enlargement, 23 blocks of width 64: 16 697 987. No batch norm: ESRGAN removed it."""
    assert defined("esrgan", dense_blocks=23)[1] == 16_697_987


@pytest.mark.build
def test_pggan_grown_to_the_end_has_the_published_parameters() -> None:
    """Table 2: 23.1 million at 1024 x 1024, nearly all of them in the stages up to 128. Pixel norm has none."""
    full, parameters = defined("pggan", side=1024)[1], defined("pggan")[1]
    assert round(full / 1e6, 1) == 23.1
    assert parameters > 0.99 * full


@pytest.mark.build
def test_cyclegan_has_the_parameters_of_its_layers() -> None:
    """c7s1-64, d128, d256, nine R256, u128, u64, c7s1-3 with biases: the 11.378 million that the authors' program
    prints. Instance norm is computed from the image and has none.
    """
    convolutions = [(7, 3, 64), (3, 64, 128), (3, 128, 256), *[(3, 256, 256)] * 18, (3, 256, 128), (3, 128, 64)]
    expected = sum(side**2 * given * made + made for side, given, made in [*convolutions, (7, 64, 3)])
    assert defined("cyclegan")[1] == expected == 11_378_179
