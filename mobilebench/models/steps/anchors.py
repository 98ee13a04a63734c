"""The anchors of detectors in the order of their outputs, as shares of the image."""

from __future__ import annotations

from functools import cache

import numpy as np

from mobilebench.models.steps.boxes import Floats


@cache
def ssd() -> Floats:
    """SSD-MobileNetV2's 1917 anchors [1917, 4]: centre y, centre x, height, width.

    Liu et al., ECCV 2016, section 2.2: scales from 0.2 to 0.95 over six maps, aspect ratios 1, 2, 1/2, 3 and 1/3 and a
    square between two scales. The first map has three, as in the first public SSD-MobileNetV2: a square of 0.1, and 2
    and 1/2.
    """
    scales = [*np.linspace(0.2, 0.95, 6), 1.0]
    maps = []
    for number, side in enumerate((19, 10, 5, 3, 2, 1)):
        scale, following = scales[number], scales[number + 1]
        shapes = [(scale, 2.0), (scale, 1 / 2)]
        if number == 0:
            shapes = [(0.1, 1.0), *shapes]
        else:
            between = float(np.sqrt(scale * following))
            shapes = [(scale, 1.0), *shapes, (scale, 3.0), (scale, 1 / 3), (between, 1.0)]
        maps.append(_everywhere(side, [(size / ratio**0.5, size * ratio**0.5) for size, ratio in shapes]))
    return np.concatenate(maps)


@cache
def efficientdet() -> Floats:
    """EfficientDet-D1's 76 725 anchors [76725, 4]: centre y, centre x, height, width.

    Tan et al., CVPR 2020, section 4, after Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, section 4: at
    each place of strides 8 to 128 squares of 4 strides, enlarged by 2 to the power 0, 1/3 and 2/3, in the aspect ratios
    1, 2 and 1/2.
    """
    levels = []
    for stride in (8, 16, 32, 64, 128):
        sizes = [4 * stride * 2 ** (octave / 3) / 640 for octave in range(3)]
        shapes = [(size / ratio**0.5, size * ratio**0.5) for size in sizes for ratio in (1.0, 2.0, 0.5)]
        levels.append(_everywhere(640 // stride, shapes))
    return np.concatenate(levels)


def _everywhere(side: int, shapes: list[tuple[float, float]]) -> Floats:
    """Each shape (height, width) at each cell of a map, ordered by row, column and shape."""
    centres = (np.arange(side) + 0.5) / side
    rows, columns, number = np.meshgrid(centres, centres, np.arange(len(shapes)), indexing="ij")
    sizes = np.array(shapes)[number.reshape(-1)]
    return np.column_stack([rows.reshape(-1), columns.reshape(-1), sizes])
