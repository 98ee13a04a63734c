"""The models of the papers: what goes in, what comes out, how far an answer may differ, and which can be built."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from mobilebench.errors import BadInput
from mobilebench.models.manifest import Fill, InputSpec

VARIANTS = ("fp32", "fp16", "int8")
"""Number formats that this version knows by name."""


@dataclass(frozen=True)
class Input:
    """One input of a model; its shape gets the batch in front."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    fill: Fill


@dataclass(frozen=True)
class ModelEntry:
    """One model of the registry. Inputs are in canonical order, which is `position` of the fill formula."""

    name: str
    label: str
    """The papers' label, M1 to M9; empty for a model outside their latency study."""
    title: str
    task: str
    citation: str
    parameters: int
    """As published (rounded where the source rounds), batch norm counted separately."""
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    tolerance: dict[str, float]
    """Variant to the allowed difference, as a share of each output's largest absolute reference value."""
    definition: str | None = None
    """The module that defines the network; None when this version has no definition."""

    def input_specs(self, batch: int) -> list[InputSpec]:
        """The inputs with their shapes for this batch."""
        return [
            InputSpec.model_validate(
                {"name": i.name, "dtype": i.dtype, "shape": [batch, *i.shape], "fill": i.fill.model_dump()}
            )
            for i in self.inputs
        ]


def _image(size: int) -> tuple[Input, ...]:
    return (Input("image", "float32", (size, size, 3), Fill(kind="uniform", low=-1, high=1)),)


def _text(vocabulary: int, sequence: int) -> tuple[Input, ...]:
    return (
        Input("input_ids", "int32", (sequence,), Fill(kind="integers", low=0, high=vocabulary)),
        Input("attention_mask", "int32", (sequence,), Fill(kind="integers", low=0, high=2)),
        Input("token_type_ids", "int32", (sequence,), Fill(kind="integers", low=0, high=2)),
    )


_FP32 = {"fp32": 1e-4}
_BERT_OUTPUTS = ("sequence_output", "pooled_output")

