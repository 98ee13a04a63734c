"""The small detector of moving shapes: trained here once, kept among the added models, and run on frames."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.worker_process import ENGINES_ON_CPU, Worker, WorkerFailed
from mobilebench.models import user_store
from mobilebench.models.manifest import Fill, InputSpec, ModelFiles
from mobilebench.models.steps import detection
from mobilebench.models.steps.answers import sigmoid
from mobilebench.reuse.answers import Answer, Found
from mobilebench.reuse.frames import SIDES
from mobilebench.reuse.shapes import CLASSES, SIDE

NAME = "moving_shapes"
"""Its name among the models, as in `mobilebench run --model moving_shapes`."""
CELLS = 12
"""Places in a row and in a column."""
PLACES = CELLS * CELLS
INPUT = InputSpec(
    name="image", dtype="float32", shape=[1, SIDE, SIDE, 3], fill=Fill(kind="uniform", low=-1.0, high=1.0)
)
OUTPUTS = ("box_encodings", "class_logits")
SEED = 7
STEPS = 1000
_ANCHOR = 0.25
"""Height and width of every anchor, as a share of the image."""
_TRAINER = "mobilebench.scenarios.accuracy.training"
_PATIENCE_S = 1800.0
_LEAST_SCORE = 0.05
_SURE = 0.3
"""A class is given to an image only for a box of this score."""
_MOST_OVERLAP = 0.45
_MOST_BOXES = 20

Tell = Callable[[str], None]


def ensure(tell: Tell) -> ModelFiles:
    """The trained detector; it is trained if it is missing.

    It is kept as an added model, in all formats to which it can be converted, so it can be measured like any other.

    Raises:
        BadInput: it is missing and the `models` extra is not installed, or another model has its name.
        MobilebenchError: training or converting failed.
    """
    files = user_store.find(NAME) or _trained(tell)
    manifest = files.manifest
    if [one.shape for one in manifest.inputs] != [INPUT.shape] or sorted(manifest.outputs) != sorted(OUTPUTS):
        raise BadInput(
            f"The name {NAME} belongs to another model that was added.",
            hint=f"Remove it with `mobilebench models remove {NAME}`, or use `--answers`.",
        )
    if "onnx" not in manifest.formats:
        why = manifest.unsupported.get("onnx", "it was not converted")
        raise MobilebenchError(
            f"The model {NAME} has no ONNX file: {why}.", hint=f"Remove it with `mobilebench models remove {NAME}`."
        )
    return user_store.whole(files)


def _trained(tell: Tell) -> ModelFiles:
    if importlib.util.find_spec("tensorflow") is None:
        raise BadInput(
            f"The model {NAME} has to be trained first, and TensorFlow is not installed.",
            hint="Install it with `pip install 'mobilebench[models]'`, or use `--answers truth`.",
        )
    from mobilebench.models.user_models import converting, importer

    with tempfile.TemporaryDirectory(prefix="mobilebench-") as place:
        folder = Path(place) / NAME
        tell(f"training the model {NAME} on generated images, once (half a minute or more)")
        train(folder, SEED, STEPS)
        added = importer.add(folder, importer.ImportOptions(name=NAME), tell)
        return converting.convert(added, tell).files


def train(folder: Path, seed: int, steps: int) -> dict[str, Any]:
    """Train the detector in a process of its own; the SavedModel is written to `folder`.

    Returns:
        `parameters`, their number, and `loss`, the mean of the last steps.

    Raises:
        MobilebenchError: training failed.
    """
    with Worker(_TRAINER, environment={**ENGINES_ON_CPU, "PYTHONHASHSEED": "0"}) as worker:
        try:
            return worker.answer({"folder": str(folder), "seed": seed, "steps": steps}, timeout_s=_PATIENCE_S)
        except WorkerFailed as error:
            raise MobilebenchError(f"The model {NAME} could not be trained: {error.reason}.") from error


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels as the network's input, from -1 to 1."""
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)


def answers(files: ModelFiles, images: Mapping[str, NDArray[np.uint8]]) -> dict[str, Answer]:
    """The detector's answer to each image, computed by ONNX Runtime with one thread."""
    import onnxruntime

    stored = files.manifest.formats["onnx"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = str(files.folder / stored.path)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, outputs = stored.inputs["image"], [stored.outputs[one] for one in OUTPUTS]
    return {image: decoded(*session.run(outputs, {name: scaled(values)[None]})) for image, values in images.items()}


def decoded(box_encodings: NDArray[Any], class_logits: NDArray[Any]) -> Answer:
    """The answer to one image, from [1, 144, 4] encodings of boxes and [1, 144, 4] logits of classes.

    The class of the image is that of its largest box of which the detector is sure.
    """
    corners = detection.to_corners(detection.decoded(box_encodings[0], anchors(), detection.PLAIN_SCALES))
    score = sigmoid(class_logits[0])
    place, index = np.nonzero(score >= _LEAST_SCORE)
    kept = detection.best_of_each_class(
        np.clip(corners[place], 0, 1), score[place, index], index, most_overlap=_MOST_OVERLAP, most=_MOST_BOXES
    )
    boxes = tuple(
        _found(corner * SIDE, CLASSES[label], float(sure))
        for corner, label, sure in zip(kept.corners, kept.index, kept.score, strict=True)
        if corner[0] < corner[2] and corner[1] < corner[3]
    )
    sure = [box for box in boxes if box.score >= _SURE]
    return Answer(label=max(sure, key=lambda box: box.area).label if sure else None, boxes=boxes)


def _found(corner: NDArray[np.float64], label: str, score: float) -> Found:
    top, left, bottom, right = map(float, corner)
    return Found(label=label, score=score, **dict(zip(SIDES, (left, top, right, bottom), strict=True)))


@cache
def anchors() -> NDArray[np.float64]:
    """Centre y, centre x, height and width at each place, [144, 4], as shares of the image."""
    centres = (np.arange(CELLS) + 0.5) / CELLS
    rows, columns = np.meshgrid(centres, centres, indexing="ij")
    sizes = np.full((PLACES, 2), _ANCHOR)
    return np.column_stack([rows.reshape(-1), columns.reshape(-1), sizes])
