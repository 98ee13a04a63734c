"""The steps by the names that the registry gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.errors import BadInput
from mobilebench.models import registry
from mobilebench.models.spec import ModelEntry
from mobilebench.models.steps import detection, inputs
from mobilebench.models.steps.answers import Boxes, Classes, Images, best

Arrays = Mapping[str, NDArray[Any]]
"""Canonical tensor name to values, with the batch in front."""


class Preparing(Protocol):
    def __call__(self, value: Any, entry: ModelEntry) -> dict[str, NDArray[Any]]: ...


class Finishing(Protocol):
    def __call__(self, outputs: Arrays) -> Classes | list[Boxes] | Images: ...


@dataclass(frozen=True)
class Preprocessing:
    """A step before a model."""

    name: str
    takes: str
    gives: str
    source: str
    run: Preparing


@dataclass(frozen=True)
class Postprocessing:
    """A step after a model."""

    name: str
    takes: str
    gives: str
    source: str
    run: Finishing


def prepare(model: str, value: Any) -> dict[str, NDArray[Any]]:
    """Convert an application's data (an image, tokens …; see the step's `takes`) to model inputs with batch 1.

    Raises:
        BadInput: the model is unknown or needs no step before it, or the value does not fit.
    """
    entry = registry.get(model)
    if entry.preprocessing not in PREPROCESSING:
        raise BadInput(f"{model} has no preprocessing step: it takes its inputs unchanged.")
    return PREPROCESSING[entry.preprocessing].run(value, entry)


def finish(model: str, outputs: Arrays) -> Classes | list[Boxes] | Images:
    """Convert the model's outputs to an application's result.

    Raises:
        BadInput: the model is unknown, it has no step after it, or an output is missing.
    """
    entry = registry.get(model)
    if entry.postprocessing not in POSTPROCESSING:
        raise BadInput(f"{model} has no postprocessing step: its outputs are its result.")
    if missing := [name for name in entry.outputs if name not in outputs]:
        raise BadInput(f"Output `{missing[0]}` of {model} is missing. Given outputs: {', '.join(outputs) or 'none'}.")
    return POSTPROCESSING[entry.postprocessing].run({name: outputs[name] for name in entry.outputs})


def _image(value: Any, entry: ModelEntry) -> dict[str, NDArray[Any]]:
    one = entry.inputs[0]
    return {one.name: inputs.to_unit(value, one.shape)}


def _digit(value: Any, entry: ModelEntry) -> dict[str, NDArray[Any]]:
    one = entry.inputs[0]
    return {one.name: inputs.to_unit(value, (28, 28, 1)).reshape(1, *one.shape)}


def _tokens(value: tuple[Sequence[int], Sequence[int]], entry: ModelEntry) -> dict[str, NDArray[Any]]:
    ids = entry.inputs[0]
    first, second = value
    return {**inputs.bert_tokens(first, second, sequence=ids.shape[0], vocabulary=int(ids.fill.high))}


def _characters(value: Sequence[int], entry: ModelEntry) -> dict[str, NDArray[Any]]:
    one = entry.inputs[0]
    return {one.name: inputs.one_hot(value, *one.shape)}


def _latent(value: int, entry: ModelEntry) -> dict[str, NDArray[Any]]:
    one = entry.inputs[0]
    return {one.name: np.random.default_rng(value).standard_normal((1, *one.shape)).astype(np.float32)}


def _classes(outputs: Arrays) -> Classes:
    (logits,) = outputs.values()
    return best(logits)


def _ssd(outputs: Arrays) -> list[Boxes]:
    return detection.ssd(outputs["box_encodings"], outputs["class_logits"])


def _efficientdet(outputs: Arrays) -> list[Boxes]:
    return detection.efficientdet(outputs["box_encodings"], outputs["class_logits"])


def _yolov5(outputs: Arrays) -> list[Boxes]:
    return detection.yolov5(outputs["raw_predictions"])


def _pixels(outputs: Arrays) -> Images:
    (values,) = outputs.values()
    return Images(inputs.to_8_bit(values))


PREPROCESSING = {
    step.name: step
    for step in (
        Preprocessing(
            "image_to_unit",
            "8-bit pixels [height, width, 3]",
            "the image resized by bilinear interpolation, in [-1, 1)",
            "Szegedy et al., CVPR 2016, and the public MobileNets: pixels scaled to [-1, 1]",
            _image,
        ),
        Preprocessing(
            "digit_to_unit",
            "8-bit pixels [height, width]",
            "28 x 28 pixels in [-1, 1)",
            "LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, section III",
            _digit,
        ),
        Preprocessing(
            "bert_tokens",
            "token ids of a text and of a second one, which may be empty",
            "ids with [CLS], [SEP] and padding, the mask of what is no padding, and the types of the two texts",
            "Devlin et al., NAACL 2019, section 3 and figure 2",
            _tokens,
        ),
        Preprocessing(
            "one_hot_characters",
            "numbers of characters in the alphabet",
            "the last 40 of them, 1 at each one's place",
            "Ma et al., WWW 2019, section 5.2.1, after TensorFlow's text generation example",
            _characters,
        ),
        Preprocessing(
            "random_latent",
            "a seed",
            "a vector of normally distributed values, which the network brings to length itself",
            "Karras et al., ICLR 2018, appendix A.1",
            _latent,
        ),
    )
}

POSTPROCESSING = {
    step.name: step
    for step in (
        Postprocessing(
            "softmax_top_5",
            "logits [b, classes]",
            "the five best classes and their shares",
            "Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015, section 4.1",
            _classes,
        ),
        Postprocessing(
            "ssd_boxes",
            "box_encodings [b, 1917, 4] and class_logits [b, 1917, 91]",
            "at most 100 boxes an image, by box decoding, sigmoid and suppression in each class",
            "Liu et al., ECCV 2016, sections 2.2 and 3",
            _ssd,
        ),
        Postprocessing(
            "efficientdet_boxes",
            "box_encodings [b, 76725, 4] and class_logits [b, 76725, 90]",
            "at most 100 boxes an image, by box decoding, sigmoid and suppression in each class",
            "Tan et al., CVPR 2020, section 4; Lin et al., ICCV 2017, section 4",
            _efficientdet,
        ),
        Postprocessing(
            "yolov5_boxes",
            "raw_predictions [b, 25200, 85]",
            "at most 300 boxes an image, by grid decoding and suppression in each class",
            "Jocher et al., YOLOv5, 2020, release 6",
            _yolov5,
        ),
        Postprocessing(
            "image_from_unit",
            "an image [b, height, width, 3] in [-1, 1)",
            "8-bit pixels",
            "the inverse of `image_to_unit`",
            _pixels,
        ),
    )
}