_ENTRIES = (
    ModelEntry(
        name="mobilenet_v2",
        label="M1",
        title="MobileNetV2",
        task="image classification",
        citation="Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018",
        parameters=3_504_872,
        inputs=_image(224),
        outputs=("logits",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.mobilenet_v2",
    ),
    ModelEntry(
        name="resnet50",
        label="M2",
        title="ResNet-50",
        task="image classification",
        citation="He et al., Deep Residual Learning for Image Recognition, CVPR 2016",
        parameters=25_557_032,
        inputs=_image(224),
        outputs=("logits",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.resnet50",
    ),
    ModelEntry(
        name="vgg16",
        label="M3",
        title="VGG-16",
        task="image classification",
        citation="Simonyan et al., Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015",
        parameters=138_400_000,
        inputs=_image(224),
        outputs=("logits",),
        tolerance=_FP32,
    ),
    ModelEntry(
        name="ssd_mobilenet_v2",
        label="M4",
        title="SSD-MobileNetV2",
        task="object detection",
        citation="Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016; backbone by Sandler et al., CVPR 2018",
        parameters=6_100_000,
        inputs=_image(300),
        outputs=("box_encodings", "class_logits"),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.ssd_mobilenet_v2",
    ),
    ModelEntry(
        name="efficientdet_d1",
        label="M5",
        title="EfficientDet-D1",
        task="object detection",
        citation="Tan et al., EfficientDet: Scalable and Efficient Object Detection, CVPR 2020",
        parameters=6_600_000,
        inputs=_image(640),
        outputs=("box_encodings", "class_logits"),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.efficientdet_d1",
    ),
    ModelEntry(
        name="yolov5m",
        label="M6",
        title="YOLOv5m",
        task="object detection",
        citation="Jocher et al., YOLOv5, 2020 (architecture; built here from its description)",
        parameters=21_200_000,
        inputs=_image(640),
        outputs=("raw_predictions",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.yolov5m",
    ),
    ModelEntry(
        name="bert_base",
        label="M7",
        title="BERT-Base",
        task="language understanding",
        citation="Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers, NAACL 2019",
        parameters=110_000_000,
        inputs=_text(30522, 128),
        outputs=_BERT_OUTPUTS,
        tolerance=_FP32,
    ),
    ModelEntry(
        name="mobilebert",
        label="M8",
        title="MobileBERT",
        task="language understanding",
        citation="Sun et al., MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices, ACL 2020",
        parameters=25_300_000,
        inputs=_text(30522, 128),
        outputs=_BERT_OUTPUTS,
        tolerance=_FP32,
        definition="mobilebench.models.zoo.mobilebert",
    ),
    ModelEntry(
        name="bert_small",
        label="M9",
        title="BERT-Small (L2/H128)",
        task="language understanding",
        citation="Turc et al., Well-Read Students Learn Better: On the Importance of Pre-training Compact Models, 2019",
        parameters=4_385_920,
        inputs=_text(30522, 128),
        outputs=_BERT_OUTPUTS,
        tolerance=_FP32,
        definition="mobilebench.models.zoo.bert_small",
    ),
    ModelEntry(
        name="squeezenet",
        label="",
        title="SqueezeNet 1.0",
        task="image classification",
        citation="Iandola et al., SqueezeNet: AlexNet-Level Accuracy with 50x Fewer Parameters, 2016",
        parameters=1_248_424,
        inputs=_image(224),
        outputs=("logits",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.squeezenet",
    ),
    ModelEntry(
        name="shufflenet_v2",
        label="",
        title="ShuffleNetV2",
        task="image classification",
        citation="Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, ECCV 2018",
        parameters=2_278_604,
        inputs=_image(224),
        outputs=("logits",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.shufflenet_v2",
    ),
    ModelEntry(
        name="densenet121",
        label="",
        title="DenseNet-121",
        task="image classification",
        citation="Huang et al., Densely Connected Convolutional Networks, CVPR 2017",
        parameters=7_978_856,
        inputs=_image(224),
        outputs=("logits",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.densenet121",
    ),
    ModelEntry(
        name="xception",
        label="",
        title="Xception",
        task="image classification",
        citation="Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017",
        parameters=22_855_952,
        inputs=_image(299),
        outputs=("logits",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.xception",
    ),
    ModelEntry(
        name="inception_v3",
        label="",
        title="Inception v3",
        task="image classification",
        citation="Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016",
        parameters=23_817_352,
        inputs=_image(299),
        outputs=("logits",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.inception_v3",
    ),
    ModelEntry(
        name="esrgan",
        label="",
        title="ESRGAN (6 of 23 dense blocks)",
        task="super-resolution",
        citation="Wang et al., ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, ECCV Workshops 2018",
        parameters=4_467_779,
        inputs=_image(64),
        outputs=("upscaled_image",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.esrgan",
    ),
    ModelEntry(
        name="pggan",
        label="",
        title="PGGAN (128 x 128)",
        task="image generation",
        citation="Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and Variation, ICLR 2018",
        parameters=22_926_467,
        inputs=(Input("latent", "float32", (512,), Fill(kind="uniform", low=-1, high=1)),),
        outputs=("generated_image",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.pggan",
    ),
    ModelEntry(
        name="cyclegan",
        label="",
        title="CycleGAN (9 residual blocks)",
        task="image-to-image translation",
        citation="Zhu et al., Unpaired Image-to-Image Translation Using Cycle-Consistent Adversarial Networks, "
        "ICCV 2017",
        parameters=11_378_179,
        inputs=_image(256),
        outputs=("translated_image",),
        tolerance=_FP32,
        definition="mobilebench.models.zoo.cyclegan",
    ),
)

MODELS: dict[str, ModelEntry] = {entry.name: entry for entry in _ENTRIES}
"""Every known model by name: the papers' nine in their order, then the others."""


def names() -> list[str]:
    """The names of all known models: the papers' nine in their order, then the others."""
    return list(MODELS)


def get(name: str) -> ModelEntry:
    """The entry of a model.

    Raises:
        BadInput: no model has this name; the message lists those that exist, the hint the closest.
    """
    if name in MODELS:
        return MODELS[name]
    close = difflib.get_close_matches(name.lower().replace("-", "_"), MODELS, n=1, cutoff=0.5)
    raise BadInput(
        f"There is no model {name!r}; known are {', '.join(MODELS)}.",
        hint=f"Did you mean `{close[0]}`?" if close else "`mobilebench models list` describes them.",
    )


def why_not(model: str, variant: str = "fp32") -> str | None:
    """Why a known model cannot be built in this variant, in plain words; None when it can.

    Raises:
        BadInput: the model or the variant is unknown.
    """
    entry = get(model)
    if variant not in VARIANTS:
        raise BadInput(
            f"There is no variant {variant!r}; known are {', '.join(VARIANTS)}.",
            hint="Variants are number formats; leave it out for fp32.",
        )
    if entry.definition is None:
        return f"{model} is known but this version has no definition of it"
    if variant not in entry.tolerance:
        return f"{model} has no {variant} variant in this version, only {', '.join(entry.tolerance)}"
    return None
