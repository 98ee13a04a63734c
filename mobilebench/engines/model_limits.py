"""Models that an engine in a page cannot run, known from the manifest before any page is opened."""

from __future__ import annotations

from mobilebench.models.manifest import AddedManifest, Format, ModelFiles

_DTYPES: dict[str, tuple[str, ...]] = {
    "litertjs": ("float32", "int32", "uint8"),
    "tfjs": ("float32", "int32", "bool"),
}
"""Engine to the dtypes that it supports; other engines support all dtypes of a manifest."""

_TITLES = {"litertjs": "LiteRT.js", "tfjs": "TensorFlow.js"}


def why_not(engine: str, files: ModelFiles, model_format: Format) -> str | None:
    """Why this engine cannot run this model on any target, in plain words; None when nothing is known against it."""
    entry = files.manifest.formats.get(model_format)
    name = engine.partition("@")[0]
    title = _TITLES.get(name)
    if entry is None or title is None:
        return None
    if name == "litertjs" and entry.open_inputs:
        return (
            f"{title} takes no model with open sizes (input {entry.open_inputs[0]} of {files.manifest.model}): "
            "convert it with whole shapes"
        )
    for spec in files.manifest.inputs:
        dtype = entry.input_dtypes.get(spec.name, spec.dtype)
        if dtype not in _DTYPES[name]:
            return f"{title} has no {dtype} tensors (input {spec.name})"
    if name == "litertjs" and isinstance(files.manifest, AddedManifest):
        for output, dtype in files.manifest.output_dtypes.items():
            if dtype not in _DTYPES[name]:
                return f"{title} has no {dtype} tensors (output {output})"
    return None
