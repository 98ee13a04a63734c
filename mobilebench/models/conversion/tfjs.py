"""Makes TF.js graph models (`model.json` and weight shards) with TF.js's converter.

Empty modules stand in for packages that the converter imports but this conversion never uses.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from mobilebench.core.errors import MobilebenchError
from mobilebench.models.conversion import graph
from mobilebench.models.conversion.converted import SIGNATURE, Converted, Names, in_order
from mobilebench.models.conversion.graph import Arrays, Parted
from mobilebench.models.manifest import InputSpec

FILE = "model.json"
SMALLEST_QUANTISED = 1024
"""Weights of fewer elements (biases, scales, shapes) stay in 32 bits: they are small, and precision depends on them."""

_STORED_AS = {"fp16": "float16", "dynamic": "uint8"}
_UNUSED_IMPORTS = ("tensorflow_decision_forests", "tensorflow_hub", "tensorflowjs.converters.jax_conversion")
_DTYPE_BYTES = {"float32": 4, "int32": 4, "bool": 1, "uint8": 1, "uint16": 2, "float16": 2}


def convert(parts: Parted, inputs: list[InputSpec], names: Names, folder: Path) -> Converted:
    """Convert the model to `folder`, in 32 bits.

    Raises:
        MobilebenchError: the result has other tensors than the model, or shards do not match `model.json`.
    """
    _import_converter()
    from tensorflowjs.converters.tf_saved_model_conversion_v2 import convert_tf_saved_model

    saved = folder.with_name(f"{folder.name}.parted")
    arguments = graph.save_parted(parts, inputs, saved)
    convert_tf_saved_model(str(saved), str(folder), signature_def=SIGNATURE, use_structured_outputs_names=True)
    outputs = graph.output_tensors(saved, names)
    shutil.rmtree(saved)
    model = json.loads((folder / FILE).read_text())
    weights = _read(model, folder)
    weights |= _put_back(model, {argument: parts.weights[name] for argument, name in arguments.items()})
    _write(model, weights, folder, "float32")
    return _described(model, names, outputs, folder)


def requantised(source: Path, names: Names, outputs: dict[str, str], folder: Path, precision: str) -> Converted:
    """The model of folder `source` with weights of `fp16` or of `dynamic` (8 bits, one scale a tensor).

    TF.js turns them back into 32 bits when it loads the model, and computes in these.

    Args:
        source: folder of the model in fp32.
        names: the model's canonical tensor names.
        outputs: canonical output name to its name in `source`.
        folder: what is written.
        precision: `fp16` or `dynamic`.
    """
    _import_converter()
    model = json.loads((source / FILE).read_text())
    folder.mkdir()
    _write(model, _read(model, source), folder, _STORED_AS[precision])
    return _described(model, names, outputs, folder)


def _read(model: dict[str, Any], folder: Path) -> Arrays:
    from tensorflowjs.read_weights import read_weights

    return {one["name"]: one["data"] for one in read_weights(model["weightsManifest"], str(folder), flatten=True)}


def _put_back(model: dict[str, Any], weights: Arrays) -> Arrays:
    """Replace the inputs that stand for big weights by constants; returns the weights by constant name."""
    inputs = model["signature"]["inputs"]
    own = {entry["name"].removesuffix(":0"): key for key, entry in inputs.items()}
    constants: Arrays = {}
    for node in model["modelTopology"]["node"]:
        weight = weights.get(node["name"])
        if node["op"] == "Placeholder" and weight is not None:
            node["op"] = "Const"
            shape = {"dim": [{"size": str(size)} for size in weight.shape]}
            dtype = node["attr"]["dtype"]
            node["attr"] = {"dtype": dtype, "value": {"tensor": {"dtype": dtype["type"], "tensorShape": shape}}}
            del inputs[own[node["name"]]]
            constants[node["name"]] = weight
    if set(constants) != set(weights):
        raise MobilebenchError(f"TF.js's converter lost the inputs {sorted(set(weights) - set(constants))}.")
    return constants


def _write(model: dict[str, Any], weights: Arrays, folder: Path, stored_as: str) -> None:
    """Write shards and `model.json` reproducibly."""
    from tensorflowjs.write_weights import write_weights

    for shard in folder.glob("*.bin"):
        shard.unlink()
    narrow = [
        name for name, weight in weights.items() if weight.dtype == "float32" and weight.size >= SMALLEST_QUANTISED
    ]
    quantised = {stored_as: narrow} if stored_as != "float32" and narrow else None
    group = [{"name": name, "data": weight} for name, weight in weights.items()]
    model["weightsManifest"] = write_weights(
        [group], str(folder), write_manifest=False, quantization_dtype_map=quantised
    )
    (folder / FILE).write_text(json.dumps(model, sort_keys=True))


def _described(model: dict[str, Any], names: Names, outputs: dict[str, str], folder: Path) -> Converted:
    file = folder / FILE
    groups = model["weightsManifest"]
    parts = tuple(folder / path for group in groups for path in group["paths"])
    declared = sum(_bytes_of(weight) for group in groups for weight in group["weights"])
    if declared != sum(part.stat().st_size for part in parts):
        raise MobilebenchError(
            f"The weight shards beside {file.name} do not hold the {declared} bytes that it declares."
        )
    # The converter keys its signature by shape where shapes are unique, so only the names are reliable.
    signature = {side: {entry["name"] for entry in model["signature"][side].values()} for side in ("inputs", "outputs")}
    if set(outputs.values()) != signature["outputs"]:
        raise MobilebenchError(f"{file.name} gives {signature['outputs']}, where {outputs} was expected.")
    return Converted(
        file,
        in_order(file, names.inputs, {name.removesuffix(":0"): name for name in signature["inputs"]}),
        in_order(file, names.outputs, outputs),
        parts,
    )


def _bytes_of(weight: dict[str, Any]) -> int:
    count = 1
    for length in weight["shape"]:
        count *= length
    return count * _DTYPE_BYTES[weight.get("quantization", weight)["dtype"]]


def _import_converter() -> None:
    for name in _UNUSED_IMPORTS:
        sys.modules.setdefault(name, _stand_in(name))


def _stand_in(name: str) -> ModuleType:
    """An empty module that makes an import succeed; any use of it fails."""
    module = ModuleType(name)
    if name.endswith("jax_conversion"):
        module.convert_jax = None  # type: ignore[attr-defined]
    return module
