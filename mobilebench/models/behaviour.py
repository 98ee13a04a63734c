"""Whether a model is a pure function of its input, which operators suggest otherwise, and how reports word it.

Operators are only a hint; the model's outputs decide (`models.user_models.reference_client`).
"""

from __future__ import annotations

from collections.abc import Iterable

from mobilebench.models.inspection.inspecting import OperatorCount
from mobilebench.models.manifest import AddedManifest, Behaviour, Format, Manifest

_RANDOM_ONNX = frozenset(
    {
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout",
        "BiasDropout", "BitmaskDropout", "BitmaskBiasDropout",
    }
)  # fmt: skip
"""Dropout draws numbers only in training mode."""
_RANDOM_TFLITE = frozenset({"RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"})
_RANDOM_TENSORFLOW = frozenset(
    {
        "RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal", "ParameterizedTruncatedNormal",
        "RandomGamma", "RandomPoisson", "RandomPoissonV2", "RandomShuffle", "RandomCrop", "Multinomial",
        "NonDeterministicInts", "StatefulUniform", "StatefulUniformInt", "StatefulUniformFullInt",
        "StatefulStandardNormal", "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulRandomBinomial",
        "SampleDistortedBoundingBox", "SampleDistortedBoundingBoxV2", "AllCandidateSampler", "UniformCandidateSampler",
        "LogUniformCandidateSampler", "LearnedUnigramCandidateSampler", "FixedUnigramCandidateSampler",
    }
)  # fmt: skip
_VARIABLE_TENSORS = frozenset(
    {
        "SVDF", "RNN", "LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_LSTM",
    }
)  # fmt: skip
_STATE_TFLITE = frozenset({"ASSIGN_VARIABLE"}) | _VARIABLE_TENSORS
"""Operators that write resource variables or keep their state in variable tensors."""
_STATE_TENSORFLOW = frozenset(
    {
        "Assign", "AssignAdd", "AssignSub", "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp",
        "ScatterAdd", "ScatterSub", "ScatterUpdate", "ResourceScatterAdd", "ResourceScatterSub", "ResourceScatterMul",
        "ResourceScatterUpdate", "ResourceScatterNdAdd", "ResourceScatterNdSub", "ResourceScatterNdUpdate",
        "ResourceStridedSliceAssign", "CountUpTo", "ResourceCountUpTo", "LookupTableInsert", "LookupTableInsertV2",
        "LookupTableRemoveV2", "QueueEnqueueV2", "QueueDequeueV2", "StackPushV2", "StackPopV2", "Stage", "Unstage",
        "RngSkip", "RngReadAndSkip", "Barrier", "AccumulatorApplyGradient",
    }
)  # fmt: skip

_RANDOM: dict[Format, frozenset[str]] = {
    "onnx": _RANDOM_ONNX,
    "tflite": _RANDOM_TFLITE,
    "saved_model": _RANDOM_TENSORFLOW,
    "tfjs": _RANDOM_TENSORFLOW,
}
_STATE: dict[Format, frozenset[str]] = {
    "onnx": frozenset(),
    "tflite": _STATE_TFLITE,
    "saved_model": _STATE_TENSORFLOW,
    "tfjs": _STATE_TENSORFLOW,
}
_FLEX = "flex"


def of(manifest: Manifest) -> Behaviour:
    """What a model's output depends on; for every model of the zoo, on its input alone."""
    return manifest.behaviour if isinstance(manifest, AddedManifest) else Behaviour()


def random_operators(operators: Iterable[OperatorCount], format_name: Format) -> list[str]:
    """The operators of a file that may draw random numbers."""
    return _named(operators, _RANDOM[format_name], _RANDOM_TENSORFLOW)


def state_operators(operators: Iterable[OperatorCount], format_name: Format) -> list[str]:
    """The operators of a file that may keep state from inference to inference."""
    return _named(operators, _STATE[format_name], _STATE_TENSORFLOW)


def in_variable_tensors(manifest: Manifest) -> list[str]:
    """The operators with which a model keeps state in TensorFlow Lite's variable tensors."""
    model = of(manifest)
    return [name for name in model.operators if name in _VARIABLE_TENSORS] if model.stateful else []


def clause(behaviour: Behaviour) -> str | None:
    """The behaviour as a sentence without its full stop; None for a pure function."""
    named = f" ({', '.join(behaviour.operators)})" if behaviour.operators else ""
    state = "carries state from inference to inference"
    if behaviour.random:
        also = f" and {state}" if behaviour.stateful else ""
        return f"it gives another answer each time{also}{named}: agreement cannot be checked"
    if behaviour.stateful:
        return f"it {state}{named}: the first answer after a fresh start is compared"
    return None


def in_a_word(behaviour: Behaviour) -> str | None:
    """`random`, `stateful` or both; None for a pure function."""
    words = [word for word, is_so in (("random", behaviour.random), ("stateful", behaviour.stateful)) if is_so]
    return " and ".join(words) or None


def _named(operators: Iterable[OperatorCount], own: frozenset[str], of_tensorflow: frozenset[str]) -> list[str]:
    found = {
        one.type
        for one in operators
        if (one.type in own and one.domain != _FLEX)
        or (one.domain == _FLEX and one.type.removeprefix("Flex") in of_tensorflow)
    }
    return sorted(found)
