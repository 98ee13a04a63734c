"""Families of fully connected, convolutional and recurrent networks that vary in depth and width.

The published grids are those of Ma et al., Moving Deep Learning into Web Browser: How Far Can We Go?, WWW 2019, table
5, whose networks are TensorFlow's official examples with another depth and width.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mobilebench.core.errors import BadInput
from mobilebench.models.manifest import Fill
from mobilebench.models.spec import Input, ModelEntry

_STUDY = "Ma et al., Moving Deep Learning into Web Browser: How Far Can We Go?, WWW 2019, table 5"
_MEMBER = re.compile(r"([a-z]+)_(\d+)x(\d+)")

_SIDE = 28
_DIGITS = 10
_CNN_HIDDEN = 128
_SEQUENCE = 40
_CHARACTERS = 57


@dataclass(frozen=True)
class Family:
    """Models that differ only in depth and width; a member is called `<name>_<depth>x<width>`."""

    name: str
    title: str
    task: str
    citation: str
    depths: tuple[int, ...]
    """The published depths."""
    widths: tuple[int, ...]
    """The published widths."""
    default: tuple[int, int]
    """Depth and width of the member that represents the family in lists."""
    deepest: int
    widest: int
    depth_step: int
    """Every depth is a multiple of this number."""
    shallowest: int
    depth_means: str
    width_means: str
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    definition: str
    parameters: Callable[[int, int], int]
    """The number of parameters for a depth and a width, from the layers' formulas."""
    preprocessing: str
    postprocessing: str

    @property
    def default_member(self) -> str:
        return self.member_name(*self.default)

    def member_name(self, depth: int, width: int) -> str:
        return f"{self.name}_{depth}x{width}"

    def entry(self, depth: int, width: int) -> ModelEntry:
        """The member of this depth and width.

        Raises:
            BadInput: the depth or the width is outside the limits, which the message states.
        """
        step = f" in steps of {self.depth_step}" if self.depth_step > 1 else ""
        fits = self.shallowest <= depth <= self.deepest and depth % self.depth_step == 0
        if not fits or not 1 <= width <= self.widest:
            raise BadInput(
                f"There is no model `{self.member_name(depth, width)}`: {self.name} has {self.shallowest} to "
                f"{self.deepest} {self.depth_means}{step} and 1 to {self.widest} {self.width_means}.",
                hint=f"The names of members end in depth x width, such as `{self.default_member}`.",
            )
        return ModelEntry(
            name=self.member_name(depth, width),
            label="",
            title=f"{self.title}, {depth} {self.depth_means}, {width} {self.width_means}",
            task=self.task,
            citation=self.citation,
            parameters=self.parameters(depth, width),
            inputs=self.inputs,
            outputs=self.outputs,
            definition=self.definition,
            options={"depth": depth, "width": width},
            preprocessing=self.preprocessing,
            postprocessing=self.postprocessing,
        )


def member(name: str) -> ModelEntry | None:
    """The entry of a family's member such as `mlp_4x256`; None when the name is not of that form.

    Raises:
        BadInput: the family has no member of this depth and width; the message states the limits.
    """
    matched = _MEMBER.fullmatch(name)
    if matched is None or matched[1] not in FAMILIES:
        return None
    if any(len(digits) > 6 or digits != str(int(digits)) for digits in matched.group(2, 3)):
        return None
    return FAMILIES[matched[1]].entry(int(matched[2]), int(matched[3]))


def grid(family: str) -> list[str]:
    """The names of a family's published members, sorted by depth, then by width."""
    one = FAMILIES[family]
    return [one.member_name(depth, width) for depth in one.depths for width in one.widths]


def _dense(given: int, made: int) -> int:
    return given * made + made


def _mlp_parameters(depth: int, width: int) -> int:
    return _dense(_SIDE**2, width) + (depth - 1) * _dense(width, width) + _dense(width, _DIGITS)


def _cnn_parameters(depth: int, width: int) -> int:
    repeats = depth // 3 - 1
    convolutions = _dense(9, width) + (2 * repeats - 1) * _dense(9 * width, width)
    side = _SIDE
    for _ in range(repeats):
        side = (side + 1) // 2
    return convolutions + _dense(side * side * width, _CNN_HIDDEN) + _dense(_CNN_HIDDEN, _DIGITS)


def _rnn_parameters(depth: int, width: int) -> int:
    lstm = 4 * (_dense(_CHARACTERS + width, width) + (depth - 1) * _dense(2 * width, width))
    return lstm + _dense(width, _CHARACTERS)


FAMILIES: dict[str, Family] = {
    "mlp": Family(
        name="mlp",
        title="Fully connected network for digits",
        task="digit recognition",
        citation=_STUDY,
        depths=(1, 2, 4, 8, 16),
        widths=(64, 128, 256, 512),
        default=(4, 256),
        shallowest=1,
        deepest=32,
        widest=4096,
        depth_step=1,
        depth_means="hidden layers",
        width_means="neurons each",
        inputs=(Input("pixels", "float32", (_SIDE**2,), Fill(kind="uniform", low=-1, high=1)),),
        outputs=("logits",),
        definition="mobilebench.models.zoo.mlp",
        parameters=_mlp_parameters,
        preprocessing="digit_to_unit",
        postprocessing="softmax_top_5",
    ),
    "cnn": Family(
        name="cnn",
        title="Convolutional network for digits",
        task="digit recognition",
        citation=_STUDY,
        depths=(6, 9, 15, 27),
        widths=(200, 400, 800),
        default=(9, 200),
        shallowest=6,
        deepest=27,
        widest=1024,
        depth_step=3,
        depth_means="layers",
        width_means="filters each",
        inputs=(Input("image", "float32", (_SIDE, _SIDE, 1), Fill(kind="uniform", low=-1, high=1), "NHWC"),),
        outputs=("logits",),
        definition="mobilebench.models.zoo.cnn",
        parameters=_cnn_parameters,
        preprocessing="digit_to_unit",
        postprocessing="softmax_top_5",
    ),
    "rnn": Family(
        name="rnn",
        title="Recurrent network (LSTM) for text",
        task="text generation",
        citation=_STUDY,
        depths=(1, 2, 3),
        widths=(4, 8, 16, 32, 64, 256),
        default=(2, 64),
        shallowest=1,
        deepest=4,
        widest=1024,
        depth_step=1,
        depth_means="LSTM layers",
        width_means="cells each",
        inputs=(Input("characters", "float32", (_SEQUENCE, _CHARACTERS), Fill(kind="uniform", low=-1, high=1)),),
        outputs=("logits",),
        definition="mobilebench.models.zoo.rnn",
        parameters=_rnn_parameters,
        preprocessing="one_hot_characters",
        postprocessing="softmax_top_5",
    ),
}
