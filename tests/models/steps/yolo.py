"""The inverse of YOLOv5's box decoding, from which tests make the outputs of a network."""

from __future__ import annotations

import numpy as np

from mobilebench.models.steps import detection
from mobilebench.models.steps.detection import Floats


def yolov5_encoded(centred: Floats) -> Floats:
    """The raw values [n, 4] that `yolov5_decoded` turns into these boxes [n, 4], each in reach of its anchor."""
    grid, stride, shape = detection.yolo_places()
    pixels = centred * detection.YOLO_SIDE
    centre = (pixels[:, 1::-1] / stride - grid + 0.5) / 2
    size = np.sqrt(pixels[:, :1:-1] / shape) / 2
    values = np.concatenate([centre, size], axis=1)
    return np.asarray(np.log(values / (1 - values)), dtype=np.float64)
