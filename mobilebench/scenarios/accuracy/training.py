"""The process that trains the small detector of moving shapes, and saves it as a SavedModel.

It is started as a `core.worker_process.Worker`, because TensorFlow is large. Its job is `{folder, seed, steps}`, its
answer `{parameters, loss}`; `loss` is the mean of the last steps.

The network looks once at each of 12 x 12 places and gives a class and a box, as single-shot detectors do (W. Liu et
al., ECCV 2016). Its loss is the focal loss for classes (T.-Y. Lin et al., ICCV 2017, equation 4, gamma 2) and Huber's
for boxes. It is trained on single images that no clip of the set has.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.models.conversion import graph
from mobilebench.models.steps import detection
from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Network, Weights
from mobilebench.reuse import shapes
from mobilebench.scenarios.accuracy import detector
from mobilebench.scenarios.accuracy.detector import CELLS, PLACES

_WIDTHS = ((3, 16, 2), (16, 32, 2), (32, 48, 2), (48, 64, 1), (64, 64, 1))
"""Channels before and after each 3 x 3 convolution, and its stride."""
_BATCH = 16
_IMAGES = 3000
_RATE = 4e-3
_FEW = -3.0
"""Added to every class: most places hold nothing."""
_LAST_STEPS = 20


def network(weights: Weights) -> Network:
    """From `image` [b, 96, 96, 3] in [-1, 1] to `box_encodings` [b, 144, 4] and `class_logits` [b, 144, 4]."""
    layers = [
        blocks.convolution(weights, before, after, kernel=3, stride=stride, gain=2**0.5, activation=tf.nn.relu)
        for before, after, stride in _WIDTHS
    ]
    features = blocks.chain(layers)
    boxes = blocks.convolution(weights, _WIDTHS[-1][1], 4, kernel=1, gain=0.5)
    classes = blocks.convolution(weights, _WIDTHS[-1][1], len(shapes.CLASSES), kernel=1, gain=0.5)

    def run(inputs: dict[str, Any]) -> dict[str, Any]:
        x = features(inputs["image"])
        return {
            "box_encodings": tf.reshape(boxes(x), [-1, PLACES, 4]),
            "class_logits": tf.reshape(classes(x), [-1, PLACES, len(shapes.CLASSES)]) + _FEW,
        }

    return run


def train(folder: Path, seed: int, steps: int) -> dict[str, Any]:
    """Train, and write the SavedModel to `folder`; returns its parameters and the loss at the end."""
    tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(seed)
    random = np.random.default_rng(seed)
    images, labels, boxes = _examples(random)
    weights = Weights(seed)
    run = network(weights)
    optimiser = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(_RATE, steps))
    optimiser.build(weights.variables)

    @tf.function  # type: ignore[untyped-decorator]
    def step(image: Any, label: Any, box: Any) -> Any:
        with tf.GradientTape() as tape:
            for variable in weights.variables:
                tape.watch(variable)
            loss = _loss(run({"image": image}), label, box)
        optimiser.apply_gradients(zip(tape.gradient(loss, weights.variables), weights.variables, strict=True))
        return loss

    losses = []
    for _ in range(steps):
        chosen = random.integers(len(images), size=_BATCH)
        image = detector.scaled(images[chosen])
        losses.append(float(step(tf.constant(image), tf.constant(labels[chosen]), tf.constant(boxes[chosen]))))
    graph.save(run, weights.variables, [detector.INPUT], folder)
    return {"parameters": weights.count, "loss": float(np.mean(losses[-_LAST_STEPS:]))}


def _examples(random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """Images, for each place the classes [n, 144, 4] as 0 or 1, and the encodings of its box [n, 144, 4]."""
    images, labels, boxes = [], [], []
    for _ in range(_IMAGES):
        drawn = shapes.still(random)
        label = np.zeros((PLACES, len(shapes.CLASSES)), np.float32)
        box = np.zeros((PLACES, 4), np.float32)
        for one in drawn.truth.boxes or ():
            corners = np.array([one.top, one.left, one.bottom, one.right]) / shapes.SIDE
            centred = np.concatenate([(corners[:2] + corners[2:]) / 2, corners[2:] - corners[:2]])[None]
            row, column = (centred[0, :2] * CELLS).astype(int)
            place = row * CELLS + column
            label[place] = 0
            label[place, shapes.CLASSES.index(one.label)] = 1
            box[place] = detection.encoded(centred, detector.anchors()[place][None], detection.PLAIN_SCALES)[0]
        images.append(drawn.image)
        labels.append(label)
        boxes.append(box)
    return np.array(images), np.array(labels), np.array(boxes)


def _loss(outputs: dict[str, Any], label: Any, box: Any) -> Any:
    logits, encodings = outputs["class_logits"], outputs["box_encodings"]
    there = tf.reduce_max(label, axis=-1)
    count = tf.maximum(tf.reduce_sum(there), 1.0)
    share = tf.nn.sigmoid(logits)
    right = label * share + (1 - label) * (1 - share)
    plain = tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logits)
    classes = tf.reduce_sum((1 - right) ** 2 * plain) / count
    distance = tf.abs(encodings - box)
    huber = tf.where(distance < 0.1, 5 * distance**2, distance - 0.05)
    return classes + 2 * tf.reduce_sum(there[..., None] * huber) / count


def main() -> None:
    """Do the job on standard input."""
    end_with_parent()
    answers = reserve_output()
    job = json.load(sys.stdin)
    answers.write(json.dumps(train(Path(job["folder"]), int(job["seed"]), int(job["steps"]))) + "\n")


if __name__ == "__main__":
    main()
